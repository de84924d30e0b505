"use strict";
const link = document.getElementById("link");
const main = document.querySelector("main");
const live = new EventSource("live");
const say = (state, text) => { link.dataset.state = state; link.textContent = text; };
live.addEventListener("progress", (news) => { main.innerHTML = news.data; say("live", "live"); });
live.addEventListener("error", () => say("lost", "no connection; trying again"));

"""Figures of claims as a user sees them: imports that come too fast, keywords, the way to the network."""

import time
from pathlib import Path
from typing import Any

import httpx
from running_server import ALL_ARRIVE, HEADER, Running, running, write_scenario

FILE = "phone,tags\n" + "".join(f"+1212555{number:04d},vip\n" for number in range(100, 110))
IMPORTS = ("--set", "imports.large_contacts=10", "--set", "imports.delay_h=1.5")


def client_of(server: Running) -> httpx.Client:
    return httpx.Client(base_url=server.url, headers=HEADER, timeout=30)


def check(client: httpx.Client, name: str) -> dict[str, Any]:
    (found,) = (one for one in client.get("/alarms").json()["checks"] if one["name"] == name)
    return dict(found)


def test_a_fourth_large_import_in_an_hour_raises_the_alarm_and_holds_the_next(tmp_path: Path) -> None:
    with (
        running(write_scenario(tmp_path), tmp_path / "w.db", *IMPORTS) as server,
        client_of(server) as client,
    ):
        for taken in range(1, 5):
            assert client.post("/tag/import", content=FILE).status_code == 200
            large = check(client, "large_imports")
            assert (large["value"], large["state"]) == (taken, "alarm" if taken > 3 else "healthy")
        refused = client.post("/tag/import", content="phone,tags\n+12125550999,vip\n")
        assert (refused.status_code, refused.headers["content-type"]) == (429, "application/problem+json")
        assert 5000 < int(refused.headers["retry-after"]) <= 5400
        assert "T044, T045" in refused.json()["detail"]
        shown = client.get("/stats").json()["imports"]
        assert (shown["last_hour"], shown["large_last_hour"]) == (4, 4)
        assert shown["held_until"] is not None
        assert "no further one until" in client.get("/", auth=("", HEADER["Authorization"][7:])).text
        client.post("/emulator/clock", json={"advance_s": 5400})
        assert client.post("/tag/import", content=FILE).status_code == 200


def test_small_files_and_those_without_a_delay_are_taken(tmp_path: Path) -> None:
    with running(write_scenario(tmp_path), tmp_path / "w.db") as server, client_of(server) as client:
        assert {client.post("/tag/import", content=FILE).status_code for _ in range(6)} == {200}
        assert client.get("/stats").json()["imports"] == {
            "last_hour": 6,
            "large_last_hour": 0,
            "held_until": None,
        }


def test_keywords_that_customers_meet_are_counted(tmp_path: Path) -> None:
    with running(write_scenario(tmp_path), tmp_path / "w.db") as server, client_of(server) as client:
        for number in range(20):
            text = "What is the prise?" if number < 15 else "size?"
            client.post("/reply", json={"from": f"+1312555{number:04d}", "text": text})
        top = client.get("/stats").json()["top_keywords"]
        assert top == [
            {"keyword": "price", "messages": 15, "share": 0.75},
            {"keyword": "size", "messages": 5, "share": 0.25},
        ]
        found = check(client, "top_keyword_share")
        assert (found["value"], found["state"], found["limit"]) == (1.0, "warning", 0.8)
        assert "Keywords met most in a week: price 75.0 %" in client.get("/").text


def test_a_network_that_loses_messages_is_seen_by_its_delay(tmp_path: Path) -> None:
    lossy = (*ALL_ARRIVE, "--set", "network.handover_loss=0.5", "--speed", "3600")
    with running(write_scenario(tmp_path), tmp_path / "w.db", *lossy) as server, client_of(server) as client:
        assert check(client, "network_delay_s")["state"] == "unknown"
        body = {"template": "Hi", "recipients": [{"to": f"+1213555{n:04d}"} for n in range(100, 120)]}
        assert client.post("/send", json=body).json()["accepted"] == 20
        end_s = time.monotonic() + 30
        while (found := check(client, "network_delay_s"))["state"] != "alarm":
            assert time.monotonic() < end_s, found
            time.sleep(0.02)
        assert found["claims"] == ["C131"]
        assert client.get("/stats").json()["network_delay_s"] > 5

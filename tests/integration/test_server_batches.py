"""A batch that is paused, resumed, cancelled and followed, on a server at 120 times real speed."""

import base64
import contextlib
import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from running_server import HEADER, Running, numbers, running, write_scenario

OPTIONS = (
    "--speed=120",
    "--set=accounts.count=2",
    "--set=accounts.new_count=0",
    "--set=network.unregistered_fraction=0",
    "--set=network.delivery_rate=1",
    "--set=network.delivery_rate_over_limit=1",
)
UNSENT = ("queued", "sending")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("batches")
    with running(write_scenario(folder), folder / "wavetank.db", *OPTIONS) as server:
        yield server


@pytest.fixture
def client(server: Running) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


def send(client: httpx.Client, area: str, count: int = 60, **more: Any) -> str:
    """A batch that takes its two accounts a while: a dozen messages a minute each (C020)."""
    to = [{"to": number, "timezone": "UTC"} for number in numbers(area, count)]
    answer = client.post(
        "/send", json={"template": f"Hello {area} {time.monotonic()}", "recipients": to, **more}
    )
    assert answer.json()["accepted"] == count, answer.text
    return str(answer.json()["batch_id"])


def hold(client: httpx.Client, batch: str, what: str) -> dict[str, Any]:
    answer = client.post(f"/send/{batch}/{what}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def progress(client: httpx.Client, batch: str) -> dict[str, Any]:
    return dict(client.get(f"/send/{batch}").json())


def until(true: Callable[[], bool], seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def test_a_paused_batch_stands_still_and_a_resumed_one_goes_on(client: httpx.Client) -> None:
    batch = send(client, "415")
    until(lambda: progress(client, batch)["expected_finish"] is not None)  # the server may just have started
    accepted = progress(client, batch)["expected_finish"]
    held = hold(client, batch, "pause")
    assert held == {"batch_id": batch, "state": "paused", "changed": held["changed"]}
    assert held["changed"] > 0
    until(lambda: not any(progress(client, batch)["counts"][state] for state in ("sending", "sent")))
    before = progress(client, batch)
    assert before["state"] == "paused"
    assert before["counts"]["queued"] == held["changed"]
    time.sleep(0.5)  # a minute of the server's clock, in which two accounts send 24
    assert progress(client, batch) == before
    assert hold(client, batch, "pause")["changed"] == 0
    assert hold(client, batch, "resume") == {**held, "state": "running"}
    until(lambda: (progress(client, batch)["expected_finish"] or "") > accepted)
    until(lambda: progress(client, batch)["state"] == "done")
    assert progress(client, batch)["counts"]["delivered"] == 60
    for what in ("resume", "pause", "cancel"):
        assert hold(client, batch, what) == {"batch_id": batch, "state": "done", "changed": 0}
    assert progress(client, batch)["state"] == "done"


def test_a_cancelled_batch_is_given_up_and_others_get_its_time(client: httpx.Client) -> None:
    batch = send(client, "416", 100)
    cancelled = hold(client, batch, "cancel")
    assert cancelled["state"] == "cancelled"
    until(lambda: not any(progress(client, batch)["counts"][state] for state in ("sending", "sent")))
    counts = progress(client, batch)["counts"]
    assert counts["cancelled"] == cancelled["changed"]
    assert counts["cancelled"] + counts["delivered"] == 100
    assert hold(client, batch, "cancel")["changed"] == 0
    for what in ("pause", "resume"):
        refused = client.post(f"/send/{batch}/{what}")
        assert (refused.status_code, refused.json()["field"]) == (409, "batch_id")
    assert progress(client, batch)["counts"] == counts


def test_a_scheduled_batch_can_be_paused_and_cancelled_before_its_time(client: httpx.Client) -> None:
    batch = send(client, "417", 3, schedule="2031-01-01T10:00:00Z")
    scheduled = progress(client, batch)
    assert scheduled["state"] == "scheduled"
    assert scheduled["expected_finish"] > "2031-01-01T10:00"
    assert hold(client, batch, "pause") == {"batch_id": batch, "state": "paused", "changed": 3}
    assert progress(client, batch)["expected_finish"] is None
    assert hold(client, batch, "resume") == {"batch_id": batch, "state": "scheduled", "changed": 3}
    assert progress(client, batch) == scheduled
    assert hold(client, batch, "cancel") == {"batch_id": batch, "state": "cancelled", "changed": 3}
    cancelled = progress(client, batch)
    assert (cancelled["state"], cancelled["expected_finish"]) == ("cancelled", None)


def test_stop_reaches_a_paused_message(client: httpx.Client) -> None:
    batch = send(client, "418", 40)
    held = hold(client, batch, "pause")["changed"]
    assert held > 0
    for number in numbers("418", 40):
        client.post("/reply", json={"from": number, "text": "STOP"})
    assert progress(client, batch)["counts"]["cancelled"] == held
    assert hold(client, batch, "resume")["changed"] == 0


def test_a_pause_outlives_a_restart(tmp_path: Path) -> None:
    scenario, db = write_scenario(tmp_path), tmp_path / "wavetank.db"
    with running(scenario, db, *OPTIONS) as server, server.client() as client:
        batch = send(client, "419", 40)
        held = hold(client, batch, "pause")["changed"]
        server.process.kill()
        server.process.wait()
    with running(scenario, db, *OPTIONS) as server, server.client() as client:
        assert progress(client, batch)["state"] == "paused"
        assert progress(client, batch)["counts"]["queued"] >= held
        assert hold(client, batch, "resume")["changed"] >= held
        until(lambda: progress(client, batch)["state"] == "done")


def test_a_key_is_good_for_a_day_and_never_sends_twice(tmp_path: Path) -> None:
    one = {"template": "Hi", "recipients": [{"to": numbers("415")[0]}]}
    key = {"Idempotency-Key": "once"}
    options = ("--speed=36000",)  # ten hours a second
    with (
        running(write_scenario(tmp_path), tmp_path / "keys.db", *options) as server,
        server.client() as client,
    ):
        first = client.post("/send", json=one, headers=key)
        assert first.status_code == 202

        def expired() -> bool:
            again = client.post("/send", json=one, headers=key)
            assert again.content == first.content or again.status_code == 409
            return again.status_code == 409

        until(expired)
        again = client.post("/send", json=one, headers=key).json()
        assert (again["field"], "more than 24 h ago" in again["detail"]) == ("Idempotency-Key", True)
        assert sum(client.get("/stats").json()["messages"].values()) == 1


def test_unknown_batches_are_problems(client: httpx.Client) -> None:
    for method, path in (("POST", "pause"), ("POST", "resume"), ("POST", "cancel"), ("GET", "events")):
        answer = client.request(method, f"/send/0123456789abcdef/{path}")
        assert (answer.status_code, answer.json()["field"]) == (404, "batch_id")
        assert answer.headers["content-type"] == "application/problem+json"


def events_of(client: httpx.Client, batch: str) -> list[tuple[str, dict[str, Any]]]:
    found: list[tuple[str, dict[str, Any]]] = []
    name = ""
    with client.stream("GET", f"/send/{batch}/events") as stream:
        assert stream.headers["content-type"] == "text/event-stream"
        for line in stream.iter_lines():
            field, _, value = line.partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                found.append((name, json.loads(value)))
    return found


def test_events_follow_a_batch_to_its_end(client: httpx.Client) -> None:
    batch = send(client, "512", 30)
    events = events_of(client, batch)
    assert [name for name, _ in events[:-1]] == ["progress"] * (len(events) - 1)
    name, last = events[-1]
    assert (name, last["state"], last["counts"]["delivered"]) == ("done", "done", 30)
    sent = [one["counts"]["delivered"] + one["counts"]["sent"] for _, one in events]
    assert sent == sorted(sent)
    assert last == progress(client, batch)
    assert events_of(client, batch) == [("done", last)]


def test_a_follower_that_never_reads_holds_up_nobody(server: Running, client: httpx.Client) -> None:
    batch = send(client, "513", 30)
    address = urlsplit(server.url)
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            follower = stack.enter_context(socket.socket())
            follower.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            follower.connect((address.hostname, address.port))
            follower.sendall(
                f"GET /send/{batch}/events HTTP/1.1\r\nHost: x\r\n"
                f"Authorization: {HEADER['Authorization']}\r\n\r\n".encode()
            )
        assert events_of(client, batch)[-1][0] == "done"
    assert client.get("/healthz").status_code == 200


def test_a_server_that_stops_does_not_wait_for_followers(tmp_path: Path) -> None:
    with running(write_scenario(tmp_path), tmp_path / "wavetank.db") as server, server.client() as client:
        batch = send(client, "514", 5, schedule="2031-01-01T10:00:00Z")
        with client.stream("GET", f"/send/{batch}/events") as stream:
            lines = stream.iter_lines()
            assert next(lines) == "retry: 2000"
            server.process.terminate()
            assert list(lines)[-1] == ""
        _, err = server.process.communicate(timeout=5)
    assert (server.process.returncode, err) == (0, "")


def test_open_streams_end_when_their_token_is_taken_back_and_others_stay(client: httpx.Client) -> None:
    batch = send(client, "515", 5, schedule="2031-01-01T10:00:00Z")
    made = client.post("/tokens", json={"scopes": ["read"]}).json()
    bearer = {"Authorization": f"Bearer {made['token']}"}
    login = base64.b64encode(f"any:{made['token']}".encode()).decode()
    asked = [
        (f"/send/{batch}/events", bearer),
        ("/stats/events", bearer),
        ("/live", bearer),
        ("/live", {"Authorization": f"Basic {login}"}),  # as a browser sends it
        ("/stats/events", HEADER),
    ]
    with contextlib.ExitStack() as open_streams:
        *streams, other = [
            open_streams.enter_context(client.stream("GET", path, headers=headers)).iter_lines()
            for path, headers in asked
        ]
        for stream in (*streams, other):
            assert next(stream) == "retry: 2000"
        assert client.delete(f"/tokens/{made['id']}").is_success
        end = time.monotonic() + 15  # a second, on a machine that is not busy
        for stream in streams:
            assert all(time.monotonic() < end for _ in stream), "it went on"
        told = 0
        while told < 2:  # one of them may have come before
            told += next(other).startswith("event: progress")

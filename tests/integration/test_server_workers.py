"""Several workers behind one address: whatever one knows the others know, and one that dies is replaced."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from crashing import OPTIONS
from databases import Databases, databases
from running_server import Running, running, write_scenario
from test_server_dispatch import until_finished

BODY = {"template": "Hi", "recipients": [{"to": "+12125550100"}, {"to": "+12125550101"}]}
TAKEOVER_S = 20  # five seconds of lease, and slack for a loaded machine


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    with databases("postgresql", tmp_path_factory.mktemp("workers")) as used:
        yield used


@pytest.fixture(scope="module")
def server(used: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    scenario = write_scenario(tmp_path_factory.mktemp("workers"))
    with running(scenario, used.db, *used.options, *OPTIONS) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: Running) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


def at_once(count: int, client: httpx.Client, **request: Any) -> list[httpx.Response]:
    with ThreadPoolExecutor(8) as threads:
        return list(threads.map(lambda _: client.request(**request), range(count)))


def test_a_token_issued_by_one_is_known_to_all(server: Running, client: httpx.Client) -> None:
    token = client.post("/tokens", json={"scopes": ["read"]}).json()["token"]
    headers = {"Authorization": f"Bearer {token}"}
    answers = at_once(24, client, method="GET", url="/stats", headers=headers)
    assert {answer.status_code for answer in answers} == {200}
    assert client.get("/stats", headers={"Authorization": "Bearer none such at all"}).status_code == 401


def test_a_token_that_one_took_back_is_soon_unknown_to_all(client: httpx.Client) -> None:
    made = client.post("/tokens", json={"scopes": ["read"]}).json()
    headers = {"Authorization": f"Bearer {made['token']}"}
    assert {one.status_code for one in at_once(24, client, method="GET", url="/stats", headers=headers)} == {
        200
    }
    assert client.delete(f"/tokens/{made['id']}").status_code == 200
    time.sleep(2.5)
    assert {one.status_code for one in at_once(24, client, method="GET", url="/stats", headers=headers)} == {
        401
    }


def test_a_stream_ends_whichever_worker_takes_its_token_back(client: httpx.Client) -> None:
    made = client.post("/tokens", json={"scopes": ["read"]}).json()
    headers = {"Authorization": f"Bearer {made['token']}"}
    with contextlib.ExitStack() as open_streams:
        streams = [
            open_streams.enter_context(client.stream("GET", "/stats/events", headers=headers)).iter_lines()
            for _ in range(12)
        ]
        for stream in streams:
            assert next(stream) == "retry: 2000"
        assert client.delete(f"/tokens/{made['id']}").is_success
        end = time.monotonic() + 15  # two seconds, on a machine that is not busy
        for stream in streams:
            assert all(time.monotonic() < end for _ in stream), "it went on"


def test_a_key_makes_one_batch_whoever_is_asked(client: httpx.Client) -> None:
    headers = {"Idempotency-Key": "once"}
    answers = at_once(24, client, method="POST", url="/send", json=BODY, headers=headers)
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["batch_id"] for answer in answers}) == 1
    other = client.post("/send", json={**BODY, "template": "Other"}, headers=headers)
    assert other.status_code == 409


def test_a_ban_that_one_is_told_of_holds_for_all(client: httpx.Client, used: Databases) -> None:
    assert client.post("/emulator/accounts/3/ban").is_success
    (closed,) = used.read("SELECT closed_s FROM accounts WHERE id = 3")
    for answer in at_once(8, client, method="POST", url="/send", json=BODY):
        assert answer.json()["accepted"] == 2
    until_finished(client)
    late = used.read_record(f"SELECT * FROM accepted WHERE account = 3 AND sent_s > {closed['closed_s']}")
    assert late == []


@pytest.mark.parametrize("path", ["/graph/v26.0/1/messages", "/v26.0/1/messages", "/1/messages"])
def test_the_cloud_api_is_refused_in_its_own_shape_and_says_why(client: httpx.Client, path: str) -> None:
    answer = client.post(path, json={})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (501, 3)
    assert "wavetank emulator" in error["error_data"]["details"]


def test_its_controls_are_refused_too_and_a_ban_is_not(client: httpx.Client) -> None:
    answer = client.get("/emulator/state")
    assert (answer.status_code, answer.headers["content-type"]) == (501, "application/problem+json")
    assert "--workers 1" in answer.json()["detail"]
    assert client.post("/emulator/accounts/99/ban").json()["field"] == "index"


def test_what_a_killed_worker_had_to_do_is_done_by_the_other_within_seconds(
    server: Running, client: httpx.Client, used: Databases
) -> None:
    def seated() -> set[int]:
        return {row["id"] for row in used.read("SELECT id FROM workers")}

    first = seated()

    def replaced(number: int) -> bool:
        """A dead one keeps its seat until its lease ends; no seat is given twice."""
        now = seated()
        return len(now) == 2 and len(now - first) == number

    for killed, victim in enumerate(server.workers(), 1):  # in turn: the one that plans is among them
        os.kill(victim, signal.SIGKILL)
        began = time.monotonic()
        until_accepted(client)
        until_finished(client, TAKEOVER_S)
        assert time.monotonic() - began < TAKEOVER_S
        until(lambda killed=killed: replaced(killed))
    (planners,) = used.read("SELECT count(*) AS n FROM workers WHERE plans")
    assert planners["n"] == 1
    owned = "SELECT count(DISTINCT a.worker_id) AS n FROM accounts a JOIN workers w ON w.id = a.worker_id"
    until(lambda: used.read(owned) == [{"n": 2}])


def until_accepted(client: httpx.Client) -> None:
    """A connection that the dead worker had accepted is lost; the next goes to one that lives."""
    end = time.monotonic() + TAKEOVER_S
    while time.monotonic() < end:
        try:
            if client.post("/send", json=BODY).status_code == 202:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError("nobody accepts")


def until(holds: Any) -> None:
    end = time.monotonic() + 90  # a process has to start
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_all_end_with_the_first_process(server: Running) -> None:
    workers = server.workers()
    server.process.terminate()
    server.process.wait(timeout=30)
    assert server.process.returncode == 0
    assert workers
    for pid in workers:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

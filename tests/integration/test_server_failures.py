"""Disk full and database gone: said as what they are, nothing half done, and recovered from without a restart."""

import contextlib
import resource
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from crashing import OPTIONS
from databases import Databases
from postgres import new_database
from running_server import Running, running, write_scenario
from tcp_proxy import Proxy, proxy
from test_server_dispatch import until_finished

BODY = {"template": "Hi", "recipients": [{"to": "+12125550100"}]}
DISK_FULL = """
CREATE FUNCTION wavetank.no_room() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
CREATE TRIGGER no_room BEFORE INSERT ON wavetank.messages EXECUTE FUNCTION wavetank.no_room();
"""
ROOM_AGAIN = "DROP FUNCTION wavetank.no_room CASCADE"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("failures")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Running]:
    with running(write_scenario(folder), folder / "wavetank.db", *OPTIONS) as server:
        yield server


class Behind:
    """A server on PostgreSQL with a proxy in between."""

    def __init__(self, server: Running, proxy: Proxy, databases: Databases) -> None:
        self.server = server
        self.proxy = proxy
        self.databases = databases

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.databases.db, autocommit=True) as connection:
            connection.execute(statement)


@pytest.fixture(scope="module")
def behind(folder: Path) -> Iterator[Behind]:
    with new_database() as url:
        there = urlsplit(url)
        with proxy(there.hostname or "127.0.0.1", there.port or 5432) as between:
            way = f"postgresql://{there.username}@127.0.0.1:{between.port}{there.path}"
            with running(write_scenario(folder), way, *OPTIONS) as server:
                yield Behind(server, between, Databases(url))


@pytest.fixture
def client(behind: Behind) -> Iterator[httpx.Client]:
    with behind.server.client() as client:
        yield client
        stats = until_finished(client)["messages"]  # and at the end of each test, nothing is left undone
        assert stats["delivered"] + stats["failed"] == sum(stats.values())


def assert_unavailable(answer: httpx.Response) -> None:
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["title"] == "Service Unavailable"
    gone = ("the database does not answer; nothing was changed", "the database was lost while it committed")
    assert problem["detail"].startswith(gone)


def until_accepted(client: httpx.Client) -> None:
    end = time.monotonic() + 20
    while (answer := client.post("/send", json=BODY)).status_code != 202:
        assert_unavailable(answer)
        assert time.monotonic() < end, "it did not recover"
        time.sleep(0.1)


def accepted(client: httpx.Client) -> int:
    return sum(client.get("/stats").json()["messages"].values())


def test_no_room_for_a_file_is_told_and_recovered_from(server: Running) -> None:
    """The kernel refuses every write beyond the first page of any file, as a full disk does."""
    _, hard = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
    with server.client() as client:
        until_accepted(client)
        before = accepted(client)
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (4096, hard))
        for _ in range(3):
            assert_unavailable(client.post("/send", json=BODY))
        assert client.get("/healthz").is_success
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
        until_accepted(client)
        assert accepted(client) == before + 1
        stats = until_finished(client)["messages"]
        assert stats["delivered"] + stats["failed"] == before + 1


def test_a_locked_file_is_told_and_recovered_from(server: Running, folder: Path) -> None:
    with server.client() as client:
        before = accepted(client)
        with contextlib.closing(sqlite3.connect(folder / "wavetank.db", isolation_level=None)) as lock:
            lock.execute("BEGIN IMMEDIATE")
            assert_unavailable(client.post("/send", json=BODY))
            assert accepted(client) == before
            lock.execute("ROLLBACK")
        until_accepted(client)
        assert accepted(client) == before + 1
        until_finished(client)


def test_no_room_in_postgresql_is_told_and_recovered_from(behind: Behind, client: httpx.Client) -> None:
    before = accepted(client)
    behind.execute(DISK_FULL)
    for _ in range(3):
        assert_unavailable(client.post("/send", json=BODY))
    assert accepted(client) == before
    behind.execute(ROOM_AGAIN)
    until_accepted(client)
    assert accepted(client) == before + 1


def test_a_database_that_is_gone_is_told_and_recovered_from(behind: Behind, client: httpx.Client) -> None:
    before = accepted(client)
    behind.proxy.cut()
    for ask in (lambda: client.post("/send", json=BODY), lambda: client.get("/stats")):
        assert_unavailable(until_told(ask))
    behind.proxy.mend()
    until_accepted(client)
    assert accepted(client) == before + 1


def test_sessions_that_an_administrator_ends_are_made_anew(behind: Behind, client: httpx.Client) -> None:
    before = accepted(client)
    behind.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    until_accepted(client)
    end = time.monotonic() + 20
    while (answer := client.get("/stats")).status_code != 200:  # each session finds out by itself
        assert_unavailable(answer)
        assert time.monotonic() < end, "it did not recover"
    assert accepted(client) == before + 1


def until_told(ask: Callable[[], httpx.Response]) -> httpx.Response:
    """The first answer; an answer within seconds is part of what is tested."""
    began = time.monotonic()
    answer = ask()
    assert time.monotonic() - began < 15
    return answer

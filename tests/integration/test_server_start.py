"""Starting and stopping: what cannot work is refused in one line; what works prints what it promises."""

import contextlib
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psycopg
import pytest
from postgres import new_database
from running_server import HEADER, refused, running, start, write_scenario
from sqlalchemy.engine import make_url


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scenario(tmp_path_factory.mktemp("start"), per_zone=5)


# Each takes a megabyte or more, and an idle server is to stay under 80 MiB.
WHEN_ASKED_FOR = {
    "alembic", "jinja2", "numba", "prometheus_client", "psycopg", "rapidfuzz", "scipy",
    "sqlalchemy.dialects.postgresql", "sqlalchemy.orm",
}  # fmt: skip


def test_a_start_imports_nothing_that_only_some_requests_need() -> None:
    code = "import sys, server.__main__; print(*sys.modules)"
    imported = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert WHEN_ASKED_FOR.isdisjoint(imported.split())


def test_without_a_token_one_is_made_and_shown_once(scenario: Path, tmp_path: Path) -> None:
    with running(scenario, tmp_path / "wavetank.db", token=None) as server:
        first, second = server.output
        assert first.startswith("token: ")
        assert first.endswith("  (shown once)")
        token = first.removeprefix("token: ").removesuffix("  (shown once)")
        assert second == f"listening on {server.url}"
        assert httpx.get(f"{server.url}/stats", headers={"Authorization": f"Bearer {token}"}).is_success
    assert token.encode() not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


def test_a_given_token_is_not_shown(scenario: Path, tmp_path: Path) -> None:
    with running(scenario, tmp_path / "wavetank.db") as server:
        assert server.output == [f"listening on {server.url}"]
        assert server.url.startswith("http://127.0.0.1:")


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_stops_it_with_everything_written(scenario: Path, tmp_path: Path, name: str) -> None:
    body = {"template": "Hi", "recipients": [{"to": "+12125550100"}]}
    with running(scenario, tmp_path / "wavetank.db") as server:
        batch = httpx.post(f"{server.url}/send", json=body, headers=HEADER).json()["batch_id"]
        server.process.send_signal(getattr(signal, name))
        out, err = server.process.communicate(timeout=10)
        assert (server.process.returncode, out, err) == (0, "", "")
    with running(scenario, tmp_path / "wavetank.db") as server:
        assert httpx.get(f"{server.url}/send/{batch}", headers=HEADER).json()["accepted"] == 1


def test_the_clock_does_not_go_back_at_a_restart(scenario: Path, tmp_path: Path) -> None:
    said = []
    for _ in range(2):
        with running(scenario, tmp_path / "wavetank.db", "--speed=36000") as server:
            httpx.post(f"{server.url}/reply", json={"from": "+12125550100", "text": "hi"}, headers=HEADER)
            said.append(httpx.get(f"{server.url}/stats", headers=HEADER).json()["clock"])
    assert said[0] < said[1]


def test_tokens_of_an_administrator_outlive_the_server(scenario: Path, tmp_path: Path) -> None:
    with running(scenario, tmp_path / "wavetank.db") as server:
        token = httpx.post(f"{server.url}/tokens", json={"scopes": ["read"]}, headers=HEADER).json()["token"]
        back = httpx.post(f"{server.url}/tokens", json={"scopes": ["read"]}, headers=HEADER).json()
        assert httpx.delete(f"{server.url}/tokens/{back['id']}", headers=HEADER).is_success
    with running(scenario, tmp_path / "wavetank.db", token=None) as server:
        assert httpx.get(f"{server.url}/tag", headers={"Authorization": f"Bearer {token}"}).is_success
        for gone in (HEADER, {"Authorization": f"Bearer {back['token']}"}):
            assert httpx.get(f"{server.url}/tag", headers=gone).status_code == 401


def test_a_port_in_use_is_refused_before_a_database_is_made(scenario: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused(scenario, tmp_path / "wavetank.db", port=port)
    assert f"--port {port}" in said
    assert "another port" in said
    assert list(tmp_path.iterdir()) == []


def test_it_serves_though_nobody_reads_what_it_prints(scenario: Path, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = start(scenario, tmp_path / "wavetank.db", port=port)
    assert process.stdout is not None
    process.stdout.close()
    until = time.monotonic() + 15
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(httpx.ConnectError):
            assert httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
            break
        time.sleep(0.05)
    process.terminate()
    assert process.stderr is not None
    assert (process.wait(15), process.stderr.read()) == (0, "")
    process.stderr.close()


def test_a_short_token_is_refused(scenario: Path, tmp_path: Path) -> None:
    said = refused(scenario, tmp_path / "wavetank.db", token="short")
    assert "WAVETANK_TOKEN" in said
    assert "short" not in said


@pytest.mark.parametrize(
    ("db", "expected"),
    [
        ("missing/wavetank.db", "cannot be opened"),
        (".", "cannot be opened"),
        ("postgresql://127.0.0.1:1/none", "cannot be opened"),
        ("mysql://127.0.0.1/none", "neither SQLite nor PostgreSQL"),
        ("sqlite://", "needs a file"),
        ("postgresql://x:a-secret@:::", "not a database URL"),
        ("postgresql://x:a-secret@127.0.0.1:port/none", "not a database URL"),
        ("postgresql://x:a-secret@[::1/none", "not a database URL"),
    ],
)
def test_a_database_that_cannot_be_opened_is_refused(
    scenario: Path, tmp_path: Path, db: str, expected: str
) -> None:
    said = refused(scenario, db if "://" in db else tmp_path / db)
    assert "--db" in said
    assert expected in said
    assert "a-secret" not in said


@pytest.mark.parametrize("db", [":memory:", ""])
def test_a_database_in_memory_is_refused(scenario: Path, db: str) -> None:
    assert "needs a file" in refused(scenario, db)


def test_a_role_that_may_not_make_tables_is_refused_in_one_line(scenario: Path) -> None:
    with new_database() as url, psycopg.connect(url, autocommit=True) as connection:
        role = f"reader_of_{make_url(url).database}"
        connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'a-secret'")
        try:
            own = make_url(url).set(username=role, password="a-secret")
            said = refused(scenario, own.render_as_string(hide_password=False))
        finally:
            connection.execute(f"DROP ROLE {role}")
    assert "permission denied" in said
    assert "a role that may" in said
    assert "a-secret" not in said


def test_a_damaged_file_is_refused_in_one_line(scenario: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole.db"
    with running(scenario, whole) as server:
        server.process.terminate()
        server.process.wait(15)
    content = whole.read_bytes()
    for place in range(4096, len(content), len(content) // 5):
        damaged = tmp_path / "damaged.db"
        damaged.write_bytes(content[:place] + b"\x55" * 8192 + content[place + 8192 :])
        process = start(scenario, damaged)
        assert process.stdout is not None
        began = process.stdout.readline()  # damage where the start does not look is found later
        process.terminate()
        _, err = process.communicate(timeout=15)
        assert "Traceback" not in err
        assert began or ("malformed" in err and err.count("\n") == 1), err


def test_a_link_to_a_file_in_use_is_refused(scenario: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    with running(scenario, tmp_path / "wavetank.db"):
        link.symlink_to(tmp_path / "wavetank.db")
        assert "another server" in refused(scenario, link)


def test_a_file_that_is_something_else_is_refused_and_left_alone(scenario: Path, tmp_path: Path) -> None:
    notes = tmp_path / "notes.db"
    notes.write_text("not a database, but somebody's notes " * 40, encoding="utf-8")
    before = notes.read_bytes()
    assert "cannot be opened" in refused(scenario, notes)
    assert notes.read_bytes() == before


def test_a_database_in_use_by_another_server_is_refused(scenario: Path, tmp_path: Path) -> None:
    with running(scenario, tmp_path / "wavetank.db"):
        assert "another server" in refused(scenario, tmp_path / "wavetank.db")


def test_several_workers_on_a_file_are_refused_before_it_is_made(scenario: Path, tmp_path: Path) -> None:
    said = refused(scenario, tmp_path / "wavetank.db", "--workers=2")
    assert "--workers 2: a SQLite file serves one" in said
    assert "postgresql://" in said
    assert list(tmp_path.iterdir()) == []


def test_a_url_names_a_file_too(scenario: Path, tmp_path: Path) -> None:
    with running(scenario, f"sqlite:///{tmp_path / 'by_url.db'}"):
        assert (tmp_path / "by_url.db").is_file()


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        (
            'tagging.standing_rules = [{ when = "clickd in 7 days", add = ["x"] }]',
            "tagging.standing_rules[0].when: position 1: no such event: 'clickd'; did you mean clicked?",
        ),
        ('replies.negative_words = ["?!"]', "replies: negative word '?!' holds no letter, digit or emoji"),
        (
            'replies.teams = [{ name = "sales", agents = ["a"], keywords = ["?"] }]',
            "replies: sales: keyword '?' holds no letter, digit or emoji",
        ),
    ],
)
def test_a_rule_that_cannot_be_read_is_refused(tmp_path: Path, extra: str, says: str) -> None:
    assert says in refused(write_scenario(tmp_path, per_zone=1, extra=extra), tmp_path / "wavetank.db")

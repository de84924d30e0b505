"""kill -9 in the middle of dispatch: nothing acknowledged is lost, nothing confirmed is repeated."""

import sqlite3
from pathlib import Path

import pytest
from crashing import OPTIONS, SIZE, Outcome, survive, table
from databases import KINDS
from running_server import running, write_scenario
from test_server_dispatch import until_finished


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    return []


@pytest.mark.parametrize("kind", KINDS)
def test_every_acknowledged_message_survives_each_kill(
    kind: str, tmp_path: Path, outcomes: list[Outcome], pytestconfig: pytest.Config
) -> None:
    outcome = survive(kind, tmp_path, pytestconfig.getoption("--kills"))
    outcomes.append(outcome)
    print(f"\n{table(outcomes)}")
    assert outcome.batches >= outcome.kills
    assert outcome.in_no_final_state == outcome.lost == 0
    assert outcome.handed_over_twice == outcome.delivered_twice == outcome.disagreements == 0
    assert outcome.delivered > outcome.failed > 0


def test_a_database_that_stops_answering_is_told_and_recovered_from_without_restart(tmp_path: Path) -> None:
    scenario, db = write_scenario(tmp_path, SIZE), tmp_path / "wavetank.db"
    body = {"template": "Hi", "recipients": [{"to": "+12125550100"}]}
    with running(scenario, db, *OPTIONS) as server, server.client() as client:
        lock = sqlite3.connect(db, isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        answer = client.post("/send", json=body)
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert sum(client.get("/stats").json()["messages"].values()) == 0
        lock.execute("ROLLBACK")
        lock.close()
        assert client.post("/send", json=body).status_code == 202
        counts = until_finished(client)["messages"]
    assert counts["delivered"] + counts["failed"] == sum(counts.values()) == 1

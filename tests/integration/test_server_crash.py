"""kill -9 in the middle of dispatch: nothing acknowledged is lost, nothing confirmed is repeated."""

from pathlib import Path

import pytest
from crashing import Outcome, survive, table
from databases import KINDS


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
    assert outcome.dangling_references == 0
    assert outcome.delivered > outcome.failed > 0

import pytest

from scenarios.errors import InputError
from scenarios.loading import load
from simulator.summary import simulate_once
from simulator.tracing import trace
from simulator.world import world_of

SCENARIO = load("daily_programme", ["population.size=300", "experiment.horizon_days=5"])


def test_all_customers_traces_add_up_to_the_kpis() -> None:
    small = load("daily_programme", ["population.size=300", "experiment.horizon_days=5", "accounts.count=2"])
    seen = [entry for account in range(4) for entry in trace(small, f"account:{account}")]
    total = simulate_once(world_of(small), 1).kpis
    assert sum(entry.event.endswith(" sent") for entry in seen) == total["messages_sent"] > 0
    assert sum(entry.event.endswith(": read") for entry in seen) == total["messages_read"] > 0


def test_a_customers_events_are_in_order_and_theirs() -> None:
    entries = trace(SCENARIO, "customer:5")
    assert entries
    assert {entry.customer for entry in entries} == {5}
    assert [entry.time for entry in entries] == sorted(entry.time for entry in entries)


def test_what_the_platform_refuses_is_told_with_its_reason() -> None:
    business = load("business_push", ["population.size=300", "business.market=US", "accounts.count=1"])
    seen = [entry.event for entry in trace(business, "account:0")]
    total = simulate_once(world_of(business), 1).kpis
    refused = [event for event in seen if " refused: This message was not delivered to maintain" in event]
    assert len(refused) == total["messages_refused"] == len(seen) > 0


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        ("client:1", "must be customer:N or account:N"),
        ("customer:x", "must be customer:N or account:N"),
        ("customer:300", "the scenario's last is customer:299"),
        ("account:99", "the scenario's last is account:11"),
    ],
)
def test_other_subjects_are_explained(subject: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        trace(SCENARIO, subject)

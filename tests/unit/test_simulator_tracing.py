from collections.abc import Iterator
from itertools import count

import pytest

from scenarios.errors import InputError
from scenarios.loading import Loaded, load
from scenarios.trace import Entry
from simulator.results.summary import simulate_once
from simulator.results.tracing import trace
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


def all_accounts(loaded: Loaded) -> Iterator[Entry]:
    """Events of every account that the run has, replacements too."""
    for account in count():
        try:
            yield from trace(loaded, f"account:{account}")
        except InputError:
            return


def test_traces_of_accounts_and_their_replacements_hold_all_money_and_conversations() -> None:
    size = ["population.size=400", "accounts.count=2", "experiment.horizon_days=14"]
    loaded = load("daily_programme", [*size, "network.ban_per_30_days=0.99"])
    total = simulate_once(world_of(loaded), 1).kpis
    seen = list(all_accounts(loaded))
    events = [entry.event for entry in seen]
    assert events.count("banned by the network") == total["accounts_banned"] > 0
    assert "opened, in place of a banned account" in events
    assert {entry.customer is None for entry in seen if "banned" in entry.event} == {True}
    assert sum(event.endswith(" sent") for event in events) == total["messages_sent"]
    assert (
        sum(event.startswith("conversation begins") for event in events) == total["conversations_begun"] > 0
    )
    orders = [event.split(" for ")[1] for event in events if ": ordered for " in event]
    assert len(orders) == total["orders"] > 0
    paid = sum(float(order.removesuffix(" USD").replace(",", "")) for order in orders)
    assert paid == pytest.approx(total["revenue_usd"])


def test_a_customers_trace_names_content_groups_agents_and_own_purchases() -> None:
    loaded = load(
        "daily_programme", ["population.size=200", "groups.leave=0.05", "purchases.alpha_weeks=0.05"]
    )
    missing = {
        *("campaign sent", "push thursday: read", "follow-up (unread) sent", "(discount): delivered"),
        *("left the group", "conversation begins; answers by rule: ", "an agent reads the conversation"),
        "bought of their own accord for ",
    }
    for customer in range(120, 200, 10):  # each is a run of its own, so no more than it takes
        seen = " ".join(entry.event for entry in trace(loaded, f"customer:{customer}"))
        missing = {words for words in missing if words not in seen}
        if not missing:
            break
    assert not missing


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
        ("account:99", "the run's last is account:11"),
        ("account:²", "must be customer:N or account:N"),
        (f"customer:{'9' * 5000}", "the scenario's last is customer:299"),
    ],
)
def test_other_subjects_are_explained(subject: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        trace(SCENARIO, subject)

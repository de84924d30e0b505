"""A business's replication: against the exact state machine, its limits, its refusals, its money."""

from collections import Counter
from datetime import UTC, datetime

import numpy as np
import pytest
from numpy.typing import NDArray

from scenarios.loading import load
from server.network import errors
from server.network.limits import IN_SERVICE, OUTSIDE
from server.network.pricing import charge, price_usd
from server.network.rules import rules_at
from simulator.customers.funnel import Funnel
from simulator.engine.replication import Replication
from simulator.results.ledger import Cause, Kind, Ledger
from simulator.results.summary import money_of, summary_of
from simulator.sending.network import BIN_S, DAY_S
from simulator.sending.waves import Wave
from simulator.world import World, world_of
from tests.platform_replay import recorded, replayed
from tests.restless import restless

OFTEN = (
    "population.size=1500",
    "pacing.customer_cap=20",
    'programme.pushes=[{name="a",weekday=2,at="15:00"},{name="b",weekday=2,at="17:00"},{name="c",weekday=4,at="16:00"}]',
    'programme.follow_ups=[{when="no_order",after_h=2.0,pause_days=0.0},{when="unread",after_h=6.0,pause_days=1.0}]',
)


def world(*settings: str) -> World:
    return world_of(load("business_push", ["population.size=600", *settings]))


def finished(world: World) -> Replication:
    run = Replication(world, 1)
    run.run()
    return run


def money(run: Replication) -> Ledger:
    return money_of(run, run.inbox.served())


@pytest.mark.parametrize(
    ("settings", "seen"),
    [
        (("business.limit_level=0", "population.size=2000"), {0}),
        (
            ("funnel.complaint=0.02", "population.size=4000"),
            {0, errors.SPAM_RATE, 132015},
        ),
        (("funnel.block=0.03", "population.size=4000"), {0, errors.SPAM_RATE, 132015, 132016}),
        (("business.market=", "campaign.retries=2"), {0, errors.MARKETING_CAPPED}),
        (("business.category=utility", "business.market="), {0}),
    ],
)
def test_decisions_are_those_of_the_exact_machine(settings: tuple[str, ...], seen: set[int]) -> None:
    here = world(*settings)
    record = recorded(here)
    exact, level = replayed(here, record)
    assert [request.code for request in record.requests] == exact
    assert seen <= set(exact)
    assert summary_of(record.run).kpis["messaging_limit_level"] == level


def test_a_restriction_is_felt_from_the_next_quarter_of_an_hour_on() -> None:
    here = world(
        "funnel.block=0.1", "population.size=4000", "business.quality_red=1", "business.messages_per_s=1"
    )
    record = recorded(here)
    exact, _ = replayed(here, record)
    stops = (errors.RESTRICTED, errors.LOCKED)
    assert sum(mine.code in stops for mine in record.requests) > 500
    pairs = list(zip(record.requests, exact, strict=True))
    late = [(mine, code) for mine, code in pairs if mine.code != code]
    assert {(mine.code, code) for mine, code in late} == {(0, code) for code in stops}
    felt = {mine.at_s // BIN_S for mine in record.requests if mine.code in stops}
    assert {mine.at_s // BIN_S for mine, _ in late}.isdisjoint(felt)


def test_a_large_business_whom_few_block_is_not_restricted() -> None:
    """Late blocks of a large campaign are not held against the few retries of the next day."""
    run = finished(world("population.size=60000", "business.limit_level=4", "accounts.count=4"))
    kpis = summary_of(run).kpis
    assert kpis["block_rate"] > 0.001
    assert kpis["restricted_days"] == 0
    assert kpis["messages_unsent"] == 0


def test_where_a_quarter_of_an_hour_matters_few_decisions_differ() -> None:
    """A customer's message meets the next one's decision; the sender's own spacing is stricter."""
    here = world(*OFTEN)
    record = recorded(here)
    exact, level = replayed(here, record)
    pairs = Counter((mine.code, code) for mine, code in zip(record.requests, exact, strict=True))
    assert pairs[errors.MARKETING_CAPPED, errors.MARKETING_CAPPED] > 1000
    spaced = sum(count for (mine, _), count in pairs.items() if mine == errors.PAIR_RATE)
    differ = sum(count for (mine, code), count in pairs.items() if mine != code) - spaced
    assert differ < 0.02 * (len(exact) - spaced)
    assert summary_of(record.run).kpis["messaging_limit_level"] == level


def test_no_day_holds_more_unique_users_than_the_limit() -> None:
    here = world("population.size=2500", "business.limit_level=0", "business.verified=false")
    record = recorded(here)
    sent = [(request.at_s, request.customer) for request in record.requests if request.code == 0]
    assert summary_of(record.run).kpis["messaging_limit_level"] > 0  # from 2,000 in a month on
    before = [(at_s, who) for at_s, who in sent if at_s < 5 * DAY_S]
    assert len(before) > 1000
    arrived = [(at_s, who) for at_s, who in before if "delivered" in record.outcomes[at_s, who]]
    most = max(len({who for then_s, who in arrived if at_s - DAY_S < then_s <= at_s}) for at_s, _ in arrived)
    assert 240 <= most <= 250


def test_marketing_to_the_us_ends_refused_after_its_tries() -> None:
    here = world("business.market=US", "campaign.retries=2")
    run = finished(here)
    total = run.tally.total
    assert total["messages_sent"] == 0
    assert total["ended_refused"] == total["created"] > 0
    assert total["messages_capped"] == total["messages_refused"] > total["created"]  # pushes have one try


def test_a_disabled_business_sends_nothing_more_and_its_messages_wait() -> None:
    run = finished(world("population.size=4000", "funnel.block=0.2", "business.quality_red=1"))
    kpis = summary_of(run).kpis
    assert kpis["messages_unsent"] > 2000
    assert 0 < kpis["restricted_days"] < 21


def test_customers_who_read_get_more_marketing() -> None:
    keen, idle = (
        finished(world(*OFTEN, f"funnel.read={read}", f"funnel.read_old_account={read}")).tally.total
        for read in (0.95, 0.1)
    )
    assert keen["messages_capped"] < idle["messages_capped"]


def test_waking_more_often_changes_nothing() -> None:
    base = Replication(world(*OFTEN), 1)
    base.run()
    often = restless(world(*OFTEN))
    one, other = summary_of(base), summary_of(often)
    assert one.kpis == other.kpis
    for name in one.series:
        assert np.array_equal(one.series[name], other.series[name])


def test_pace_is_the_platforms_whatever_the_text() -> None:
    run = finished(world("campaign.template=Sale today!", "population.size=5000"))
    sends = run.tally.tables.sends[:, 0].sum(axis=1)
    assert sends[0] > 500  # the first ones take seconds; at 12 a minute two accounts send 360 in a bin


# money


@pytest.mark.parametrize("start", ["2026-09-25T14:00:00Z", "2026-12-01T14:00:00Z"])
@pytest.mark.parametrize("category", ["marketing", "utility"])
def test_templates_cost_what_the_platform_asks_when_they_arrive(category: str, start: str) -> None:
    here = world(
        f"business.category={category}",
        "business.market=",
        f"experiment.start={start}",
        f"campaign.start={start}",
        "funnel.reply=0.5",
        'programme.pushes=[{name="a",weekday=1,at="18:00"},{name="b",weekday=5,at="16:00"}]',
    )
    expected = {True: 0.0, False: 0.0}
    runs: list[Replication] = []

    def watch(wave: Wave, _over: NDArray[np.bool_], happened: Funnel) -> None:
        assert here.markets is not None
        assert runs[0].platform is not None
        service = runs[0].platform._in_service(wave)
        for row, at_s in zip(happened.delivered.rows.tolist(), happened.delivered.at_s.tolist(), strict=True):
            if at_s < here.horizon_s:
                now_s, inside = here.epoch_s + at_s, bool(service[row])
                market = here.markets.names[here.markets.of[wave.customer[row]]]
                told = charge(rules_at(now_s).pricing, category, IN_SERVICE if inside else OUTSIDE)  # type: ignore[arg-type]
                expected[inside] += price_usd(told, market, datetime.fromtimestamp(now_s, UTC).date())

    runs.append(Replication(here, 1, watch))
    runs[0].run()
    ledger = money(runs[0])
    assert ledger.because(Cause[category.upper()]).total_usd == pytest.approx(sum(expected.values()))
    assert ledger.of(Kind.MESSAGE).total_usd == pytest.approx(
        sum(expected.values()) + ledger.because(Cause.SERVICE).total_usd
    )
    assert expected[False] > 0
    assert len(ledger.because(Cause.FIRST_TRY).time_s) == 0


def test_answers_are_free_until_october_2026_and_for_the_first_thousand_since() -> None:
    busy = ("population.size=6000", "funnel.reply=0.6", "business.limit_level=4", "accounts.count=1")
    now = money(finished(world(*busy)))
    before = money(
        finished(world(*busy, "experiment.start=2026-06-02T14:00:00Z", "campaign.start=2026-06-02T14:00:00Z"))
    )
    few = money(finished(world("population.size=100")))
    assert now.because(Cause.SERVICE).total_usd > 5
    assert before.because(Cause.SERVICE).total_usd == few.because(Cause.SERVICE).total_usd == 0

import gc
import weakref
from dataclasses import replace

import numpy as np
import pytest

from scenarios.loading import load
from simulator.engine.replication import Replication
from simulator.results.summary import simulate_once, summary_of
from simulator.sending.network import DAY_S
from simulator.world import Campaign, World, world_of
from tests.restless import restless
from tests.watched import Outcomes, Sends, ran


def world(*settings: str) -> World:
    return world_of(load("bulk_send", ["population.size=600", *settings]))


def share(part: int, whole: int, expected: float) -> None:
    assert part / whole == pytest.approx(expected, abs=5 * (expected * (1 - expected) / whole) ** 0.5)


def test_first_attempts_arrive_at_the_delivery_rate() -> None:
    _, sends, happened = ran(world("population.size=10000"))
    first = sends.attempt == 0
    share(int((happened.delivered_s[first] < np.inf).sum()), int(first.sum()), 0.95)  # C158


def test_sends_above_the_hourly_limit_arrive_at_the_lower_rate() -> None:
    _, sends, happened = ran(world("population.size=10000", "network.hourly_limit=1"))
    first = (sends.attempt == 0) & sends.over_limit
    assert first.sum() > 8000
    share(int((happened.delivered_s[first] < np.inf).sum()), int(first.sum()), 0.82)  # C159


def test_a_retry_recovers_what_failed_for_the_moment() -> None:
    run, sends, _ = ran(world("population.size=10000"))
    lost = 0.025  # not registered, fail again
    transient = 1 - 0.95 / (1 - lost)
    reached = (1 - lost) * (1 - transient**2)
    share(run.tally.total["messages_delivered"], len(run.world.recipients), reached)
    share(int((sends.attempt == 1).sum()), len(run.world.recipients), 0.05)


def test_a_retry_leaves_a_day_after_its_failure_at_the_earliest() -> None:
    _, sends, happened = ran(world("campaign.retries=2", "campaign.retry_after_h=5"))
    again = np.flatnonzero(np.diff(sends.customer) == 0) + 1
    assert len(again) > 20
    assert np.all(sends.attempt[again] == sends.attempt[again - 1] + 1)
    assert np.all(sends.due_s[again] >= sends.due_s[again - 1] + 5 * 3600)
    assert np.all(np.isinf(happened.delivered_s[again - 1]))


def test_no_retries_means_none() -> None:
    _, sends, _ = ran(world("campaign.retries=0"))
    assert not sends.attempt.any()


def test_malformed_numbers_fail_once_when_they_are_not_left_out() -> None:
    run, sends, happened = ran(world("campaign.validate_numbers=false"))
    malformed = run.world.customers.malformed[sends.customer]
    assert malformed.sum() == (run.world.customers.malformed & run.world.customers.consent).sum() > 0
    assert np.isinf(happened.delivered_s[malformed]).all()
    assert not sends.attempt[malformed].any()


def test_waking_more_often_changes_nothing() -> None:
    base = Replication(world(), 1)
    base.run()
    often = restless(world())
    one, other = summary_of(base), summary_of(often)
    assert one.kpis == other.kpis
    for name in one.series:
        assert np.array_equal(one.series[name], other.series[name])
    for name in one.histograms:
        assert np.array_equal(one.histograms[name], other.histograms[name])


@pytest.mark.parametrize("compiled", [False, True])
def test_a_run_that_nobody_holds_any_more_is_gone_at_once(compiled: bool) -> None:
    """Its columns are large: the next run must not wait for the collector to have room."""
    gc.disable()
    try:
        banned = world("network.ban_per_30_days=0.999", "experiment.horizon_days=20")
        run = Replication(banned, 1, compiled=compiled)
        run.run()
        assert run.tally.total["accounts_banned"]
        held = weakref.ref(run)
        del run
        assert held() is None
    finally:
        gc.enable()


def test_the_horizon_cuts_events_and_nothing_else() -> None:
    long = world("experiment.horizon_days=7")
    _, sends, happened = ran(long)
    cut_s = 0.25 * DAY_S
    short, _, _ = ran(world("experiment.horizon_days=0.25"))
    total = short.tally.total
    assert total["messages_sent"] == (sends.due_s < cut_s).sum() > 0
    for name, times_s in (
        ("messages_delivered", happened.delivered_s),
        ("messages_read", happened.read_s),
        ("messages_clicked", happened.clicked_s),
        ("orders", happened.ordered_s),
    ):
        assert total[name] == (times_s < cut_s).sum()
    assert 0 < total["messages_read"] < (happened.read_s < np.inf).sum()


def test_a_change_of_click_leaves_delivery_and_read_to_the_bit() -> None:
    _, sends, base = ran(world())
    _, same, variant = ran(world("funnel.click=0.5"))
    assert all(np.array_equal(a, b) for a, b in zip(sends, same, strict=True))
    assert np.array_equal(base.delivered_s, variant.delivered_s)
    assert np.array_equal(base.read_s, variant.read_s)
    assert not np.array_equal(base.clicked_s, variant.clicked_s)


def test_a_slower_strategy_meets_the_same_customers_with_the_same_luck() -> None:
    _, fast, base = ran(world("campaign.retries=0"))
    _, slow, variant = ran(world("campaign.retries=0", "pacing.rate_per_min=4"))
    assert not np.array_equal(fast.due_s, slow.due_s)
    arrived = base.delivered_s < np.inf
    assert np.array_equal(arrived, variant.delivered_s < np.inf)
    delays = ((base.delivered_s - fast.due_s)[arrived], (variant.delivered_s - slow.due_s)[arrived])
    assert np.allclose(*delays, rtol=0, atol=1e-6)


# who has left


def two_campaigns(*settings: str) -> tuple[Replication, Sends, Outcomes]:
    twice = world("campaign.retries=0", *settings)
    return ran(replace(twice, campaigns=(Campaign(0, 0.0), Campaign(1, 2 * DAY_S))))


def test_who_opted_out_gets_nothing_more() -> None:
    run, sends, happened = two_campaigns("funnel.opt_out=0.5")
    left = np.full(run.world.customers.size, np.inf)
    np.minimum.at(left, sends.customer, happened.opted_out_s)
    assert np.all(sends.due_s < left[sends.customer])
    second = sends.campaign == 1
    assert 0 < second.sum() < (~second).sum()
    assert run.tally.total["withdrawn"] == (~second).sum() - second.sum()


def test_who_blocked_reads_nothing_more() -> None:
    run, sends, happened = two_campaigns("funnel.block=0.5")
    left = np.full(run.world.customers.size, np.inf)
    np.minimum.at(left, sends.customer, happened.blocked_s)
    after = sends.due_s >= left[sends.customer]
    assert after.sum() > 100
    assert np.isinf(happened.delivered_s[after]).all()


def test_opt_out_between_two_planned_messages_stops_the_second() -> None:
    """Both campaigns are planned at once; the second's messages are withdrawn when due."""
    both = world(
        "campaign.retries=0",
        "funnel.opt_out=0.9",
        "population.size=2000",
        "accounts.count=1",
        "accounts.new_count=0",
    )
    both = replace(both, campaigns=(Campaign(0, 0.0), Campaign(1, 0.0)))
    run, sends, happened = ran(both)
    left = np.full(both.customers.size, np.inf)
    np.minimum.at(left, sends.customer, happened.opted_out_s)
    assert np.all(sends.due_s < left[sends.customer])
    assert run.tally.total["withdrawn"] > 0


# bans

DEADLY = "network.ban_per_30_days=0.9999999"  # hazard 0.537 a day


def test_accounts_are_banned_at_the_hazard() -> None:
    deadly = world(DEADLY, "accounts.count=100", "accounts.new_count=0", "experiment.horizon_days=1")
    runs = [Replication(deadly, number) for number in range(1, 6)]
    for run in runs:
        run.run()
    hazard = -np.log(1e-7) / 30
    share(sum(run.tally.total["accounts_banned"] for run in runs), 500, -np.expm1(-hazard))


def test_a_banned_account_sends_no_more_and_others_take_its_messages() -> None:
    deadly = world(
        DEADLY, "population.size=5000", "accounts.replacement_delay_h=2", "experiment.horizon_days=4"
    )
    run, sends, _ = ran(deadly)
    banned = np.flatnonzero(run.fleet.closed_s < np.inf)
    assert len(banned) > 3
    assert np.all(sends.due_s < run.fleet.closed_s[sends.account])
    assert np.all(sends.due_s >= run.fleet.opened_s[sends.account])
    assert (sends.attempt == 0).sum() == len(run.world.recipients)


def test_a_replacement_opens_after_its_delay_and_warms_up() -> None:
    deadly = world(
        DEADLY,
        "population.size=3000",
        "accounts.count=20",
        "accounts.new_count=0",
        "accounts.replacement_delay_h=3",
    )
    run, sends, _ = ran(deadly)
    bought = np.flatnonzero(run.fleet.bought)
    closed = np.sort(run.fleet.closed_s[run.fleet.closed_s < np.inf])
    assert np.allclose(run.fleet.opened_s[bought], closed[: len(bought)] + 3 * 3600)
    assert len(bought) > 2
    used = [account for account in bought if (sends.account == account).any()]
    assert used
    for account in used:
        due_s = np.sort(sends.due_s[sends.account == account])
        young = due_s[due_s < due_s[0] + 3 * DAY_S]
        assert np.all(young[50:] - young[:-50] >= DAY_S - 1e-3)


def test_messages_wait_when_the_last_account_is_banned() -> None:
    alone = world(
        DEADLY,
        "population.size=2000",
        "accounts.count=1",
        "accounts.new_count=0",
        "accounts.replacement_delay_h=12",
    )
    runs = [ran(alone, number) for number in (1, 2, 3)]
    assert any(run.tally.total["accounts_banned"] for run, _, _ in runs)
    for run, sends, _ in runs:
        gaps = [
            (run.fleet.closed_s[account], run.fleet.opened_s[account + 1])
            for account in range(run.fleet.size - 1)
        ]
        for begin, end in gaps:
            assert not ((sends.due_s >= begin) & (sends.due_s < end)).any()


def test_ban_rate_reproduces_its_parameter_when_all_rules_are_kept() -> None:
    kpis = simulate_once(world("accounts.new_count=0"), 1).kpis
    assert kpis["account_ban_rate"] == pytest.approx(0.012)  # C106


def test_ban_rate_of_a_hasty_strategy_carries_the_hazard_ratio() -> None:
    hasty = world("pacing.rate_per_min=25", "accounts.new_count=0", "campaign.retries=0")
    rate = simulate_once(hasty, 1).kpis["account_ban_rate"]
    assert np.log1p(-rate) / np.log1p(-0.012) == pytest.approx(1.35)  # C018, C019


def test_complaints_raise_the_hazard_of_their_day() -> None:
    angry = world("funnel.complaint=0.3", "campaign.retries=0", "accounts.new_count=0", "accounts.count=5")
    rate = simulate_once(angry, 1).kpis["account_ban_rate"]
    assert np.log1p(-rate) / np.log1p(-0.012) == pytest.approx(2.68)


# money


def test_money_adds_up() -> None:
    run, sends, happened = ran(world("campaign.retries=1", "experiment.horizon_days=2"))
    kpis, costs = summary_of(run).kpis, run.world.scenario.costs
    cost = len(sends.customer) * costs.message_usd
    cost += 2 / 30 * (10 * costs.account_usd_per_month + costs.server_usd_per_month)
    in_time = happened.ordered_s < run.world.horizon_s
    assert kpis["cost_usd"] == pytest.approx(cost)
    assert kpis["revenue_usd"] == pytest.approx(run.tally.revenue_cents.sum() / 100)
    assert kpis["roi"] == pytest.approx(kpis["revenue_usd"] * costs.gross_margin / cost)
    assert kpis["cac_usd"] == pytest.approx(cost / len(np.unique(sends.customer[in_time])))

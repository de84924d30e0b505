import numpy as np
import pytest
from numpy.typing import NDArray

from scenarios.loading import load
from simulator.sending.network import (
    DAY_S,
    Schedule,
    above,
    delivery_rates,
    exceeds,
    rule_factors,
    too_close,
)

NETWORK = load("bulk_send").scenario.network
OLD = np.array([-1e9])


def schedule(due_s: NDArray[np.float64], account: list[int] | None = None, shared: bool = False) -> Schedule:
    size = len(due_s)
    accounts = np.array(account if account is not None else [0] * size, np.int32)
    content = np.zeros(size, np.int64) if shared else np.arange(size)
    return Schedule(accounts, due_s, content, np.full(size, shared))


def factor(sends: Schedule, first_send_s: NDArray[np.float64] = OLD, today: int = 0) -> float:
    return float(rule_factors(NETWORK, sends, first_send_s, today)[0])


def test_exceeds_marks_sends_above_the_limit_in_a_trailing_window() -> None:
    due_s = np.array([0.0, 10.0, 20.0, 59.0, 71.0])
    assert exceeds(np.zeros(5, np.int32), due_s, 3, 60.0).tolist() == [False, False, False, True, False]


def test_exactly_the_window_apart_is_not_above() -> None:
    assert not exceeds(np.zeros(3, np.int32), np.array([0.0, 30.0, 60.0]), 2, 60.0).any()


def test_exceeds_keeps_accounts_apart() -> None:
    account = np.array([0, 0, 1, 1], np.int32)
    assert not exceeds(account, np.array([0.0, 1.0, 2.0, 3.0]), 2, 60.0).any()


def test_exceeds_agrees_with_counting_one_by_one() -> None:
    draw = np.random.default_rng(5)
    account = np.repeat(np.arange(3, dtype=np.int32), 200)
    due_s = np.concatenate([np.sort(draw.uniform(0, 1000, 200)) for _ in range(3)])
    counted = [
        np.count_nonzero((account == who) & (due_s > at - 60.0) & (due_s <= at)) > 14
        for who, at in zip(account, due_s, strict=True)
    ]
    assert any(counted)
    assert not all(counted)
    assert exceeds(account, due_s, 14, 60.0).tolist() == counted


def test_a_day_with_every_rule_kept_leaves_the_hazard_as_it_is() -> None:
    assert factor(schedule(np.arange(0.0, 3600.0, 20.0))) == 1


def test_more_than_twenty_a_minute_raises_the_hazard_by_a_third() -> None:
    assert factor(schedule(np.arange(0.0, 120.0, 3.0))) == 1  # exactly 20 is not above (C018)
    assert factor(schedule(np.arange(0.0, 120.0, 2.8))) == pytest.approx(1.35)  # C019


def test_each_broken_rule_multiplies_the_hazard() -> None:
    ratio = NETWORK.broken_rule_hazard_ratio
    hourly = schedule(np.arange(0.0, 3600.0, 10.0))
    assert factor(hourly) == pytest.approx(ratio)
    warm_up = schedule(np.arange(0.0, 60 * 60.0, 60.0))
    assert factor(warm_up, np.array([0.0])) == pytest.approx(ratio)
    assert factor(hourly, np.array([0.0])) == pytest.approx(ratio**2)
    daily = schedule(np.arange(0.0, DAY_S, 25.0))
    assert factor(daily) == pytest.approx(ratio)


def test_all_rules_broken_reach_the_violators_rate() -> None:
    hazard = -np.log1p(-NETWORK.ban_per_30_days) * NETWORK.risky_rate_hazard_ratio
    banned = -np.expm1(-hazard * NETWORK.broken_rule_hazard_ratio**3)
    assert banned == pytest.approx(0.27, abs=0.002)  # C106, C107


def test_an_account_is_new_for_three_days_from_its_first_send() -> None:
    assert factor(schedule(np.arange(0.0, 60 * 60.0, 60.0)), np.array([-3 * DAY_S])) == 1


def test_a_rule_broken_yesterday_leaves_today_alone_but_for_its_window() -> None:
    yesterday = schedule(np.arange(0.0, 3600.0, 10.0))
    assert factor(yesterday, today=1) == 1
    over_midnight = schedule(np.arange(DAY_S - 2000.0, DAY_S + 100.0, 10.0))
    assert factor(over_midnight, today=1) > 1


def test_equal_content_from_two_accounts_breaks_a_rule_for_both() -> None:
    sends = schedule(np.array([0.0, 5.0, 100.0]), [0, 1, 2], shared=True)
    assert too_close(sends, 15.0).tolist() == [True, True, False]
    factors = rule_factors(NETWORK, sends, np.full(3, -1e9), 0)
    assert factors == pytest.approx(np.array([2.68, 2.68, 1.0]))


def test_equal_content_of_one_account_is_no_offence() -> None:
    assert not too_close(schedule(np.array([0.0, 5.0]), [0, 0], shared=True), 15.0).any()


def test_one_complaint_alone_never_counts_against_an_account() -> None:
    complaints, delivered = np.array([1, 2, 2, 3, 0]), np.array([3, 50, 400, 400, 0])
    assert above(complaints, 0.005, delivered).tolist() == [False, True, False, True, False]


def test_delivery_rates_include_numbers_that_are_not_registered() -> None:
    within, over = delivery_rates(NETWORK)
    assert within * (1 - NETWORK.unregistered_fraction) == pytest.approx(0.95)  # C158
    assert over * (1 - NETWORK.unregistered_fraction) == pytest.approx(0.82)  # C159

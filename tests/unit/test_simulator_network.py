import numpy as np
import pytest
from numpy.typing import NDArray

from scenarios.loading import load
from scenarios.schema import Network
from simulator.network import (
    DAY_S,
    Conduct,
    Schedule,
    complained_of,
    conduct,
    delivery_rates,
    exceeds,
    hazard,
    too_close,
)

NETWORK = load("bulk_send").scenario.network
BASE = -np.log(1 - 0.012) / 30  # C106
OLD = np.array([-1e9])


def schedule(due_s: NDArray[np.float64], account: list[int] | None = None, shared: bool = False) -> Schedule:
    size = len(due_s)
    accounts = np.array(account if account is not None else [0] * size, np.int32)
    content = np.zeros(size, np.int64) if shared else np.arange(size)
    return Schedule(accounts, due_s, content, np.full(size, shared))


def day_hazard(network: Network, sends: Schedule, first_send_s: NDArray[np.float64] = OLD) -> float:
    return float(hazard(network, conduct(network, sends, first_send_s, 1))[0, 0])


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


def test_a_day_with_every_rule_kept_has_the_base_hazard() -> None:
    assert day_hazard(NETWORK, schedule(np.arange(0.0, 3600.0, 20.0))) == pytest.approx(BASE)


def test_thirty_days_of_the_base_hazard_ban_the_parameter() -> None:
    assert -np.expm1(-30 * day_hazard(NETWORK, schedule(np.array([5.0])))) == pytest.approx(0.012)


def test_more_than_twenty_a_minute_raises_the_hazard_by_a_third() -> None:
    twenty = schedule(np.arange(0.0, 120.0, 3.0))
    more = schedule(np.arange(0.0, 120.0, 2.8))
    assert day_hazard(NETWORK, twenty) == pytest.approx(BASE)  # exactly 20 is not above (C018)
    assert day_hazard(NETWORK, more) == pytest.approx(1.35 * BASE)  # C019


def test_each_broken_rule_multiplies_the_hazard() -> None:
    ratio = NETWORK.broken_rule_hazard_ratio
    hourly = schedule(np.arange(0.0, 3600.0, 10.0))
    assert day_hazard(NETWORK, hourly) == pytest.approx(ratio * BASE)
    warm_up = schedule(np.arange(0.0, 60 * 60.0, 60.0))
    assert day_hazard(NETWORK, warm_up, np.array([0.0])) == pytest.approx(ratio * BASE)
    assert day_hazard(NETWORK, hourly, np.array([0.0])) == pytest.approx(ratio**2 * BASE)


def test_all_rules_broken_reach_the_violators_rate() -> None:
    everything = Conduct(np.ones((1, 1), bool), np.ones((1, 1), bool), np.full((1, 1), 3, np.int8))
    banned = -np.expm1(-30 * hazard(NETWORK, everything)[0, 0])
    assert banned == pytest.approx(0.27, abs=0.002)  # C107


def test_an_account_is_new_for_three_days_from_its_first_send() -> None:
    due_s = np.arange(0.0, 60 * 60.0, 60.0)
    assert day_hazard(NETWORK, schedule(due_s), np.array([-3 * DAY_S])) == pytest.approx(BASE)


def test_equal_content_from_two_accounts_breaks_a_rule_for_both() -> None:
    sends = schedule(np.array([0.0, 5.0, 100.0]), [0, 1, 2], shared=True)
    assert too_close(sends, 15.0).tolist() == [True, True, False]
    rates = hazard(NETWORK, conduct(NETWORK, sends, np.full(3, -1e9), 1))[:, 0]
    assert rates == pytest.approx(BASE * np.array([2.68, 2.68, 1.0]))


def test_equal_content_of_one_account_is_no_offence() -> None:
    assert not too_close(schedule(np.array([0.0, 5.0]), [0, 0], shared=True), 15.0).any()


def test_a_day_without_sends_has_no_hazard() -> None:
    seen = conduct(NETWORK, schedule(np.array([DAY_S + 5.0])), OLD, 3)
    assert (hazard(NETWORK, seen) > 0).tolist() == [[False, True, False]]


def test_one_complaint_alone_never_counts_against_an_account() -> None:
    complaints, delivered = np.array([1, 2, 2, 3, 0]), np.array([3, 50, 400, 400, 0])
    assert complained_of(NETWORK, complaints, delivered).tolist() == [False, True, False, True, False]


def test_delivery_rates_include_numbers_that_are_not_registered() -> None:
    within, above, never = delivery_rates(
        NETWORK, np.array([True, True, False]), np.array([False, True, False])
    )
    assert within * (1 - NETWORK.unregistered_fraction) == pytest.approx(0.95)  # C158
    assert above * (1 - NETWORK.unregistered_fraction) == pytest.approx(0.82)  # C159
    assert never == 0

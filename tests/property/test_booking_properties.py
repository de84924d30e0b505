"""Booking columns of accounts is planning and committing, for messages that meet no other."""

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenarios.loading import load
from server.dispatch import booking, booking_compiled, pacing
from server.dispatch.pacing_rules import Messages, Plan

RULES = load("bulk_send").scenario.pacing
ZONES = ("Europe/London", "America/New_York", "Asia/Kolkata")
START_S = 1_796_299_200.0
Plans = Callable[[np.ndarray, float], Plan]
FORMS = (booking, booking_compiled)


def starts(accounts: int, new: int) -> list[pacing.AccountStart]:
    first = [START_S - 1e7] * (accounts - new) + [None] * new
    return [pacing.AccountStart(key=key, first_send_s=at) for key, at in enumerate(first)]


def planner(pacer: pacing.Pacer) -> Plans:
    """The plain form, whose messages are all told apart."""
    known = 0

    def plan(zone: np.ndarray, start_s: float) -> Plan:
        nonlocal known
        own = np.arange(known, known + len(zone))
        known += len(zone)
        messages = Messages(own, zone, own, np.ones(len(zone), np.bool_), np.zeros(len(zone)))
        found = pacing.plan_one_by_one(pacer, messages, start_s)
        pacing.commit(pacer, messages, found, start_s)
        return found

    return plan


batches = st.lists(
    st.tuples(st.integers(1, 900), st.integers(0, 2**32 - 1), st.sampled_from([0.0, 1800.0, 50_000.0])),
    min_size=1,
    max_size=4,
)


@pytest.mark.parametrize("form", FORMS)
@given(accounts=st.integers(2, 9), new=st.integers(0, 2), sizes=batches)
@settings(max_examples=25)
def test_booking_is_planning_and_committing_to_the_microsecond(
    form: ModuleType, accounts: int, new: int, sizes: list[tuple[int, int, float]]
) -> None:
    plain = planner(pacing.new_pacer(RULES, starts(accounts, new), ZONES, 5))
    ours = form.Booking(RULES, starts(accounts, new), ZONES, 5)
    now_s = START_S
    for size, seed, pause_s in sizes:
        zone = np.random.default_rng(seed).integers(0, len(ZONES), size).astype(np.int32)
        plan, booked = plain(zone, now_s), ours.book(zone, now_s)
        assert np.array_equal(np.sort(booked.rows), np.arange(size))
        assert np.all(np.diff(booked.due_s) >= 0)
        assert np.array_equal(plan.account[booked.rows], booked.account)
        assert np.array_equal(plan.due_s[booked.rows], booked.due_s)
        now_s += pause_s


@pytest.mark.parametrize("form", FORMS)
def test_a_closed_account_gets_nothing_and_a_new_one_warms_up(form: ModuleType) -> None:
    ours = form.Booking(RULES, starts(3, 0), ZONES[:1], 5)
    zone = np.zeros(1500, np.int32)
    ours.book(zone, START_S)
    ours.close(1)
    ours.add(pacing.AccountStart(key=3), 3)
    plan = ours.book(zone, START_S)
    assert set(np.unique(plan.account)) == {0, 2, 3}
    own = np.sort(plan.due_s[plan.account == 3])
    assert len(own) == RULES.warm_up_per_day
    for account in (0, 2, 3):
        due_s = np.sort(plan.due_s[plan.account == account])
        assert np.all(due_s[RULES.rate_per_hour :] - due_s[: -RULES.rate_per_hour] >= 3600 - 1e-3)


def test_both_forms_close_and_open_accounts_alike() -> None:
    plain, ours = (form.Booking(RULES, starts(7, 1), ZONES, 5) for form in FORMS)
    draw = np.random.default_rng(3)
    now_s = START_S
    for turn in range(12):
        zone = draw.integers(0, len(ZONES), int(draw.integers(1, 4000))).astype(np.int32)
        for one, other in zip(plain.book(zone, now_s), ours.book(zone, now_s), strict=True):
            assert np.array_equal(one, other)
        for form in (plain, ours):
            if turn % 4 == 1:
                form.close(turn // 2)
            if turn % 4 == 3:
                form.add(pacing.AccountStart(key=7 + turn // 4), 7 + turn // 4)
        now_s += float(draw.choice([600.0, 7200.0, 90_000.0]))


@pytest.mark.parametrize("form", FORMS)
def test_without_an_open_account_there_is_nothing_to_book(form: ModuleType) -> None:
    ours = form.Booking(RULES, starts(1, 0), ZONES, 5)
    ours.close(0)
    with pytest.raises(ValueError, match="no account is open"):
        ours.book(np.zeros(3, np.int32), START_S)


@pytest.mark.parametrize("form", FORMS)
@given(
    wishes=st.lists(st.floats(0, 5e6), max_size=40),
    cap=st.integers(1, 5),
    window_s=st.floats(1, 1e6),
    start_s=st.floats(0, 6e6),
)
@settings(max_examples=200)
def test_no_window_holds_more_than_the_frequency_cap(
    form: ModuleType, wishes: list[float], cap: int, window_s: float, start_s: float
) -> None:
    sends, who = np.full((cap, 1), -np.inf), np.zeros(1, np.int32)
    done: list[float] = []
    for wish in sorted(wishes):
        at = max(wish, start_s, *done[-1:])
        found = form.ready(sends, np.full(1, np.inf), who, at, window_s)
        assert len(found.rows) + len(found.held) == 1
        at = max([at, *found.until_s.tolist()])
        form.record(sends, who, np.array([at]))
        done.append(at)
    for first, last in zip(done, done[cap:], strict=False):
        assert last - first >= window_s - 1e-6

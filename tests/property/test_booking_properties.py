"""Booking columns of accounts is planning and committing, for messages that meet no other."""

from collections.abc import Callable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from scenarios.loading import load
from server.dispatch import pacing
from server.dispatch.booking import Booking, first_below_cap_s
from server.dispatch.pacing_rules import Messages, Plan

RULES = load("bulk_send").scenario.pacing
ZONES = ("Europe/London", "America/New_York", "Asia/Kolkata")
START_S = 1_796_299_200.0
Plans = Callable[[np.ndarray, np.ndarray, float], Plan]


def starts(accounts: int, new: int) -> list[pacing.AccountStart]:
    first = [START_S - 1e7] * (accounts - new) + [None] * new
    return [pacing.AccountStart(key=key, first_send_s=at) for key, at in enumerate(first)]


def planner(pacer: pacing.Pacer) -> Plans:
    """The plain form, whose messages are all told apart."""
    known = 0

    def plan(zone: np.ndarray, release_s: np.ndarray, start_s: float) -> Plan:
        nonlocal known
        own = np.arange(known, known + len(zone))
        known += len(zone)
        messages = Messages(own, zone, own, np.ones(len(zone), np.bool_), release_s)
        found = pacing.plan_one_by_one(pacer, messages, start_s)
        pacing.commit(pacer, messages, found, start_s)
        return found

    return plan


batches = st.lists(
    st.tuples(st.integers(1, 900), st.integers(0, 2**32 - 1), st.sampled_from([0.0, 1800.0, 50_000.0])),
    min_size=1,
    max_size=4,
)


@given(st.integers(2, 9), st.integers(0, 2), batches)
@settings(max_examples=25, deadline=None, derandomize=True)
def test_booking_is_planning_and_committing_to_the_microsecond(
    accounts: int, new: int, sizes: list[tuple[int, int, float]]
) -> None:
    plain = planner(pacing.new_pacer(RULES, starts(accounts, new), ZONES, 5))
    booking = Booking(RULES, starts(accounts, new), ZONES, 5)
    now_s = START_S
    for size, seed, pause_s in sizes:
        draw = np.random.default_rng(seed)
        zone = draw.integers(0, len(ZONES), size).astype(np.int32)
        release_s = now_s + draw.choice([-1.0, 600.0, 7200.0], size)
        one, other = plain(zone, release_s, now_s), booking.book(zone, release_s, now_s)
        assert np.array_equal(one.account, other.account)
        assert np.array_equal(one.due_s, other.due_s)
        now_s += pause_s


def test_a_closed_account_gets_nothing_and_a_new_one_warms_up() -> None:
    booking = Booking(RULES, starts(3, 0), ZONES[:1], 5)
    zone, now = np.zeros(1500, np.int32), np.zeros(1500)
    booking.book(zone, now, START_S)
    booking.close(1)
    booking.add(pacing.AccountStart(key=3), 3)
    plan = booking.book(zone, now, START_S)
    assert set(np.unique(plan.account)) == {0, 2, 3}
    own = np.sort(plan.due_s[plan.account == 3])
    assert len(own) == RULES.warm_up_per_day
    for account in (0, 2, 3):
        due_s = np.sort(plan.due_s[plan.account == account])
        assert np.all(due_s[RULES.rate_per_hour :] - due_s[: -RULES.rate_per_hour] >= 3600 - 1e-3)


@given(st.lists(st.floats(0, 5e6), max_size=40), st.integers(1, 5), st.floats(1, 1e6), st.floats(0, 6e6))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_no_window_holds_more_than_the_frequency_cap(
    wishes: list[float], cap: int, window_s: float, start_s: float
) -> None:
    sends = np.full((cap, 1), -np.inf)
    done: list[float] = []
    for wish in sorted(wishes):
        at = float(first_below_cap_s(sends, max(wish, start_s, *done[-1:]), window_s)[0])
        assert at >= wish
        sends[int(sends[:, 0].argmin()), 0] = at
        done.append(at)
    for first, last in zip(done, done[cap:], strict=False):
        assert last - first >= window_s - 1e-6

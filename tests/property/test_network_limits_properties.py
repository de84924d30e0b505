"""What must hold of the limits for any traffic."""

from collections import deque
from datetime import date
from math import floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.network import errors
from server.network.limits import (
    Assumed,
    Batch,
    CapParameters,
    Columns,
    Limits,
    Number,
    Reading,
    allowance,
    allowances,
    give_back,
    refuse,
)
from server.network.pair_rate import BucketPairs, LiteralPairs, new_pairs
from server.network.rules import THROUGHPUT_MPS, Throughput, rules_on
from server.network.tiers import Tier
from server.network.windows import Windows

DAY = 86_400.0
RULES = rules_on(date(2026, 11, 1)).limits

gaps = st.sampled_from([0.0, 0.125, 0.5, 1.0, 5.5, 6.0, 7.0, 60.0, 130.0, 271.0])
codes = st.sampled_from(["marketing", "utility", "authentication", "service"])


def most_in_a_window(times: list[float], window_s: float) -> int:
    """The most of these ascending times that any window (t - window, t] holds."""
    inside: deque[float] = deque()
    most = 0
    for time_s in times:
        inside.append(time_s)
        while inside[0] <= time_s - window_s:
            inside.popleft()
        most = max(most, len(inside))
    return most


@given(
    kind=st.sampled_from(["standard", "coexistence"]),
    steps=st.lists(
        st.tuples(st.sampled_from([0.0, 0.0, 0.0, 0.0625, 0.5, 1.0]), st.booleans()), max_size=400
    ),
)
@settings(max_examples=60)
def test_no_second_holds_more_outbound_than_throughput_leaves(
    kind: Throughput, steps: list[tuple[float, bool]]
) -> None:
    limits = Limits(RULES)
    number = limits.number(limits.portfolio(4), kind)
    now, through = 0.0, []
    for user, (step, inbound) in enumerate(steps):
        now += step
        if inbound:
            limits.heard(now, number, user)
            through.append((now, True))
        elif limits.decide(now, number, user, "utility").code is None:
            through.append((now, False))
            last_second = [time_s for time_s, _ in through if time_s > now - 1]
            assert len(last_second) <= THROUGHPUT_MPS[kind]
        else:
            assert len([0 for time_s, _ in through if time_s > now - 1]) >= THROUGHPUT_MPS[kind]


@given(reading=st.sampled_from(["literal", "bucket"]), steps=st.lists(gaps, max_size=200))
def test_no_stretch_holds_more_to_one_user_than_its_burst_and_rate(
    reading: Reading, steps: list[float]
) -> None:
    pairs = new_pairs(reading)
    now, taken = 0.0, []
    for step in steps:
        now += step
        if pairs.take(now, "a"):
            taken.append(now)
    assert most_in_a_window(taken, 6.0) <= 45
    for length in (60.0, 600.0, 3600.0):
        assert most_in_a_window(taken, length) <= 45 + floor(length / 6.0)


@given(steps=st.lists(gaps, max_size=200))
def test_the_bucket_is_the_closed_form_of_a_token_bucket(steps: list[float]) -> None:
    pairs, tokens, now = BucketPairs(), 45.0, 0.0
    for step in steps:
        now += step
        tokens = min(45.0, tokens + step / 6.0)
        expected = tokens >= 1.0 - 1e-9
        assert pairs.take(now, "a") is expected
        tokens -= expected


def test_the_bucket_carries_its_burst_and_then_its_rate() -> None:
    pairs = BucketPairs()
    taken = [pairs.take(second / 2, "a") for second in range(7200)]
    assert sum(taken) == 45 + floor(3599.5 / 6.0)


@given(burst=st.integers(1, 45), within=st.floats(0, 5.99))
def test_the_literal_reading_refuses_for_six_seconds_a_message(burst: int, within: float) -> None:
    pairs = LiteralPairs()
    for sent in range(burst):
        assert pairs.take(within * sent / burst, "a")
    if burst > 1:
        assert not pairs.take(6.0 * burst - 0.001, "a")
    assert pairs.take(6.0 * burst, "a")


@given(burst=st.integers(2, 45))
def test_the_readings_differ_from_the_second_message_of_a_burst_on(burst: int) -> None:
    literal, bucket = LiteralPairs(), BucketPairs()
    for pairs in (literal, bucket):
        for _ in range(burst):
            assert pairs.take(0.0, "a")
    assert not literal.take(6.0, "a")
    assert bucket.take(6.0, "a")


ends = st.sampled_from(["delivered", "failed", "an hour later", "a day and more later"])


@given(
    st.lists(
        st.tuples(st.sampled_from([0.0, 60.0, 3600.0, 20_000.0, 50_000.0, DAY]), st.integers(0, 12), ends),
        max_size=120,
    )
)
def test_no_day_holds_more_unique_users_than_the_limit(steps: list[tuple[float, int, str]]) -> None:
    tier = Tier(RULES)
    tier.limit = 5
    now, counted = 0.0, []
    waiting: list[tuple[float, int]] = []  # due, user
    held: list[int] = []  # users of `waiting` that hold a slot
    last_accepted: dict[int, float] = {}  # messages to one user are not told apart
    for step, user, end in steps:
        now += step
        for _, who in [late for late in waiting if late[0] <= now]:
            tier.delivered(now, who)
            counted.append((now, who))
        waiting = [late for late in waiting if late[0] > now]
        held = [who for who in held if who in {who for _, who in waiting} and last_accepted[who] > now - DAY]
        full = tier.full(now, user)
        if not full:
            tier.accepted(now, user)
            last_accepted[user] = now
            if end == "delivered":
                tier.delivered(now, user)
                counted.append((now, user))
            elif end == "failed":
                tier.failed(user)
            else:
                held.append(user)
                waiting.append((now + (3600.0 if end == "an hour later" else 1.3 * DAY), user))
        hold = {who for time_s, who in counted if time_s > now - DAY}
        hold |= set(held)
        assert tier.used(now) == len(hold)
        if full:
            assert len(hold) >= 5
            assert user not in hold
        # What was under way for more than a day counts when it comes, whatever the limit.
        elif all(step < DAY - 3600.0 and end != "a day and more later" for step, _, end in steps):
            assert len(hold) <= 5


traffic = st.lists(
    st.tuples(st.sampled_from([0.0, 1.0, 6.0, 40.0, 3600.0]), st.integers(0, 5), codes), max_size=80
)


@given(traffic)
def test_the_same_traffic_gets_the_same_decisions(steps: list[tuple[float, int, str]]) -> None:
    def run() -> list[int | None]:
        limits = Limits(RULES)
        number = limits.number(limits.portfolio(0))
        now, told = 0.0, []
        for step, user, category in steps:
            now += step
            decision = limits.decide(now, number, user, category)  # type: ignore[arg-type]
            if decision.code is None:
                limits.delivered(now, number, user, category, decision.window)  # type: ignore[arg-type]
            told.append(decision.code)
        return told

    assert run() == run()


@given(traffic)
def test_three_quiet_days_free_everything(steps: list[tuple[float, int, str]]) -> None:
    limits = Limits(RULES, Assumed(cap=CapParameters(hammer_tries=1)))
    number = limits.number(limits.portfolio(0))
    now = 0.0
    for step, user, category in steps:
        now += step
        limits.decide(now, number, user, category)  # type: ignore[arg-type]
        limits.blocked(now, number)
    now += 3 * DAY
    for user in range(6):
        assert limits.decide(now, number, user, "marketing").code is None


def test_decisions_do_not_depend_on_users_that_are_someone_else() -> None:
    limits = Limits(RULES)
    number = limits.number(limits.portfolio(4))
    for sent in range(45):
        limits.decide(0.0, number, f"burst {sent % 2}", "utility")
    assert limits.decide(0.0, number, "quiet", "utility").code is None


batches = st.lists(
    st.lists(
        st.tuples(
            st.sampled_from([0.0, 300.0, 3600.0, 20_000.0, 43_200.0, DAY, 2 * DAY]),
            st.integers(0, 9),
            st.booleans(),
            st.sampled_from([False, False, False, True]),
        ),
        max_size=60,
    ),
    max_size=4,
)


@given(batches=batches, level_limit=st.integers(0, 8), most=st.integers(0, 3), tries=st.integers(1, 3))
@settings(max_examples=100)
@pytest.mark.parametrize("marketing_only", [False, True])
def test_a_batch_gets_what_its_messages_would_get_one_by_one(
    marketing_only: bool,
    batches: list[list[tuple[float, int, bool, bool]]],
    level_limit: int,
    most: int,
    tries: int,
) -> None:
    parameters = CapParameters(least=most, most=most, read_weight=0.0, hammer_tries=tries)
    limits = Limits(RULES, Assumed(cap=parameters))
    number = limits.number(limits.portfolio(0), "upgraded")
    number.tier.limit = level_limit
    columns, allowance = Columns.new(10, 3), np.full(10, most, np.int8)
    now = 0.0
    for batch in batches:
        rows = []
        for step, user, marketing, service in batch:
            now += step
            rows.append((user, now, marketing or marketing_only, service))
        expected = [one_by_one(limits, number, row) for row in rows]
        users, times, marketing, service = (
            (list(column) for column in zip(*rows, strict=True)) if rows else ([],) * 4
        )
        found = refuse(
            columns,
            Batch(
                np.array(users, np.int64),
                np.array(times, np.float64),
                np.array(marketing, np.bool_),
                np.array(service, np.bool_),
            ),
            level_limit,
            allowance,
            parameters,
        )
        assert found.tolist() == expected


def one_by_one(limits: Limits, number: Number, row: tuple[int, float, bool, bool]) -> int:
    """Without pair rate, and with a window that is open if the row says so."""
    user, now, marketing, service = row
    number.pairs = new_pairs("literal")
    number.windows = Windows()
    if service:
        number.windows.heard(now, user)
    category = "marketing" if marketing else "utility"
    decision = limits.decide(now, number, user, category)  # type: ignore[arg-type]
    if decision.code is None:
        limits.delivered(now, number, user, category, decision.window)  # type: ignore[arg-type]
    return decision.code or 0


@given(
    st.lists(st.floats(0, 1), min_size=1),
    st.integers(0, 5),
    st.integers(0, 5),
    st.sampled_from([0.0, 0.7, 4.0]),
)
def test_allowances_are_each_ones_allowance(rates: list[float], least: int, more: int, others: float) -> None:
    cap = CapParameters(least=least, most=least + more, others_per_day=others)
    assert allowances(cap, np.array(rates)).tolist() == [allowance(cap, rate) for rate in rates]


def test_what_is_lost_is_given_back() -> None:
    columns, one = Columns.new(3, 2), np.full(3, 2, np.int8)
    batch = Batch(
        np.array([0, 1, 0]), np.array([10.0, 20.0, 30.0]), np.ones(3, np.bool_), np.zeros(3, np.bool_)
    )
    assert not refuse(columns, batch, 2, one).any()
    give_back(columns, np.array([0, 1]), np.array([30.0, 20.0]), np.array([10.0, -np.inf]))
    assert columns.delivered_s.tolist() == [10.0, -np.inf, -np.inf]
    assert columns.booked_s.tolist() == [[-np.inf, 10.0], [-np.inf, -np.inf], [-np.inf, -np.inf]]
    give_back(columns, np.array([0]), np.array([5.0]), np.array([-np.inf]))
    assert columns.delivered_s[0] == 10.0


def test_a_refused_batch_says_what_is_wrong() -> None:
    columns, one = Columns.new(2, 1), np.ones(2, np.int8)
    both = np.zeros(2, np.bool_)
    users = np.arange(2)
    with pytest.raises(ValueError, match="runs backwards"):
        refuse(columns, Batch(users, np.array([1.0, 0.0]), both, both), 9, one)
    with pytest.raises(ValueError, match="differ in length"):
        refuse(columns, Batch(users, np.zeros(3), both, both), 9, one)
    with pytest.raises(ValueError, match="above 1"):
        refuse(columns, Batch(users, np.zeros(2), both, both), 9, 2 * one)
    assert refuse(columns, Batch(users, np.zeros(2), both, both), 1, one).tolist() == [0, errors.SPAM_RATE]

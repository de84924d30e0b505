"""The network's decision beside a hand-written bucket, a library's window, and its own array form.

Ratios of medians from rounds interleaved in one run; see test_pacing_speed.py for the conventions.
"""

from collections.abc import Callable
from datetime import date
from statistics import median
from time import perf_counter

import numpy as np
import pytest
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from pytest_benchmark.fixture import BenchmarkFixture

from server.network.limits import Assumed, Batch, CapParameters, Columns, Limits, refuse
from server.network.rules import Category, rules_on

RULES = rules_on(date(2026, 11, 1)).limits
RATE = 900.0  # messages a second on one upgraded number
DAY_S = 86_400.0


def users_of(count: int) -> list[str]:
    return [f"49170{user:08d}" for user in range(count)]


def decide_all(users: list[str], category: Category) -> int:
    """How many are accepted, each by all limits, and delivered two seconds later."""
    network = Limits(RULES)
    number = network.number(network.portfolio(3), "upgraded")
    accepted = 0
    for turn, user in enumerate(users):
        now_s = turn / RATE
        decision = network.decide(now_s, number, user, category)
        if decision.code is None:
            network.delivered(now_s, number, user, category, decision.window)
            accepted += 1
    return accepted


def bucket_all(users: list[str]) -> int:
    """A hand-written token bucket a user, 45 tokens and one in 6 s: one of the ten limits, and never pruned."""
    full: dict[str, float] = {}
    accepted = 0
    for turn, user in enumerate(users):
        now_s = turn / RATE
        tokens_back_s = max(full.get(user, now_s), now_s)
        if tokens_back_s - now_s <= 264.0:
            full[user] = tokens_back_s + 6.0
            accepted += 1
    return accepted


def library_all(users: list[str]) -> int:
    """The moving window of `limits`, per user: one limit."""
    limiter, rate = MovingWindowRateLimiter(MemoryStorage()), parse("10/minute")
    return sum(limiter.hit(rate, user) for user in users)


def seconds(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


def ratio(ours: Callable[[], object], peer: Callable[[], object], rounds: int) -> float:
    """The median of our time over the peer's, in alternating order."""
    found = []
    for turn in range(rounds):
        order = (ours, peer) if turn % 2 else (peer, ours)
        took = {work: seconds(work) for work in order}
        found.append(took[ours] / took[peer])
    return median(found)


@pytest.mark.parametrize("category", ["utility", "marketing"])
def test_a_decision_against_a_hand_written_bucket(benchmark: BenchmarkFixture, category: Category) -> None:
    users = users_of(20_000 if benchmark.enabled else 500)
    assert benchmark.pedantic(decide_all, (users, category), rounds=3) == len(users)
    assert bucket_all(users) == len(users)
    if benchmark.enabled:
        over_bucket = ratio(lambda: decide_all(users, category), lambda: bucket_all(users), rounds=11)
        over_library = ratio(lambda: decide_all(users, category), lambda: library_all(users), rounds=5)
        benchmark.extra_info.update(over_bucket=round(over_bucket, 2), over_library=round(over_library, 2))
        print(benchmark.name, benchmark.extra_info)
        assert over_bucket <= 35  # ten limits, two windows kept and pruned, and the delivery
        assert over_library <= 1.5


def test_a_batch_against_one_by_one(benchmark: BenchmarkFixture) -> None:
    count = 50_000 if benchmark.enabled else 1_000
    random = np.random.default_rng(1)
    users, times = random.integers(0, count, count), np.sort(random.random(count)) * DAY_S
    always, never = np.ones(count, np.bool_), np.zeros(count, np.bool_)
    allowance = np.full(count, 2, np.int8)
    parameters = CapParameters(least=2, most=2, read_weight=0.0)

    def at_once() -> int:
        batch = Batch(users, times, marketing=always, service=never)
        return int((refuse(Columns.new(count, 2), batch, 10_000, allowance, parameters) == 0).sum())

    def one_by_one() -> int:
        network = Limits(RULES, Assumed(cap=parameters))
        number = network.number(network.portfolio(2), "upgraded")
        accepted = 0
        for user, now_s in zip(users.tolist(), times.tolist(), strict=True):
            decision = network.decide(now_s, number, user, "marketing")
            if decision.code is None:
                network.delivered(now_s, number, user, "marketing", decision.window)
                accepted += 1
        return accepted

    assert benchmark.pedantic(at_once, rounds=3) > 0
    assert at_once() == pytest.approx(one_by_one(), rel=0.01)  # which also keeps pair rate and throughput
    if benchmark.enabled:
        quicker = ratio(one_by_one, at_once, rounds=5)
        benchmark.extra_info.update(one_by_one_over_batch=round(quicker, 1))
        print(benchmark.name, benchmark.extra_info)
        assert quicker >= 3

"""Pacing against its peers, as ratios of medians from rounds interleaved in one run.

    pytest tests/benchmarks --benchmark-enable --benchmark-only -s

The figures are ratios, printed and kept in the results' `extra_info`; the bounds asserted are the
required ones, never seconds. A plain test run disables benchmarks: then every test does its work
once on a small batch, checks what comes out, and leaves the ratios alone.
"""

import asyncio
from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from aiolimiter import AsyncLimiter
from example_rules import Rules
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from pyrate_limiter import Duration, InMemoryBucket, Limiter, Rate
from pytest_benchmark.fixture import BenchmarkFixture
from throttled import RateLimiterType, Throttled, rate_limiter, store

from server.dispatch import pacing
from server.dispatch.pacing import AccountStart, Messages, Pacer
from server.dispatch.pacing_admit import message_rows

ACCOUNTS = 50
START_S = 1_760_000_000.0
ZONES = ["Europe/Berlin", "Europe/London", "Asia/Kolkata", "America/Sao_Paulo"]


def fresh_pacer(new_every: int = 5) -> Pacer:
    """Fifty accounts, one in `new_every` of them new, the others warmed."""
    accounts = [
        AccountStart(key=key, first_send_s=None if key % new_every == 0 else 1.6e9) for key in range(ACCOUNTS)
    ]
    return pacing.new_pacer(Rules(), accounts, ZONES, seed=1)


def personalised(count: int) -> Messages:
    random = np.random.default_rng(1)
    return Messages(
        customer=random.permutation(count).astype(np.int64),
        zone=random.integers(0, len(ZONES), count).astype(np.int32),
        content=random.integers(0, 1 << 62, count),
        consent=np.ones(count, np.bool_),
        release_s=np.zeros(count),
    )


def seconds(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


def ratio(ours: Callable[[], float], peer: Callable[[], float], rounds: int) -> float:
    """The median over rounds of our time over the peer's, in alternating order."""
    pairs = []
    for number in range(rounds):
        if number % 2:
            theirs, own = peer(), ours()
        else:
            own, theirs = ours(), peer()
        pairs.append(own / theirs)
    return median(pairs)


def note(benchmark: BenchmarkFixture, **ratios: float) -> None:
    for name, value in ratios.items():
        benchmark.extra_info[name] = round(value, 3)
    print(benchmark.name, benchmark.extra_info)


# The batch plan


def plain_numpy_plan(count: int, per_min: int, per_hour: int) -> tuple[Any, Any]:
    """The peer: accounts in turn, a minute's spacing, an hour's cap by index shift, due order.

    One row an account, because the shift runs along it; so the due times reach the sort unordered.
    """
    turns = -(-count // ACCOUNTS)
    due_s = np.tile(np.arange(turns) * (60.0 / per_min), (ACCOUNTS, 1))
    for at in range(per_hour, turns, per_hour):
        hour = due_s[:, at : at + per_hour]
        np.maximum(hour, due_s[:, at - per_hour : at - per_hour + hour.shape[1]] + 3_600.0, out=hour)
    order = np.argsort(due_s, axis=None)[:count]
    return order // turns, due_s.ravel()[order]


def test_plan_against_a_plain_numpy_planner(benchmark: BenchmarkFixture) -> None:
    count = 100_000 if benchmark.enabled else 2_000
    pacer, messages = fresh_pacer(), personalised(count)
    plan = benchmark.pedantic(pacing.plan, (pacer, messages, START_S), rounds=5)
    assert np.all(plan.account >= 0)
    if benchmark.enabled:
        slower = ratio(
            lambda: seconds(lambda: pacing.plan(pacer, messages, START_S)),
            lambda: seconds(lambda: plain_numpy_plan(count, 15, 200)),
            rounds=25,
        )
        note(benchmark, plan_over_plain_numpy=slower)
        assert slower <= 5


def test_plan_against_one_at_a_time(benchmark: BenchmarkFixture) -> None:
    pacer, messages = fresh_pacer(), personalised(100_000 if benchmark.enabled else 2_000)
    plan = benchmark.pedantic(pacing.plan, (pacer, messages, START_S), rounds=5)
    assert np.array_equal(plan.due_s, pacing.plan_one_by_one(pacer, messages, START_S).due_s)
    if benchmark.enabled:
        quicker = ratio(
            lambda: seconds(lambda: pacing.plan_one_by_one(pacer, messages, START_S)),
            lambda: seconds(lambda: pacing.plan(pacer, messages, START_S)),
            rounds=5,
        )
        note(benchmark, one_at_a_time_over_plan=quicker)
        assert quicker >= 2


# One decision

DECISIONS = 5_000
ROUNDS = 15


def admit_all() -> float:
    """Seconds for admissions under all rules, messages coming a little faster than they may go."""
    pacer = fresh_pacer(new_every=ACCOUNTS + 1)
    messages = personalised(DECISIONS)
    messages.zone[:] = 2
    rows = message_rows(messages)
    now_us = round(START_S * 1e6)
    began = perf_counter()
    for row in rows:
        now_us += 80_000
        pacing.admit(pacer, row, now_us)
    took = perf_counter() - began
    assert len(pacer.customers.last) == DECISIONS
    return took


class Bucket:
    __slots__ = ("at", "tokens")

    def __init__(self) -> None:
        self.tokens, self.at = 15.0, 0.0


def token_buckets() -> float:
    """A hand-written token bucket, one an account: the least a limiter can do."""
    buckets = {account: Bucket() for account in range(ACCOUNTS)}

    def allow(account: int, now: float) -> bool:
        bucket = buckets[account]
        tokens = bucket.tokens + (now - bucket.at) * 0.25
        if tokens > 15.0:
            tokens = 15.0
        bucket.at = now
        if tokens >= 1.0:
            bucket.tokens = tokens - 1.0
            return True
        bucket.tokens = tokens
        return False

    now = 0.0
    began = perf_counter()
    for number in range(DECISIONS):
        now += 0.08
        allow(number % ACCOUNTS, now)
    return perf_counter() - began


def limits_moving_window() -> float:
    limiter = MovingWindowRateLimiter(MemoryStorage())
    rate = parse("1000/minute")
    keys = [str(account) for account in range(ACCOUNTS)]
    return seconds(lambda: [limiter.hit(rate, keys[n % ACCOUNTS]) for n in range(DECISIONS)])


def pyrate_limiter() -> float:
    limiters = [Limiter(InMemoryBucket([Rate(1_000, Duration.MINUTE)])) for _ in range(ACCOUNTS)]
    return seconds(
        lambda: [limiters[n % ACCOUNTS].try_acquire("send", blocking=False) for n in range(DECISIONS)]
    )


def throttled() -> float:
    limiter = Throttled(
        using=RateLimiterType.GCRA.value,
        quota=rate_limiter.per_min(1_000),
        store=store.MemoryStore(),
    )
    keys = [str(account) for account in range(ACCOUNTS)]
    return seconds(lambda: [limiter.limit(keys[n % ACCOUNTS]) for n in range(DECISIONS)])


def aiolimiter() -> float:
    async def acquire_all() -> float:
        limiters = [AsyncLimiter(1_000, 60) for _ in range(ACCOUNTS)]
        began = perf_counter()
        for number in range(DECISIONS):
            await limiters[number % ACCOUNTS].acquire()
        return perf_counter() - began

    return asyncio.run(acquire_all())


def test_admit_is_faster_than_each_limiter_with_one_rule(benchmark: BenchmarkFixture) -> None:
    assert benchmark.pedantic(admit_all, rounds=5) > 0
    if benchmark.enabled:
        peers = [limits_moving_window, pyrate_limiter, throttled, aiolimiter]
        ratios = {peer.__name__: ratio(admit_all, peer, ROUNDS) for peer in peers}
        ratios["token_bucket"] = ratio(admit_all, token_buckets, ROUNDS)
        note(benchmark, **ratios)
        assert max(ratios[peer.__name__] for peer in peers) < 1

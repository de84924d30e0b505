"""Exposures a second of the engine against its peers, as ratios from rounds interleaved in one run.

    pytest tests/benchmarks/test_simulator_speed.py --benchmark-enable --benchmark-only -s

Processor time, since other processes may share the machine; every peer has one thread. `daily_programme`: daily posts
and two pushes a week, with as many accounts as keep up with them. A plain test run disables benchmarks: then each
runs once on a small world, and what comes out of the peers is compared with the engine's instead.
"""

from collections.abc import Callable
from time import process_time

import numpy as np
import pytest
from mesa_funnel import Draws, Shop
from numba_funnel import funnel
from pytest_benchmark.fixture import BenchmarkFixture
from test_pacing_speed import note, ratio

from scenarios.loading import load
from simulator.engine.forms import Engine
from simulator.engine.plain import Consequences, Sends
from simulator.engine.replication import Replication
from simulator.engine.tally import Tally
from simulator.results.summary import simulate_once
from simulator.world import World, world_of
from tests.reference_model import Reference

ACCOUNTS_PER_CUSTOMER = 130 / 1e6  # what 1,000,000 customers need for two pushes a week
LEAST_OVER_REFERENCE = 50.0
MOST_OF_NUMBA = 10.0
RATES = {  # that Mesa's model counts too
    "delivery_rate": ("messages_delivered", "messages_sent"),
    "read_rate": ("messages_read", "messages_delivered"),
    "click_rate": ("messages_clicked", "messages_delivered"),
    "reply_rate": ("messages_replied", "messages_delivered"),
    "click_to_order_rate": ("orders", "messages_clicked"),
}
BOTH_KNOW = ("network.ban_per_30_days=0", "agents.shifts=[]")  # the reference has no bans and no agents
SMALL = 2_000


def world(customers: int, days: float, *settings: str) -> World:
    accounts = max(3, round(customers * ACCOUNTS_PER_CUSTOMER))
    sizes = (f"population.size={customers}", f"accounts.count={accounts}", f"experiment.horizon_days={days}")
    return world_of(load("daily_programme", [*sizes, *settings]))


def per_exposure_s(work: Callable[[], float]) -> float:
    """Processor time over the exposures that `work` says it made."""
    began = process_time()
    exposures = work()
    return (process_time() - began) / exposures


def engine(shared: World) -> float:
    return simulate_once(shared, 1).kpis["messages_sent"]


def rates(shared: World) -> tuple[float, float, float, float, float]:
    """Of the five draws."""
    funnel_, network = shared.scenario.funnel, shared.scenario.network
    return network.delivery_rate, funnel_.read, funnel_.click, funnel_.reply, funnel_.order


def times_as_fast(
    benchmark: BenchmarkFixture, shared: World, peer: Callable[[], float], rounds: int
) -> float:
    """Exposures a second of the engine over the peer's."""
    quicker = ratio(lambda: per_exposure_s(peer), lambda: per_exposure_s(lambda: engine(shared)), rounds)
    note(benchmark, engine_over_peer=quicker, engine_per_s=1 / per_exposure_s(lambda: engine(shared)))
    return quicker


def test_engine_against_five_draws_in_numba(benchmark: BenchmarkFixture) -> None:
    """A peer that is the funnel alone: beside it stands what the engine does from a send to its consequences.

    All that comes before and after (who may get a message, accounts and times, retries, agents, money) has no
    counterpart in it. How the whole replication compares is noted too.
    """
    customers, exposures = (1_000_000, 50_000_000) if benchmark.enabled else (SMALL, 20_000)
    shared = world(customers, 28 if benchmark.enabled else 2)
    sent = benchmark.pedantic(engine, (shared,), rounds=1)
    counts = funnel(exposures, np.array(rates(shared)), 1)
    if not benchmark.enabled:
        assert_five_draws(counts, exposures, rates(shared))
        assert timed(shared).sends == sent
        return

    def peer_s() -> float:
        began = process_time()
        funnel(exposures, np.array(rates(shared)), 1)
        return (process_time() - began) / exposures

    def pass_s() -> float:
        found = timed(shared)
        return found.pass_s / found.sends

    whole = ratio(peer_s, lambda: per_exposure_s(lambda: engine(shared)), 3)
    funnels = ratio(peer_s, pass_s, 5)
    note(benchmark, whole_over_peer=whole, pass_over_peer=funnels, pass_ns=pass_s() * 1e9)
    assert funnels >= 1 / MOST_OF_NUMBA


class Timed:
    """An engine whose time is taken."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self.batch = engine, engine.batch
        self.pass_s, self.sends = 0.0, 0

    def send(self, sends: Sends, tally: Tally) -> Consequences:
        before, began = tally.total["messages_sent"], process_time()
        found = self._engine.send(sends, tally)
        self.pass_s += process_time() - began
        self.sends += tally.total["messages_sent"] - before
        return found


def timed(shared: World) -> Timed:
    """The engine of a replication, after it."""
    run = Replication(shared, 1)
    watched = run.engine = Timed(run.engine)
    run.run()
    return watched


def test_engine_against_one_simpy_process_a_customer(benchmark: BenchmarkFixture) -> None:
    """Same mechanisms; a week, of which the reference takes the better part of a minute."""
    shared = world(100_000 if benchmark.enabled else SMALL, 7 if benchmark.enabled else 2, *BOTH_KNOW)
    sent = benchmark.pedantic(engine, (shared,), rounds=1)
    if not benchmark.enabled:
        assert Reference(shared, 1).run()["messages_sent"] == pytest.approx(sent, rel=0.05)
        return
    quicker = times_as_fast(benchmark, shared, lambda: Reference(shared, 1).run()["messages_sent"], 2)
    assert quicker >= LEAST_OVER_REFERENCE


def test_engine_against_mesa(benchmark: BenchmarkFixture) -> None:
    """The same funnel, day by day."""
    shared = world(100_000 if benchmark.enabled else SMALL, 28)
    benchmark.pedantic(engine, (shared,), rounds=1)
    if not benchmark.enabled:
        kpis, count = simulate_once(shared, 1).kpis, Shop(shared, 1).run()
        assert count["messages_sent"] == pytest.approx(kpis["messages_sent"], rel=0.2)  # no caps, no hours
        for kpi, (part, whole) in RATES.items():
            assert count[part] / count[whole] == pytest.approx(kpis[kpi], rel=0.25), kpi
        return
    assert times_as_fast(benchmark, shared, lambda: Shop(shared, 1).run()["messages_sent"], 2) > 1


def test_engine_against_five_draws_in_mesa(benchmark: BenchmarkFixture) -> None:
    """A peer without any of the mechanisms."""
    customers, steps = 100_000 if benchmark.enabled else SMALL, 10
    shared = world(customers, 28 if benchmark.enabled else 2)
    benchmark.pedantic(engine, (shared,), rounds=1)
    bare = Draws(customers, rates(shared), 1)
    if not benchmark.enabled:
        assert_five_draws(np.array(bare.run(steps)), customers * steps, rates(shared))
        return

    def peer() -> float:
        bare.run(steps)
        return customers * steps

    assert times_as_fast(benchmark, shared, peer, 3) > 1


def assert_five_draws(counts: np.ndarray, exposures: int, chances: tuple[float, ...]) -> None:
    """Each within five standard errors."""
    deliver, read, click, reply, order = chances
    expected = deliver * np.cumprod([1, read, click])
    for found, share in zip(counts, (*expected, deliver * read * reply, expected[2] * order), strict=True):
        error = (share * (1 - share) / exposures) ** 0.5
        assert found / exposures == pytest.approx(share, abs=5 * error)

"""Replications on two processes against one, as a ratio of rounds interleaved in one run.

    pytest tests/benchmarks/test_replications_speed.py --benchmark-enable --benchmark-only -s

A plain test run disables benchmarks: then the work is done once on a small world, and what comes out is
checked instead.
"""

from time import perf_counter

from pytest_benchmark.fixture import BenchmarkFixture
from test_pacing_speed import note, ratio

from scenarios.loading import load
from simulator.kept import encode
from simulator.replicating import summaries
from simulator.world import World, world_of

REPLICATIONS = 8
MOST = 0.60  # of the time on one worker


def world(size: int) -> World:
    return world_of(load("bulk_send", [f"population.size={size}", f"accounts.count={max(10, size // 1000)}"]))


def run(shared: World, workers: int) -> list[bytes]:
    return [encode(summary) for _, summary in summaries([shared], REPLICATIONS, workers=workers)]


def seconds(shared: World, workers: int) -> float:
    began = perf_counter()
    run(shared, workers)
    return perf_counter() - began


def test_two_workers_take_at_most_60_percent_of_the_time_of_one(benchmark: BenchmarkFixture) -> None:
    shared = world(200_000 if benchmark.enabled else 100)
    two = benchmark.pedantic(
        run, (shared, 2), rounds=1
    )  # starts the processes too: that is not measured below
    if not benchmark.enabled:
        assert two == run(shared, 1)
        return
    share = ratio(lambda: seconds(shared, 2), lambda: seconds(shared, 1), 5)
    note(benchmark, two_workers_over_one=share)
    assert share <= MOST

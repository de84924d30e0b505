"""What a replication draws about its customers before the first message goes out, in time of one core."""

from time import process_time

import numpy as np
from pytest_benchmark.fixture import BenchmarkFixture

from scenarios.loading import load
from simulator.customers.organic import Organic, organic_of
from simulator.customers.traits import hidden_of, traits_of
from simulator.sending.network import DAY_S

MOST_S = 0.6  # for a million customers and 90 days


def test_hidden_traits_and_organic_purchases_of_a_million_customers(benchmark: BenchmarkFixture) -> None:
    size = 20_000 if benchmark.disabled else 1_000_000
    scenario = load("bulk_send").scenario
    traits = traits_of(scenario, ("all",), np.zeros(size, np.int8))

    def drawn() -> Organic:
        hidden = hidden_of(traits, 1, 1, scenario.network.unregistered_fraction)
        return organic_of(scenario.purchases, traits, hidden, 1, 1, 90 * DAY_S)

    if benchmark.disabled:
        assert 0.2 < len(benchmark(drawn).at_s) / size < 0.5
        return
    benchmark.pedantic(drawn, rounds=1)
    times = []
    for _ in range(5):
        began = process_time()
        drawn()
        times.append(process_time() - began)
    print(
        f"\nhidden traits and organic purchases of {size:,} customers, 90 days: {min(times):.2f} s of one core"
    )
    assert min(times) <= MOST_S

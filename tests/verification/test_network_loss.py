"""The network's limits under random traffic, against the loss systems that they are.

A limit of n in a moving window is M/D/n/n: who is accepted holds a place for the window's length, so the share
refused is Erlang's B, which does not depend on the shape of that time. A token bucket is M/D/1/K. The literal
reading of the pair rate is a renewal process.
"""

from datetime import date

import numpy as np
import pytest
from closed_forms import erlang_b, md1k_lost
from numpy.typing import NDArray
from verification_table import Table

from server.network.limits import Assumed, Batch, CapParameters, Columns, Limits, refuse
from server.network.pair_rate import Reading, new_pairs
from server.network.rules import PAIR_BURST, PAIR_GAP_S, THROUGHPUT_MPS, Throughput, rules_on

RULES = rules_on(date(2026, 11, 1)).limits
DAY_S = 86_400.0
RUNS = 10
PART = "Network: limits as loss systems"


def arrivals(run: int, rate_per_s: float, count: int) -> NDArray[np.float64]:
    return np.cumsum(np.random.default_rng([7, run]).exponential(1.0 / rate_per_s, count))


def settled(refused: NDArray[np.bool_]) -> float:
    """The share refused, without the first fifth, in which the system fills."""
    return float(refused[len(refused) // 5 :].mean())


@pytest.mark.parametrize(("kind", "rate"), [("standard", 85.0), ("coexistence", 25.0)])
def test_throughput_is_erlang_b(table: Table, kind: Throughput, rate: float) -> None:
    def refused(run: int) -> float:
        network = Limits(RULES)
        number = network.number(network.portfolio(4), kind)
        times = arrivals(run, rate, 8_000).tolist()
        codes = [network.decide(now_s, number, user, "utility").code for user, now_s in enumerate(times)]
        return settled(np.array([code is not None for code in codes]))

    mps = THROUGHPUT_MPS[kind]
    table.mean(
        PART,
        f"throughput {mps} a second, {rate:g} offered: share refused",
        erlang_b(mps, rate),
        [refused(run) for run in range(RUNS)],
    )


@pytest.mark.parametrize(("limit", "offered"), [(250, 240.0), (250, 300.0), (2_000, 2_100.0)])
def test_the_messaging_limit_is_erlang_b(table: Table, limit: int, offered: float) -> None:
    def refused(run: int) -> float:
        count = int(20 * offered)
        never = np.zeros(count, np.bool_)
        batch = Batch(np.arange(count), arrivals(run, offered / DAY_S, count), marketing=never, service=never)
        return settled(refuse(Columns.new(count, 1), batch, limit, np.ones(count, np.int8)) != 0)

    table.mean(
        PART,
        f"messaging limit {limit:,}, {offered:,g} new users a day: share refused",
        erlang_b(limit, offered),
        [refused(run) for run in range(RUNS)],
    )


@pytest.mark.parametrize("offered", [1.0, 4.0])
def test_the_marketing_cap_is_erlang_b_when_a_refusal_brings_no_wait(table: Table, offered: float) -> None:
    cap = CapParameters(least=2, most=2, wait_s=0.0, read_weight=0.0)

    def refused(run: int) -> float:
        network = Limits(RULES, Assumed(cap=cap))
        times = arrivals(run, offered / DAY_S, 4_000).tolist()
        return settled(np.array([not network.cap.take(now_s, 1, "a") for now_s in times]))

    table.mean(
        PART,
        f"marketing cap 2 a day, {offered:g} offered: share refused",
        erlang_b(2, offered),
        [refused(run) for run in range(RUNS)],
    )


def pair_refused(reading: Reading, run: int, rate_per_s: float) -> float:
    pairs = new_pairs(reading)
    return settled(
        np.array([not pairs.take(now_s, "a") for now_s in arrivals(run, rate_per_s, 20_000).tolist()])
    )


@pytest.mark.parametrize("load", [1.05, 1.3])
def test_the_bucket_of_the_pair_rate_is_md1k(table: Table, load: float) -> None:
    table.mean(
        PART,
        f"pair rate, bucket, {load:g} in 6 s offered: share refused",
        md1k_lost(PAIR_BURST, load),
        [pair_refused("bucket", run, load / PAIR_GAP_S) for run in range(RUNS)],
    )


@pytest.mark.parametrize("load", [0.5, 3.0, 40.0])
def test_the_literal_pair_rate_is_a_renewal_process(table: Table, load: float) -> None:
    """A cycle: a burst of 1 + min(Poisson(load), 44) messages, six seconds for each, and the wait for the next."""
    chance = np.exp(-load)
    sent = 0.0
    for n in range(PAIR_BURST - 1):
        sent += n * chance
        chance *= load / (n + 1)
    below = sum_of_poisson(load, PAIR_BURST - 2)
    sent += (PAIR_BURST - 1) * (1.0 - below) + 1.0
    rate = load / PAIR_GAP_S
    accepted = sent / (PAIR_GAP_S * sent + 1.0 / rate)
    table.mean(
        PART,
        f"pair rate, literal, {load:g} in 6 s offered: share refused",
        1.0 - accepted / rate,
        [pair_refused("literal", run, rate) for run in range(RUNS)],
    )


def sum_of_poisson(mean: float, last: int) -> float:
    """The chance of at most `last`."""
    chance = total = float(np.exp(-mean))
    for n in range(1, last + 1):
        chance *= mean / n
        total += chance
    return total

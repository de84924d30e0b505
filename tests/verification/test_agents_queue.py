"""The agents' queue against queueing theory: 20 replications of 1,500 conversations after a warm-up of 400."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
from closed_forms import cobham, erlang_a, erlang_c, erlang_c_wait, kiefer_wolfowitz, pollaczek_khinchine
from numpy.typing import NDArray
from verification_table import Table

from simulator.engine.agents import Agents, Roster, figures, inbound_of, reading_of, serve, waits_s

REPLICATIONS, WARM_UP, MEASURED = 20, 400, 1_500
SERVICE_S = 100.0
LOGNORMAL_LOG_SD = 0.8

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Floats]


class Observed(NamedTuple):
    """The measured conversations of one replication."""

    wait_s: Floats
    abandoned: NDArray[np.bool_]
    complaint: NDArray[np.bool_]
    utilisation: float


def exponential(draw: np.random.Generator, size: int) -> Floats:
    return draw.standard_exponential(size)


def endless(_: np.random.Generator, size: int) -> Floats:
    return np.full(size, np.inf)


def observe(
    number: int,
    servers: int,
    rate: float,
    service: Draw = exponential,
    patience_s: float = np.inf,
    complaints: float = 0.0,
) -> Observed:
    """Poisson arrivals at `rate` a second; `service` draws times with mean 1, in SERVICE_S."""
    draw, size = np.random.default_rng([number, servers, round(1e9 * rate)]), WARM_UP + MEASURED
    arrival_s = draw.standard_exponential(size).cumsum() / rate
    horizon_s = float(arrival_s[-1]) + 1e-6
    prompt = Agents(away_fraction=0.0, read_mean_s=0.0)
    coming = inbound_of(prompt, arrival_s, draw.random(size) < complaints, 1, number)._replace(
        handling_s=SERVICE_S * service(draw, size),
        patience_s=patience_s * exponential(draw, size) if np.isfinite(patience_s) else endless(draw, size),
    )
    # what is under way when the last conversation comes is waited for without new arrivals
    late_s = horizon_s + 1000 * SERVICE_S
    handled = serve(
        120.0,
        Roster(np.zeros(1), np.array([servers])),
        coming,
        reading_of(prompt, size, 1, number),
        late_s,
    )
    measured = slice(WARM_UP, None)
    since_s = float(arrival_s[WARM_UP])
    work_s = np.clip(handled.ended_s, since_s, horizon_s) - np.clip(handled.read_s, since_s, horizon_s)
    return Observed(
        waits_s(coming, handled, late_s)[measured],
        np.isfinite(handled.left_s)[measured],
        coming.complaint[measured],
        float(work_s.sum()) / (servers * (horizon_s - since_s)),
    )


@pytest.mark.parametrize("servers", [1, 4])
def test_every_wait_agrees_with_the_recursion(table: Table, servers: int) -> None:
    """No chance is left: the same arrivals and handling times must give the same waits, one by one."""
    prompt, size = Agents(away_fraction=0.0, read_mean_s=0.0, patience_mean_s=1e12), MEASURED
    arrival_s = np.random.default_rng(servers).exponential(400.0 / servers, size).cumsum()
    coming = inbound_of(prompt, arrival_s, np.zeros(size, bool), 1, 1)
    reading = reading_of(prompt, size, 1, 1)
    end_s = float(arrival_s[-1]) + 1e6
    handled = serve(120.0, Roster(np.zeros(1), np.array([servers])), coming, reading, end_s)
    expected_s = kiefer_wolfowitz(servers, arrival_s, coming.handling_s)
    assert expected_s.mean() > 10
    difference_s = float(np.abs(waits_s(coming, handled, end_s) - expected_s).max())
    what = f"n = {servers}, lognormal service: largest difference of {size:,} waits, s"
    table.exact("Agents: every wait (Kiefer-Wolfowitz)", what, 0.0, difference_s, 1e-6, "1e-6 s")


@pytest.mark.parametrize(("servers", "use"), [(1, 0.5), (3, 0.8), (10, 0.7), (20, 0.85)])
def test_waits_agree_with_erlang_c(table: Table, servers: int, use: float) -> None:
    rate = servers * use / SERVICE_S
    runs = [observe(number, servers, rate) for number in range(1, REPLICATIONS + 1)]
    part, case = "Agents: Erlang C (M/M/n)", f"n = {servers}, load {use:g}"
    table.mean(
        part,
        f"{case}: share that waits",
        erlang_c(servers, servers * use),
        [float((run.wait_s > 0).mean()) for run in runs],
    )
    table.mean(
        part,
        f"{case}: mean wait, s",
        erlang_c_wait(servers, rate, SERVICE_S),
        [float(run.wait_s.mean()) for run in runs],
    )


@pytest.mark.parametrize(
    ("servers", "use", "patience_s"),
    [(1, 0.8, 200.0), (10, 1.2, 100.0), (40, 1.0, 50.0)],
)
def test_abandonment_agrees_with_erlang_a(table: Table, servers: int, use: float, patience_s: float) -> None:
    rate = servers * use / SERVICE_S
    waits, abandons, mean_s = erlang_a(servers, rate, SERVICE_S, patience_s)
    runs = [observe(number, servers, rate, patience_s=patience_s) for number in range(1, REPLICATIONS + 1)]
    part, case = "Agents: Erlang A (M/M/n+M)", f"n = {servers}, load {use:g}, patience {patience_s:g} s"
    table.mean(part, f"{case}: share that waits", waits, [float((run.wait_s > 0).mean()) for run in runs])
    table.mean(part, f"{case}: share that leaves", abandons, [float(run.abandoned.mean()) for run in runs])
    table.mean(part, f"{case}: mean wait, s", mean_s, [float(run.wait_s.mean()) for run in runs])
    table.mean(part, f"{case}: utilisation", use * (1 - abandons), [run.utilisation for run in runs])


SERVICES: dict[str, tuple[Draw, float]] = {
    "constant": (lambda draw, size: np.ones(size), 0.0),
    "Erlang-4": (lambda draw, size: draw.standard_gamma(4.0, size) / 4, 0.25),
    "lognormal": (
        lambda draw, size: draw.lognormal(-(LOGNORMAL_LOG_SD**2) / 2, LOGNORMAL_LOG_SD, size),
        float(np.expm1(LOGNORMAL_LOG_SD**2)),
    ),
    # 0.9 of mean 0.5, 0.1 of mean 5.5: mean 1, second moment 2 (0.9 x 0.25 + 0.1 x 30.25) = 6.5
    "hyperexponential": (
        lambda draw, size: np.where(draw.random(size) < 0.9, 0.5, 5.5) * draw.standard_exponential(size),
        5.5,
    ),
}


@pytest.mark.parametrize("service", SERVICES)
def test_one_agent_agrees_with_pollaczek_khinchine(table: Table, service: str) -> None:
    (draw, squared_variation), use = SERVICES[service], 0.6
    rate = use / SERVICE_S
    runs = [observe(number, 1, rate, draw) for number in range(1, REPLICATIONS + 1)]
    table.mean(
        "Agents: Pollaczek-Khinchine (M/G/1)",
        f"{service} service, load {use:g}: mean wait, s",
        pollaczek_khinchine(rate, SERVICE_S, squared_variation),
        [float(run.wait_s.mean()) for run in runs],
    )


def test_complaints_go_first_as_cobham_says(table: Table) -> None:
    (draw, squared_variation), use, complaints = SERVICES["lognormal"], 0.8, 0.25
    rate = use / SERVICE_S
    runs = [observe(number, 1, rate, draw, complaints=complaints) for number in range(1, REPLICATIONS + 1)]
    first_s, then_s = cobham([complaints * rate, (1 - complaints) * rate], SERVICE_S, squared_variation)
    part, case = "Agents: priorities (Cobham)", f"lognormal service, load {use:g}, a quarter are complaints"
    table.mean(
        part,
        f"{case}: mean wait of complaints, s",
        first_s,
        [float(run.wait_s[run.complaint].mean()) for run in runs],
    )
    table.mean(
        part,
        f"{case}: mean wait of the others, s",
        then_s,
        [float(run.wait_s[~run.complaint].mean()) for run in runs],
    )


@pytest.mark.parametrize("failover_s", [1e6, 120.0])
def test_failover_shortens_long_waits_as_computed(table: Table, failover_s: float) -> None:
    """With agents enough that nobody queues the wait is the reading alone, offer by offer.

    C112 (0.34 without failover) sets `away_fraction`, so it says nothing of the model; what comes out with
    failover may be compared with the 0.08 of C113.
    """
    agents, size, rates = Agents(patience_mean_s=1e12), 500, []
    roster = Roster(np.zeros(1), np.array([size * 4]))
    for number in range(1, REPLICATIONS + 1):
        coming = inbound_of(agents, np.arange(size, dtype=float), np.zeros(size, bool), 1, number)
        handled = serve(failover_s, roster, coming, reading_of(agents, size, 1, number), 1e6)
        rates.append(figures(agents, coming, handled, 1e6)["long_wait_rate"])
    offers, last_s = divmod(agents.long_wait_s, failover_s)
    theory = _unread(agents, failover_s) ** offers * _unread(agents, last_s)
    what = "with failover (C113 says 0.08)" if offers else "without failover (C112, put in)"
    table.mean("Agents: failover", f"share that waits over 5 min {what}", theory, rates)


def test_the_share_away_follows_from_c112() -> None:
    agents = Agents()
    assert _unread(agents, agents.long_wait_s) == pytest.approx(0.34, abs=5e-5)


def _unread(agents: Agents, after_s: float) -> float:
    """Probability that one agent has not read it by then: away or not, exponential."""
    away = agents.away_fraction
    return away * np.exp(-after_s / agents.away_mean_s) + (1 - away) * np.exp(-after_s / agents.read_mean_s)

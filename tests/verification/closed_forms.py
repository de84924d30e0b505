"""Formulas and recursions of queueing theory. Rates per second, times in seconds; `load` is offered work in servers."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def erlang_b(servers: int, load: float) -> float:
    """Share lost in M/M/n/n (Erlang 1917), by its recursion."""
    lost = 1.0
    for n in range(1, servers + 1):
        lost = load * lost / (n + load * lost)
    return lost


def erlang_c(servers: int, load: float) -> float:
    """Share that waits in M/M/n (Erlang 1917)."""
    lost, use = erlang_b(servers, load), load / servers
    return lost / (1 - use * (1 - lost))


def erlang_c_wait(servers: int, rate: float, service_s: float) -> float:
    """Mean wait of all in M/M/n."""
    return erlang_c(servers, rate * service_s) * service_s / (servers - rate * service_s)


def erlang_a(servers: int, rate: float, service_s: float, patience_s: float) -> tuple[float, float, float]:
    """(share that waits, share that abandons, mean wait of all) in M/M/n+M.

    Palm (1957), as written by Mandelbaum & Zeltyn (2007), "Service engineering in action: the Palm/Erlang-A
    queue", section 4: A(x, y) = 1 + sum over j of y^j / ((x+1)...(x+j)) with x = n mu / theta and
    y = lambda / theta; P(W > 0) = A B / (1 + (A - 1) B), B being Erlang B;
    P(Ab | W > 0) = 1 / (rho A) + 1 - 1 / rho; E W = P(Ab) / theta.
    """
    x, y = servers * patience_s / service_s, rate * patience_s
    term = a = j = 1.0
    while term > 1e-15 * a:
        term *= y / (x + j)
        a, j = a + term, j + 1
    b, use = erlang_b(servers, rate * service_s), rate * service_s / servers
    waits = a * b / (1 + (a - 1) * b)
    abandons = waits * (1 / (use * a) + 1 - 1 / use)
    return waits, abandons, abandons * patience_s


def pollaczek_khinchine(rate: float, service_s: float, squared_variation: float) -> float:
    """Mean wait in M/G/1 (Pollaczek 1930, Khinchine 1932); variation is sd over mean of the service time."""
    use = rate * service_s
    return use * service_s * (1 + squared_variation) / (2 * (1 - use))


def cobham(rates: Sequence[float], service_s: float, squared_variation: float) -> list[float]:
    """Mean wait of each class, first first, in M/G/1 with priorities that do not interrupt (Cobham 1954)."""
    residual_s = sum(rates) * service_s**2 * (1 + squared_variation) / 2
    before, waits = 0.0, []
    for rate in rates:
        upto = before + rate * service_s
        waits.append(residual_s / ((1 - before) * (1 - upto)))
        before = upto
    return waits


def kiefer_wolfowitz(
    servers: int, arrival_s: NDArray[np.float64], handling_s: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Each wait in G/G/n, first come, first served (Kiefer & Wolfowitz 1955): the servers' work left, sorted."""
    left, waits, before = np.zeros(servers), np.empty(len(arrival_s)), 0.0
    for number, (at, takes) in enumerate(zip(arrival_s, handling_s, strict=True)):
        left = np.maximum(left - (at - before), 0.0)
        waits[number] = left[0]
        left[0] += takes
        left.sort()
        before = at
    return waits


def md1k_lost(places: int, load: float) -> float:
    """Share lost in M/D/1/K, K = `places` with the one in service, by the chain embedded at departures."""
    arrivals = [np.exp(-load)]
    for n in range(1, places + 1):
        arrivals.append(arrivals[-1] * load / n)
    left = [1.0]
    for j in range(places - 1):
        behind = sum(left[i] * arrivals[j - i + 1] for i in range(1, j + 1))
        left.append((left[j] - left[0] * arrivals[j] - behind) / arrivals[0])
    empty = left[0] / sum(left)
    return float(1.0 - 1.0 / (empty + load))

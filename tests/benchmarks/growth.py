"""`make bench-growth`: time and memory of a replication from 10,000 to 3,000,000 customers; draws them.

    python growth.py FIGURE.svg

`daily_programme` over a week, with accounts and agents in proportion to the customers. Each size runs in a process
of its own, three times in turn: processor time without what is loaded, and the process's peak of memory. Prints the
exponent of each between the two largest sizes, where 1 is linear growth; exit status 1 if one exceeds MOST.
"""

import subprocess
import sys
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from time import process_time
from typing import NamedTuple

import msgspec
import numpy as np
from matplotlib.figure import Figure

from reports import drawing
from scenarios.loading import load
from simulator.engine.replication import Replication
from simulator.results.summary import simulate_once
from simulator.world import world_of

SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000)
ROUNDS = 3
MOST = 1.15  # exponent; caches that no longer hold the customers cost a little more for each
CUSTOMERS_PER_ACCOUNT = 1_000_000 / 130
CUSTOMERS_PER_AGENT = 1_000_000 / 80
MIB = 1 << 20


class Run(NamedTuple):
    """`memory_bytes`: the peak beyond what the process has without customers."""

    customers: int
    exposures: int
    cpu_s: float
    memory_bytes: int


def run(customers: int) -> Run:
    tiny = world_of(load("daily_programme", ["population.size=100", "experiment.horizon_days=2"]))
    for compiled in (False, True):  # loads everything
        Replication(tiny, 1, compiled=compiled).run()
    before = getrusage(RUSAGE_SELF).ru_maxrss
    agents = max(2, round(customers / CUSTOMERS_PER_AGENT))
    settings = [
        f"population.size={customers}",
        f"accounts.count={max(2, round(customers / CUSTOMERS_PER_ACCOUNT))}",
        f'agents.shifts=[{{start="00:00",end="00:00",agents={agents}}}]',
        "experiment.horizon_days=7",
    ]
    began_s = process_time()
    kpis = simulate_once(world_of(load("daily_programme", settings)), 1).kpis
    spent_s = process_time() - began_s
    return Run(
        customers, int(kpis["messages_sent"]), spent_s, (getrusage(RUSAGE_SELF).ru_maxrss - before) * 1024
    )


def in_process(customers: int) -> Run:
    command = [sys.executable, __file__, str(customers)]
    done = subprocess.run(command, capture_output=True, check=True, cwd=Path(__file__).parents[2])
    return msgspec.json.decode(done.stdout, type=Run)


def median(runs: list[Run]) -> Run:
    return Run._make(
        type(runs[0][at])(np.median([each[at] for each in runs])) for at in range(len(Run._fields))
    )


def exponent(small: Run, large: Run, value: str) -> float:
    """Of the power by which this grows with the customers."""
    growth = getattr(large, value) / getattr(small, value)
    return float(np.log(growth) / np.log(large.customers / small.customers))


def draw(runs: list[Run]) -> Figure:
    customers = np.array([each.customers for each in runs], np.float64)
    figure, (time, memory) = drawing.panels(drawing.WIDE_PX, 420, rows=2)
    for axes, colour, label, values in (
        (time, drawing.BLUE, "processor time, s", np.array([each.cpu_s for each in runs])),
        (memory, drawing.VERMILLION, "memory, MiB", np.array([each.memory_bytes / MIB for each in runs])),
    ):
        axes.loglog(customers, values, "o-", color=colour)
        axes.loglog(customers, values[-1] * customers / customers[-1], ":", color=drawing.GREY)
        axes.set_ylabel(label)
    time.set_title("One replication of a week of daily_programme; dotted: in proportion to the customers")
    memory.set_xlabel("customers")
    return figure


def main(figure: Path) -> int:
    rounds: dict[int, list[Run]] = {size: [] for size in SIZES}
    for number in range(1, ROUNDS + 1):
        for size in SIZES:
            print(f"round {number} of {ROUNDS}: {size:,} customers", file=sys.stderr)
            rounds[size].append(in_process(size))
    runs = [median(each) for each in rounds.values()]
    print(
        f"{'customers':>10} {'exposures':>11} {'CPU s':>7} {'exposures/s':>12} {'MiB':>7} {'bytes/customer':>15}"
    )
    for each in runs:
        print(
            f"{each.customers:>10,} {each.exposures:>11,} {each.cpu_s:>7.2f} {each.exposures / each.cpu_s:>12,.0f}"
            f" {each.memory_bytes / MIB:>7.0f} {each.memory_bytes / each.customers:>15.0f}"
        )
    with drawing.style():
        figure.write_bytes(drawing.svg(draw(runs)))
    found = {value: exponent(runs[-2], runs[-1], value) for value in ("cpu_s", "memory_bytes")}
    print(
        f"exponents from {SIZES[-2]:,} to {SIZES[-1]:,}: {found['cpu_s']:.2f} of time, {found['memory_bytes']:.2f} of memory"
    )
    return int(max(found.values()) > MOST)


if __name__ == "__main__":
    if sys.argv[1].isdigit():
        print(msgspec.json.encode(run(int(sys.argv[1]))).decode())
    else:
        sys.exit(main(Path(sys.argv[1])))

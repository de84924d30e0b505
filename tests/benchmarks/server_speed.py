"""`make bench-server`: what the reference server reaches, beside a bare route measured in the same run.

    python server_speed.py

The server has one core, the load generator the other, and whichever server is not being asked stands still.
Every figure is the median of rounds in which both are measured in turn; a target is missed when three quarters of
the rounds miss it. Exit status: 0 all targets met, 1 one missed, 2 not to be told here: the machine has not two
cores, or something else kept the bare route, which waits for nothing, from using its core.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from http_load import Connections, Load
from server_processes import HERE, ROOT, Process, bare_routes, reference_server
from server_workloads import bulk_sends, replies, single_sends, write_scenario

SERVER_CORE, CLIENT_CORE = 0, 1
BUSY = 0.8  # least share of its core that the bare route uses when nothing else does
QUICKEST = 40_000  # requests a second that no server here exceeds: so many are made ready


class Effort(NamedTuple):
    """How much is measured. `contacts`: known before; each gets few messages, as from any server.

    `settle_s`: in which a server has planned, and each of its loops has looked at everything once.
    """

    rounds: int = 7
    seconds: float = 1.5
    connections: int = 64
    contacts: int = 100_000
    bulk: int = 10_000
    dispatched: int = 20_000
    settle_s: float = 5.0


class Figure(NamedTuple):
    """`rounds`: the figure of each; `required`, `goal`: the least, or where `is_most` the most, it should be."""

    what: str
    rounds: list[float]
    required: float
    goal: float | None
    note: str
    is_most: bool = False
    busy: float = 1.0  # share of its core that the bare route used

    @property
    def median(self) -> float:
        return float(np.median(self.rounds))

    @property
    def is_missed(self) -> bool:
        """By more than noise: not even the better quarter of the rounds reach it."""
        if self.is_most:
            return float(np.percentile(self.rounds, 25)) > self.required
        return float(np.percentile(self.rounds, 75)) < self.required


def measure(effort: Effort, server_core: int | None = None) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scenario = str(write_scenario(folder, effort.contacts))
        with (
            bare_routes(folder, server_core) as bare,
            reference_server(folder, scenario, server_core) as server,
        ):
            sends = Pair(bare, server, effort.connections, lambda: single_sends(effort.contacts))
            yield from of_single_sends(sends, bare, effort)
            answers = Pair(bare, server, effort.connections, lambda: replies(effort.contacts))
            yield of_replies(answers, effort)
        with (
            tempfile.TemporaryDirectory() as anew,
            bare_routes(Path(anew), server_core) as bare,
            reference_server(Path(anew), scenario, server_core) as server,
        ):
            yield from of_bulk_and_dispatch(bare, server, effort, server_core)
        with tempfile.TemporaryDirectory() as anew:
            yield of_memory(Path(anew), effort, server_core)


class Pair:
    """The same requests to the peer and to ours, in alternating order."""

    def __init__(
        self, bare: Process, server: Process, connections: int, requests: Callable[[], Iterator[bytes]]
    ) -> None:
        self._servers = (bare, server)
        self._connections = connections
        self._requests = (requests(), requests())
        self._busy: list[float] = []  # share of its core that the bare route used, by round

    def round(self, number: int, load: Callable[[Connections, Iterator[bytes], int], Load]) -> list[Load]:
        """(bare, ours); `load` is told which of them it asks: 0, 1."""
        loads: dict[int, Load] = {}
        for which in (0, 1) if number % 2 else (1, 0):
            used_s = self._servers[which].cpu_s()
            with (
                self._servers[which].running() as process,
                Connections(process.port, self._connections) as opened,
            ):
                loads[which] = load(opened, self._requests[which], which)
            if which == 0:
                self._busy.append((process.cpu_s() - used_s) / loads[0].seconds)
            assert not loads[which].refused, "a request was refused"
        return [loads[0], loads[1]]

    def closed(self, effort: Effort) -> list[list[Load]]:
        """Rounds of as many requests as can be answered; the first, for warming up, is left out."""
        return [self.round(number, closed(effort.seconds)) for number in range(effort.rounds + 1)][1:]

    def busy(self) -> float:
        """Share of its core that the bare route used, in the rounds so far."""
        return float(np.median(self._busy))


def closed(seconds: float) -> Callable[[Connections, Iterator[bytes], int], Load]:
    def load(opened: Connections, requests: Iterator[bytes], which: int) -> Load:
        most = int(seconds * QUICKEST / (1, 2)[which])
        return opened.closed(iter(list(islice(requests, most))), seconds)

    return load


def paced(seconds: float, rates: list[float]) -> Callable[[Connections, Iterator[bytes], int], Load]:
    def load(opened: Connections, requests: Iterator[bytes], which: int) -> Load:
        ready = list(islice(requests, int(seconds * rates[which]) + 1))
        return opened.paced(iter(ready), seconds, rates[which])

    return load


def alone(
    process: Process,
    effort: Effort,
    requests: Iterator[bytes],
    load: Callable[[Connections, Iterator[bytes], int], Load],
) -> Load:
    with process.running(), Connections(process.port, effort.connections) as opened:
        return load(opened, requests, 0)


def of_single_sends(pair: Pair, bare: Process, effort: Effort) -> Iterator[Figure]:
    """The p99 also of a bare group commit: less than that no server has that answers after one."""
    rounds, busy = pair.closed(effort), pair.busy()
    ratios = [ours.rate / bare.rate for bare, ours in rounds]
    peaks = [float(np.median([one[which].rate for one in rounds])) for which in (0, 1)]
    note = f"{peaks[1]:,.0f} of {peaks[0]:,.0f} requests a second"
    yield Figure(
        "POST /send of one, requests a second over the bare route's", ratios, 0.50, 0.65, note, busy=busy
    )
    halves = [peak / 2 for peak in peaks]
    grouped = single_sends(effort.contacts, "/group")
    alone(bare, effort, grouped, closed(effort.seconds))
    half = alone(bare, effort, grouped, closed(effort.seconds)).rate / 2
    slow, least_ms = [], []
    for number in range(effort.rounds):
        slow.append(pair.round(number, paced(effort.seconds, halves)))
        least_ms.append(alone(bare, effort, grouped, paced(effort.seconds, [half])).percentile_ms(99))
    tails = [ours.percentile_ms(99) / bare.percentile_ms(99) for bare, ours in slow]
    least = [one / rows[0].percentile_ms(99) for one, rows in zip(least_ms, slow, strict=True)]
    p99_ms = [float(np.median([one[which].percentile_ms(99) for one in slow])) for which in (0, 1)]
    yield Figure(
        "POST /send of one, p99 at half of its peak over the bare route's",
        tails,
        3.0,
        None,
        f"{p99_ms[1]:.1f} and {p99_ms[0]:.1f} ms; of a bare group commit {np.median(least):.1f} "
        f"({min(least):.1f} to {max(least):.1f}): {np.median(least_ms):.1f} ms at {half:,.0f} a second",
        is_most=True,
        busy=busy,
    )


def of_replies(pair: Pair, effort: Effort) -> Figure:
    rounds = pair.closed(effort)
    rate = float(np.median([ours.rate for _, ours in rounds]))
    return Figure(
        "POST /reply, requests a second over the bare route's",
        [ours.rate / bare.rate for bare, ours in rounds],
        0.30,
        0.45,
        f"{rate:,.0f} requests a second",
        busy=pair.busy(),
    )


def of_bulk_and_dispatch(
    bare: Process, server: Process, effort: Effort, server_core: int | None
) -> Iterator[Figure]:
    """Over decoding and inserting alone, which reached 285,000 messages a second where the targets were set.

    There 100,000 and 200,000 accepted, and 20,000 sent, a second were asked for.
    """
    plain = bulk_sends(effort.contacts, effort.bulk, "/insert")
    ours = bulk_sends(effort.contacts, effort.bulk)
    accepted, alone, sent = [], [], []
    for number in range(effort.rounds + 1):
        peer, accept = once(bare, next(plain), effort.bulk), once(server, next(ours), effort.bulk)
        if number:  # the first is for warming up
            alone.append(peer)
            accepted.append(accept)
            sent.append(dispatch_rate(effort.dispatched, server_core))
    yield Figure(
        f"POST /send of {effort.bulk:,}, messages a second over decode-and-insert alone",
        [one / peer for one, peer in zip(accepted, alone, strict=True)],
        100 / 285,
        200 / 285,
        f"{np.median(accepted):,.0f} of {np.median(alone):,.0f} messages a second",
    )
    yield Figure(
        "dispatch loop, messages a second over decode-and-insert alone",
        [one / peer for one, peer in zip(sent, alone, strict=True)],
        20 / 285,
        None,
        f"{np.median(sent):,.0f} messages a second",
    )


def once(process: Process, body: bytes, messages: int) -> float:
    """Messages a second of one request alone."""
    with process.running(), Connections(process.port, 1) as opened:
        load = opened.closed(iter([body]), 1.0)
    assert not load.refused, "a batch was refused"
    return messages / float(load.latencies[0])


def dispatch_rate(messages: int, core: int | None) -> float:
    pin = [] if core is None else ["taskset", "-c", str(core)]
    command = [*pin, sys.executable, str(HERE / "dispatch_loop.py"), str(messages)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return float(
        subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True).stdout
    )


def of_memory(folder: Path, effort: Effort, server_core: int | None) -> Figure:
    process = Process(
        ["-m", "wavetank", "serve", "--port", "0", "--db", str(folder / "idle.db")], server_core
    )
    try:
        with process.running():
            time.sleep(effort.settle_s)
            resident = process.resident_mib()
    finally:
        process.stop()
    return Figure("idle server with 9,200 contacts, MiB resident", [resident], 80.0, None, "", is_most=True)


def shown(figure: Figure) -> str:
    bound = "at most" if figure.is_most else "at least"
    goal = "" if figure.goal is None else f", goal {figure.goal:.2f}"
    low, high = min(figure.rounds), max(figure.rounds)
    spread = f" ({low:.2f} to {high:.2f})" if len(figure.rounds) > 1 else ""
    verdict = "MISSED" if figure.is_missed else "met"
    return (
        f"{verdict:>6}  {figure.median:6.2f}{spread}  {figure.what}\n"
        f"        {bound} {figure.required:.2f}{goal}" + (f"; {figure.note}" if figure.note else "")
    )


def main() -> int:
    if not {SERVER_CORE, CLIENT_CORE} <= os.sched_getaffinity(0):
        sys.stderr.write("bench-server needs cores 0 and 1: one for the server, one for the load generator\n")
        return 2
    os.sched_setaffinity(0, {CLIENT_CORE})
    figures = []
    for figure in measure(Effort(), SERVER_CORE):
        print(shown(figure), flush=True)
        figures.append(figure)
    busy = min(figure.busy for figure in figures)
    if busy < BUSY:
        sys.stderr.write(
            f"not to be told here: the bare route had {busy:.0%} of its core; something else runs on this "
            "machine, so stop that and measure again\n"
        )
        return 2
    return 1 if any(figure.is_missed for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main())

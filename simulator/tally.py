"""What is counted while a replication runs.

Whole numbers only (cents, counts), so that no sum depends on the order of work.
"""

from collections import Counter
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from scenarios.schema import Scenario
from simulator.funnel import Delay, Event, Funnel
from simulator.network import DAY_S
from simulator.waves import Exposure, Wave

BIN_S = 900.0
HISTOGRAM_BINS = 60
HISTOGRAM_SD = 5.0  # edges reach this many standard deviations either side of the median

Number = TypeVar("Number", bound=np.generic)
Counts = NDArray[np.int64]
Times = NDArray[np.float64]

# KPI's name -> event of a Funnel that it counts within the horizon
EVENTS = {
    "messages_delivered": "delivered",
    "messages_read": "read",
    "messages_clicked": "clicked",
    "messages_replied": "replied",
    "orders": "ordered",
    "opt_outs": "opted_out",
    "blocks": "blocked",
    "complaints": "complained",
}


class Edges(NamedTuple):
    """Logarithmic bin edges of each distribution."""

    delivery_delay_s: Times
    read_delay_s: Times
    order_value_usd: Times


def edges_of(scenario: Scenario) -> Edges:
    """Around each parameter's median; what lies beyond is counted in the outermost bins."""
    return Edges(
        _edges(scenario.network.delivery_delay_median_s, scenario.network.delivery_delay_log_sd),
        _edges(scenario.funnel.read_delay_median_s, scenario.funnel.read_delay_log_sd),
        _edges(scenario.population.order_value_median_usd, scenario.population.order_value_log_sd),
    )


def _edges(median: float, log_sd: float) -> Times:
    reach = max(HISTOGRAM_SD * log_sd, 0.1)
    return median * np.exp(np.linspace(-reach, reach, HISTOGRAM_BINS + 1))


class Tally:
    """Counts by 15-minute bin, account and day; histograms; totals."""

    def __init__(self, scenario: Scenario, accounts: int, deliver: Delay, read: Delay) -> None:
        self.horizon_s = scenario.experiment.horizon_days * DAY_S
        self.bins = int(np.ceil(self.horizon_s / BIN_S))
        self.days = int(np.ceil(scenario.experiment.horizon_days))
        self.total: Counter[str] = Counter()
        self.sends = np.zeros((self.bins, 2, accounts), np.int32)  # first tries, retries; a post counts once
        self.revenue_cents = np.zeros((self.bins, accounts), np.int64)
        self.deliveries = np.zeros(self.bins, np.int64)
        self.day_delivered = np.zeros((accounts, self.days), np.int64)
        self.day_complaints = np.zeros((accounts, self.days), np.int64)
        self.day_blocks = np.zeros((accounts, self.days), np.int64)
        self.edges = edges_of(scenario)
        self.histograms = {name: np.zeros(HISTOGRAM_BINS, np.int64) for name in Edges._fields}
        self._bin_of_cell = {
            "delivery_delay_s": _bins_of(deliver.table_s, self.edges.delivery_delay_s),
            "read_delay_s": _bins_of(read.table_s, self.edges.read_delay_s),
        }
        self.first_try_s = (np.inf, -np.inf)
        self.posts = 0

    def add_account(self) -> None:
        """Room for one more account in every table."""
        self.sends = np.pad(self.sends, ((0, 0), (0, 0), (0, 1)))
        self.revenue_cents = np.pad(self.revenue_cents, ((0, 0), (0, 1)))
        for name in ("day_delivered", "day_complaints", "day_blocks"):
            setattr(self, name, np.pad(getattr(self, name), ((0, 1), (0, 0))))

    def post(self, at_s: Times, account: NDArray[np.int32]) -> None:
        """Posts to groups: each is one message of its account."""
        self.posts += len(at_s)
        np.add.at(self.sends[:, 0], ((at_s / BIN_S).astype(np.int64), account.astype(np.int64)), 1)

    def send(self, exposure: Exposure, account: NDArray[np.int32], due_s: Times) -> None:
        """Messages that leave."""
        self.total["messages_sent"] += len(due_s)
        if exposure.kind == "post" or not len(due_s):
            return
        if exposure.attempt == 0:
            first, last = self.first_try_s
            self.first_try_s = (min(first, float(due_s.min())), max(last, float(due_s.max())))
        accounts = self.sends.shape[2]
        first_bin, cell = _from_first((due_s / BIN_S).astype(np.int64))
        size = (int(cell.max()) + 1) * accounts
        rows = np.bincount(cell * accounts + account, minlength=size).reshape(-1, accounts)
        self.sends[first_bin : first_bin + len(rows), min(exposure.attempt, 1)] += rows.astype(np.int32)

    def count(self, wave: Wave, happened: Funnel, order_cents: Counts) -> None:
        """What of the consequences of some sends lies within the horizon."""
        seen = {name: self._within(getattr(happened, event)) for name, event in EVENTS.items()}
        for name, rows in seen.items():
            self.total[name] += len(getattr(happened, EVENTS[name]).at_s) if rows is None else len(rows)
        delivered = happened.delivered
        in_time = seen["messages_delivered"]
        if in_time is not None:
            self.total["in_transit"] += len(delivered.at_s) - len(in_time)
        self._observe("delivery_delay_s", _of(happened.delivered_cell, in_time))
        self._observe("read_delay_s", _of(happened.read_cell, seen["messages_read"]))
        self._deliveries(wave.account.take(_of(delivered.rows, in_time)), _of(delivered.at_s, in_time))
        self._orders(wave, happened.ordered, order_cents, seen["orders"])
        for table, name in ((self.day_complaints, "complaints"), (self.day_blocks, "blocks")):
            event, rows = getattr(happened, EVENTS[name]), seen[name]
            day = (_of(event.at_s, rows) / DAY_S).astype(np.int64)
            np.add.at(table, (wave.account.take(_of(event.rows, rows)), day), 1)

    def _within(self, event: Event) -> NDArray[np.intp] | None:
        """Which lie before the horizon; None for all."""
        if not len(event.at_s) or event.at_s.max() < self.horizon_s:
            return None
        return np.flatnonzero(event.at_s < self.horizon_s)

    def _deliveries(self, account: NDArray[np.int32], at_s: Times) -> None:
        if not len(at_s):
            return
        first, cell = _from_first((at_s / BIN_S).astype(np.int64))
        counts = np.bincount(cell)
        self.deliveries[first : first + len(counts)] += counts
        day = (at_s / DAY_S).astype(np.int64)
        today = int(day[0])
        apart = np.flatnonzero(day != today)
        accounts = len(self.day_delivered)
        self.day_delivered[:, today] += np.bincount(account, minlength=accounts)
        self.day_delivered[:, today] -= np.bincount(account.take(apart), minlength=accounts)
        np.add.at(self.day_delivered, (account.take(apart), day.take(apart)), 1)

    def _orders(self, wave: Wave, event: Event, cents: Counts, rows: NDArray[np.intp] | None) -> None:
        cents = _of(cents, rows)
        at = (_of(event.at_s, rows) / BIN_S).astype(np.int64), wave.account.take(_of(event.rows, rows))
        np.add.at(self.revenue_cents, at, cents)
        edges = self.edges.order_value_usd
        cell = np.clip(np.searchsorted(edges, cents / 100, side="right") - 1, 0, HISTOGRAM_BINS - 1)
        self.histograms["order_value_usd"] += np.bincount(cell, minlength=HISTOGRAM_BINS)

    def _observe(self, name: str, cells: NDArray[np.int32]) -> None:
        self.histograms[name] += np.bincount(self._bin_of_cell[name].take(cells), minlength=HISTOGRAM_BINS)


def _bins_of(table: NDArray[np.float32], edges: Times) -> NDArray[np.int64]:
    """Into which bin each cell of a delay's table falls."""
    return np.clip(np.searchsorted(edges, table, side="right") - 1, 0, HISTOGRAM_BINS - 1)


def _from_first(bins: Counts) -> tuple[int, Counts]:
    first = int(bins.min())
    return first, bins - first


def _of(values: NDArray[Number], rows: NDArray[np.intp] | None) -> NDArray[Number]:
    return values if rows is None else values.take(rows)

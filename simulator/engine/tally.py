"""What is counted while a replication runs.

Whole numbers only (cents, counts), so that no sum depends on the order of work.
"""

from collections import Counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenarios.schema import Scenario
from simulator.customers.funnel import Delay, Event, Funnel
from simulator.engine.exposures import CAMPAIGN, Exposures
from simulator.sending.network import BIN_S, DAY_S
from simulator.sending.waves import Wave

HISTOGRAM_BINS = 60
HISTOGRAM_SD = 5.0  # edges reach this many standard deviations either side of the median

Counts = NDArray[np.int64]
Times = NDArray[np.float64]

# KPI's name -> event of a Funnel that it counts within the horizon, in the order of `compiled`
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


class Tables(NamedTuple):
    """Counts by 15-minute bin, account and day, and histograms by bin of Edges."""

    sends: NDArray[np.int32]  # (bins, first tries and retries, accounts); a post counts once
    deliveries: Counts  # (bins,)
    day_delivered: Counts  # (accounts, days)
    day_complaints: Counts
    day_blocks: Counts
    delivery_delay: Counts
    read_delay: Counts
    delivery_bin: NDArray[np.uint8]  # the histogram's bin of each cell of the delay's table
    read_bin: NDArray[np.uint8]
    first_try_s: Times  # (2,): of the campaign, the first and the last that left


class Tally:
    """All counts of a replication."""

    def __init__(self, scenario: Scenario, accounts: int, deliver: Delay, read: Delay) -> None:
        self.horizon_s = scenario.experiment.horizon_days * DAY_S
        self.bins = int(np.ceil(self.horizon_s / BIN_S))
        self.days = int(np.ceil(scenario.experiment.horizon_days))
        self.total: Counter[str] = Counter()
        self.edges = edges_of(scenario)
        self.tables = Tables(
            sends=np.zeros((self.bins, 2, accounts), np.int32),
            deliveries=np.zeros(self.bins, np.int64),
            day_delivered=np.zeros((accounts, self.days), np.int64),
            day_complaints=np.zeros((accounts, self.days), np.int64),
            day_blocks=np.zeros((accounts, self.days), np.int64),
            delivery_delay=np.zeros(HISTOGRAM_BINS, np.int64),
            read_delay=np.zeros(HISTOGRAM_BINS, np.int64),
            delivery_bin=_bins_of(deliver.table_s, self.edges.delivery_delay_s),
            read_bin=_bins_of(read.table_s, self.edges.read_delay_s),
            first_try_s=np.array([np.inf, -np.inf]),
        )
        self.revenue_cents = np.zeros((self.bins, accounts), np.int64)
        self.order_value = np.zeros(HISTOGRAM_BINS, np.int64)
        self.posts = 0
        self.active_days: list[int] = []  # so far, at the end of each day: members who read a post of their
        self.members_days: list[int] = []  # day, and members who were sent a day's first post

    @property
    def histograms(self) -> dict[str, Counts]:
        """By the names of Edges."""
        tables = self.tables
        counts = tables.delivery_delay, tables.read_delay, self.order_value
        return {name: column.copy() for name, column in zip(Edges._fields, counts, strict=True)}

    def add_account(self) -> None:
        """Room for one more account in every table."""
        tables = self.tables
        self.tables = tables._replace(
            sends=np.pad(tables.sends, ((0, 0), (0, 0), (0, 1))),
            day_delivered=np.pad(tables.day_delivered, ((0, 1), (0, 0))),
            day_complaints=np.pad(tables.day_complaints, ((0, 1), (0, 0))),
            day_blocks=np.pad(tables.day_blocks, ((0, 1), (0, 0))),
        )
        self.revenue_cents = np.pad(self.revenue_cents, ((0, 0), (0, 1)))

    def close_day(self) -> None:
        """A day is over, and all of its messages have left."""
        self.active_days.append(self.total["active_days"])
        self.members_days.append(self.total["members_days"])

    def post(self, at_s: Times, account: NDArray[np.int32]) -> None:
        """Posts to groups: each is one message of its account."""
        self.posts += len(at_s)
        at = (at_s / BIN_S).astype(np.int64), account.astype(np.int64)
        np.add.at(self.tables.sends[:, 0], at, 1)

    def send(self, wave: Wave, exposures: Exposures) -> None:
        """Messages that leave."""
        self.total["messages_sent"] += len(wave.due_s)
        alone = np.flatnonzero(~exposures.is_post.take(wave.exposure))
        due_s, retry = wave.due_s.take(alone), exposures.is_retry.take(wave.exposure.take(alone))
        at = (due_s / BIN_S).astype(np.int64), retry.astype(np.int64), wave.account.take(alone)
        np.add.at(self.tables.sends, at, 1)
        first = wave.due_s[exposures.number.take(wave.exposure) == CAMPAIGN]
        if len(first):
            known = self.tables.first_try_s
            known[:] = min(known[0], first.min()), max(known[1], first.max())

    def count(self, wave: Wave, happened: Funnel) -> None:
        """What of the consequences of some sends lies within the horizon; orders apart."""
        seen = {name: self._within(getattr(happened, event)) for name, event in EVENTS.items()}
        for name, rows in seen.items():
            self.total[name] += len(rows)
        delivered, in_time = happened.delivered, seen["messages_delivered"]
        tables = self.tables
        self.total["in_transit"] += len(delivered.at_s) - len(in_time)
        for histogram, bins, cells in (
            (tables.delivery_delay, tables.delivery_bin, happened.delivered_cell.take(in_time)),
            (tables.read_delay, tables.read_bin, happened.read_cell.take(seen["messages_read"])),
        ):
            histogram += np.bincount(bins.take(cells), minlength=HISTOGRAM_BINS)
        at_s = delivered.at_s.take(in_time)
        counts = np.bincount((at_s / BIN_S).astype(np.int64))
        tables.deliveries[: len(counts)] += counts
        for table, name in (
            (tables.day_delivered, "messages_delivered"),
            (tables.day_complaints, "complaints"),
            (tables.day_blocks, "blocks"),
        ):
            event, rows = getattr(happened, EVENTS[name]), seen[name]
            day = (event.at_s.take(rows) / DAY_S).astype(np.int64)
            np.add.at(table, (wave.account.take(event.rows.take(rows)), day), 1)

    def _within(self, event: Event) -> NDArray[np.intp]:
        """Which lie before the horizon."""
        return np.flatnonzero(event.at_s < self.horizon_s)

    def orders(self, account: NDArray[np.int32], at_s: Times, cents: Counts) -> None:
        """Orders within the horizon."""
        np.add.at(self.revenue_cents, ((at_s / BIN_S).astype(np.int64), account), cents)
        cell = np.searchsorted(self.edges.order_value_usd, cents / 100, side="right") - 1
        cell = np.clip(cell, 0, HISTOGRAM_BINS - 1)
        self.order_value += np.bincount(cell, minlength=HISTOGRAM_BINS)


def _bins_of(table: NDArray[np.float32], edges: Times) -> NDArray[np.uint8]:
    """Into which bin each cell of a delay's table falls."""
    bins = np.searchsorted(edges, table, side="right") - 1
    return np.clip(bins, 0, HISTOGRAM_BINS - 1).astype(np.uint8)

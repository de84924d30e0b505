"""What is counted while a replication runs.

Whole numbers only (cents, counts), so that no sum depends on the order of work.
"""

from collections import Counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenarios.schema import Scenario
from simulator.funnel import Outcomes
from simulator.network import DAY_S

BIN_S = 900.0
HISTOGRAM_BINS = 60
HISTOGRAM_SD = 5.0  # edges reach this many standard deviations either side of the median

Counts = NDArray[np.int64]
Times = NDArray[np.float64]

# KPI's name -> column of Outcomes whose events within the horizon it counts
EVENTS = {
    "messages_delivered": "delivered_s",
    "messages_read": "read_s",
    "messages_clicked": "clicked_s",
    "messages_replied": "replied_s",
    "orders": "ordered_s",
    "opt_outs": "opted_out_s",
    "blocks": "blocked_s",
    "complaints": "complained_s",
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

    def __init__(self, scenario: Scenario, accounts: int) -> None:
        self.horizon_s = scenario.experiment.horizon_days * DAY_S
        self.bins = int(np.ceil(self.horizon_s / BIN_S))
        self.days = int(np.ceil(scenario.experiment.horizon_days))
        self.total: Counter[str] = Counter()
        self.sends = np.zeros((self.bins, 2, accounts), np.int64)  # first tries, retries
        self.revenue_cents = np.zeros((self.bins, accounts), np.int64)
        self.deliveries = np.zeros(self.bins, np.int64)
        self.day_delivered = np.zeros((accounts, self.days), np.int64)
        self.day_complaints = np.zeros((accounts, self.days), np.int64)
        self.edges = edges_of(scenario)
        self.histograms = {name: np.zeros(HISTOGRAM_BINS, np.int64) for name in Edges._fields}
        self.first_try_s = (np.inf, -np.inf)

    def add_account(self) -> None:
        """Room for one more account in every table."""
        self.sends = np.pad(self.sends, ((0, 0), (0, 0), (0, 1)))
        self.revenue_cents = np.pad(self.revenue_cents, ((0, 0), (0, 1)))
        self.day_delivered = np.pad(self.day_delivered, ((0, 1), (0, 0)))
        self.day_complaints = np.pad(self.day_complaints, ((0, 1), (0, 0)))

    def add(self, account: NDArray[np.int32], sent_s: Times, attempt: int, happened: Outcomes) -> None:
        """Count sends of one attempt and what of their consequences lies within the horizon."""
        self.total["messages_sent"] += len(sent_s)
        if attempt == 0 and len(sent_s):
            first, last = self.first_try_s
            self.first_try_s = (min(first, float(sent_s.min())), max(last, float(sent_s.max())))
        np.add.at(self.sends[:, min(attempt, 1)], (self._bin(sent_s), account), 1)
        seen = {
            name: np.flatnonzero(getattr(happened, column) < self.horizon_s)
            for name, column in EVENTS.items()
        }
        for name, rows in seen.items():
            self.total[name] += len(rows)
        self.total["in_transit"] += int(
            np.count_nonzero(happened.delivered_s < np.inf) - len(seen["messages_delivered"])
        )
        self._add_deliveries(account, happened, seen["messages_delivered"])
        self._add_orders(account, happened, seen["orders"])
        complaints = seen["complaints"]
        np.add.at(self.day_complaints, (account[complaints], _day(happened.complained_s[complaints])), 1)
        delivered, read = seen["messages_delivered"], seen["messages_read"]
        self._observe("delivery_delay_s", (happened.delivered_s - sent_s)[delivered])
        self._observe("read_delay_s", (happened.read_s[read] - happened.delivered_s[read]))

    def _add_deliveries(self, account: NDArray[np.int32], happened: Outcomes, rows: Counts) -> None:
        at = happened.delivered_s[rows]
        self.deliveries += np.bincount(self._bin(at), minlength=self.bins)
        np.add.at(self.day_delivered, (account[rows], _day(at)), 1)

    def _add_orders(self, account: NDArray[np.int32], happened: Outcomes, rows: Counts) -> None:
        cents = happened.order_cents[rows]
        np.add.at(self.revenue_cents, (self._bin(happened.ordered_s[rows]), account[rows]), cents)
        self._observe("order_value_usd", cents / 100)

    def _observe(self, name: str, values: Times) -> None:
        edges: Times = getattr(self.edges, name)
        cell = np.searchsorted(edges, values, side="right") - 1
        self.histograms[name] += np.bincount(np.clip(cell, 0, HISTOGRAM_BINS - 1), minlength=HISTOGRAM_BINS)

    def _bin(self, at_s: Times) -> Counts:
        return (at_s / BIN_S).astype(np.int64)


def _day(at_s: Times) -> Counts:
    return (at_s / DAY_S).astype(np.int64)

"""Where customers are, as the platform sees it, and what a message to them costs there.

Money is counted in whole parts of a USD, so that no sum depends on the order of work.
"""

import sys
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenarios.contacts import contacts_of
from scenarios.loading import Loaded
from scenarios.phones import region_of
from server.network.limits import IN_SERVICE, OUTSIDE
from server.network.pricing import OTHER, charge, price_usd
from server.network.rules import Category, rules_on
from simulator.sending.network import DAY_S

UNIT_USD = 1e-4  # the prices' last digit

Times = NDArray[np.float64]
Ints = NDArray[np.int64]


class Markets(NamedTuple):
    """Regions (ISO 3166) and, by customer, the index of the own one."""

    names: tuple[str, ...]
    of: NDArray[np.int16]


def markets_of(loaded: Loaded, row: NDArray[np.int32]) -> Markets:
    """By each number, or all the one that the scenario states. `row`: of the contact file, by customer."""
    stated = loaded.scenario.business.market
    if stated:
        return Markets((stated,), np.zeros(len(row), np.int16))
    numbers = (contact.e164 for contact in contacts_of(loaded)[: int(row.max()) + 1])
    regions = [(number and region_of(number)) or OTHER for number in numbers]
    names = tuple(sorted(set(regions)))
    return Markets(names, np.array([names.index(region) for region in regions], np.int16)[row])


class Prices:
    """What delivered messages of one category cost, in UNIT_USD, by day, market and what was open."""

    def __init__(self, category: Category, markets: Markets, epoch_s: float, horizon_s: float) -> None:
        """Days are of UTC, from that of `epoch_s` (Unix) to the horizon's."""
        self._markets, self._epoch_s = markets, epoch_s
        self._first_day = int(epoch_s // DAY_S)
        first = datetime.fromtimestamp(epoch_s, UTC).date()
        days = [
            first + timedelta(days=day)
            for day in range(int((epoch_s + horizon_s) // DAY_S) - self._first_day + 1)
        ]
        self._table = np.array([[_prices(category, name, day) for name in markets.names] for day in days])
        self._free = np.array([rules_on(day).pricing.service_free_a_month for day in days])

    def templates(self, customer: NDArray[np.int32], at_s: Times, service: NDArray[np.bool_]) -> Ints:
        """Of templates delivered at these times (s from the start); `service`: sent in a service window."""
        return self._of(self._day(at_s), customer, service.astype(np.int64))

    def answers(self, customer: NDArray[np.int32], account: NDArray[np.int32], at_s: Times) -> Ints:
        """Of all service messages of a run: each number's first ones in a month are free."""
        day = self._day(at_s)
        month = (self._epoch_s + at_s).astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)
        order = np.lexsort((at_s, month, account))
        is_first = (np.diff(account[order], prepend=-1) != 0) | (np.diff(month[order], prepend=-1) != 0)
        place = np.arange(len(order))
        earlier = np.empty(len(order), np.int64)
        earlier[order] = place - np.maximum.accumulate(np.where(is_first, place, 0))
        return self._of(day, customer, np.where(earlier < self._free[day], 1, 2))

    def _day(self, at_s: Times) -> Ints:
        day: Ints = ((self._epoch_s + at_s) // DAY_S).astype(np.int64) - self._first_day
        return day

    def _of(self, day: Ints, customer: NDArray[np.int32], open_: Ints) -> Ints:
        prices: Ints = self._table[day, self._markets.of.take(customer), open_]
        return prices


def _prices(category: Category, market: str, day: date) -> tuple[int, int, int]:
    """Outside a service window, within, and within when a month's free messages are used up."""
    rules = rules_on(day).pricing
    charges = (
        charge(rules, category, OUTSIDE),
        charge(rules, category, IN_SERVICE),
        charge(rules, category, IN_SERVICE, service_sent=sys.maxsize),
    )
    outside, within, beyond = (round(price_usd(one, market, day) / UNIT_USD) for one in charges)
    return outside, within, beyond

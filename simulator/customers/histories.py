"""Customers as their past orders left them: what is fitted to all, and what each one's own say.

Orders of one customer on one day count as one purchase, as in the CDNOW data; the unit of time is the week.
"""

from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from scenarios.contacts import read_contacts
from scenarios.errors import InputError
from scenarios.loading import Loaded
from scenarios.orders import Money, Order, read_orders
from simulator.customers import order_values, purchases
from simulator.customers.order_values import ValueFit
from simulator.customers.organic import WEEK_S, Bought
from simulator.customers.purchases import Fit, History
from simulator.customers.traits import Past

FITTED = (
    "purchases.r",
    "purchases.alpha_weeks",
    "purchases.a",
    "purchases.b",
    "population.order_value_median_usd",
    "population.order_value_log_sd",
    "population.order_value_between",
)  # parameters that orders decide
SOON_WEEKS = 1e-6  # age of who first bought at the start: a history needs one


class Known(NamedTuple):
    """What a file of orders says. Rows are those of the contact file."""

    fit: Fit  # of the purchases, in weeks
    values: ValueFit
    past: Past  # by row
    bought: Bought  # every purchase, by row; seconds from the start, <= 0

    @property
    def customers(self) -> int:
        return int(np.count_nonzero(self.past.repeats >= 0))

    def facts(self) -> dict[str, float]:
        """What was read and what was fitted, by name; for people and for JSON."""
        r, alpha, a, b = self.fit.parameters
        return {
            "purchases": len(self.bought.at_s),
            "customers": self.customers,
            "contacts_without_orders": len(self.past.repeats) - self.customers,
            "r": r,
            "alpha_weeks": alpha,
            "a": a,
            "b": b,
            "log_likelihood": self.fit.log_likelihood,
            "order_value_median_usd": float(np.exp(self.values.mean_log_usd)),
            "order_value_log_sd_between_customers": self.values.between_log_sd,
            "order_value_log_sd_within_customers": self.values.within_log_sd,
        }


def known_of(loaded: Loaded) -> Known | None:
    """What the scenario's orders say; None if it names no file.

    Raises InputError for a malformed file, a parameter stated beside orders that decide it, or histories
    that cannot be fitted.
    """
    if loaded.orders_path is None:
        return None
    for path in FITTED:
        if path in loaded.origins:
            raise InputError(
                f"{loaded.path.name}: {path}: is stated, but population.orders decides it; "
                "leave one of them out"
            )
    costs = loaded.scenario.costs
    return _known(
        loaded.orders_path,
        loaded.contacts_path,
        loaded.scenario.experiment.start,
        Money(costs.currency, costs.usd_rate),
    )


def fitted(loaded: Loaded) -> Loaded:
    """The scenario with what its orders decide in the place of the defaults, and that as their source."""
    known = known_of(loaded)
    if known is None or loaded.orders_path is None:
        return loaded
    found, values = known.fit.parameters, known.values
    total = np.hypot(values.between_log_sd, values.within_log_sd)
    scenario = loaded.scenario
    source = (
        f"fitted: {loaded.orders_path.name}, {len(known.bought.at_s):,} purchases of "
        f"{known.customers:,} customers"
    )
    return loaded._replace(
        scenario=msgspec.structs.replace(
            scenario,
            purchases=msgspec.structs.replace(
                scenario.purchases, r=found.r, alpha_weeks=found.alpha, a=found.a, b=found.b
            ),
            population=msgspec.structs.replace(
                scenario.population,
                order_value_median_usd=float(np.exp(values.mean_log_usd)),
                order_value_log_sd=float(total),
                order_value_between=float((values.between_log_sd / total) ** 2) if total else 0.0,
            ),
        ),
        sources=loaded.sources | dict.fromkeys(FITTED, source),
    )


def past_of(known: Known | None, row: NDArray[np.int32]) -> Past | None:
    """Each customer's past, by the row of the contact file that the customer is drawn from."""
    return None if known is None else Past._make(column[row] for column in known.past)


def purchases_of(known: Known, row: NDArray[np.int32]) -> Bought:
    """Every known purchase of each customer, who is drawn from that row of the contact file."""
    order = np.argsort(known.bought.customer, kind="stable")
    count = np.bincount(known.bought.customer, minlength=len(known.past.repeats))
    begin, own = (np.cumsum(count) - count)[row], count[row]
    customer = np.repeat(np.arange(len(row), dtype=np.int32), own)
    turn = np.arange(len(customer)) - np.repeat(np.cumsum(own) - own, own)
    place = order[np.repeat(begin, own) + turn]
    return Bought(customer, known.bought.at_s[place], known.bought.cents[place])


@lru_cache(maxsize=4)
def _known(orders_path: Path, contacts_path: Path, start: datetime, money: Money) -> Known:
    size = len(read_contacts(contacts_path))
    bought = _purchases(read_orders(orders_path, contacts_path, start, money), start.timestamp())
    count, history = _histories(bought, size)
    is_customer = count > 0
    try:
        found = purchases.fit(History._make(column[is_customer] for column in history))
    except InputError as error:
        raise InputError(
            f"{orders_path.name}: {error}, or leave population.orders out and state [purchases] yourself"
        ) from None
    paid = bought.cents > 0
    who, log_usd = bought.customer[paid].astype(np.int64), np.log(bought.cents[paid] / 100)
    if len(np.unique(who)) in (0, 1, len(who)):
        raise InputError(
            f"{orders_path.name}: value: nobody has two orders above 0, so their spread cannot be fitted"
        )
    values = order_values.fit(who, log_usd)
    own = order_values.own(values, who, log_usd, size)
    columns = (
        np.where(is_customer, history.frequency, -1),
        history.recency,
        history.age,
        own.mean - values.between_log_sd**2 / 2,
        own.sd,
    )
    return Known(found, values, Past._make(column.astype(np.float32) for column in columns), bought)


def _purchases(orders: tuple[Order, ...], start_s: float) -> Bought:
    """One for each customer and day: at its first order, worth all of them."""
    keys = np.array([(order.row, order.day.toordinal()) for order in orders], np.int64)
    pairs, purchase = np.unique(keys, axis=0, return_inverse=True)
    at_s = np.full(len(pairs), np.inf)
    np.minimum.at(at_s, purchase, np.array([order.at_s for order in orders]) - start_s)
    usd = np.bincount(purchase, np.array([order.usd for order in orders]))
    return Bought(pairs[:, 0].astype(np.int32), at_s, np.rint(100 * usd).astype(np.int64))


def _histories(bought: Bought, size: int) -> tuple[NDArray[np.int64], History]:
    """Purchases of each row, and its history in weeks: zeros where there are none."""
    count = np.bincount(bought.customer, minlength=size)
    first, last = np.full(size, np.inf), np.full(size, -np.inf)
    np.minimum.at(first, bought.customer, bought.at_s)
    np.maximum.at(last, bought.customer, bought.at_s)
    first, last = (np.where(count > 0, at_s, 0.0) / WEEK_S for at_s in (first, last))
    history = History(np.maximum(count - 1.0, 0.0), last - first, np.maximum(-first, SOON_WEEKS))
    return count, history

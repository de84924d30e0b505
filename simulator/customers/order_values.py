"""How order values spread between customers and between the orders of one: a lognormal model fitted.

log value = mu + b + w, with b of the customer ~ N(0, between**2) and w of the order ~ N(0, within**2).
Variances by the analysis of variance of unbalanced groups (Searle, Casella & McCulloch, Variance Components,
1992, 3.6): unbiased, in closed form.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from scenarios.margins import OFFER
from simulator.customers.traits import OrderValue
from simulator.statistics.sums import dot

EDGE = 2.0**-25  # half of the smallest step of a number in [0, 1)

Floats = NDArray[np.float64]


class ValueFit(NamedTuple):
    mean_log_usd: float
    between_log_sd: float
    within_log_sd: float


class Own(NamedTuple):
    """What each customer's orders say of the own b: its posterior's mean and standard deviation."""

    mean: Floats
    sd: Floats


def fit(customer: NDArray[np.int64], log_usd: Floats) -> ValueFit:
    """`customer` numbers the orders' customers from 0; at least two customers and one with two orders."""
    count, means = _means(customer, log_usd)
    count, means = count[count > 0], means[count > 0]
    orders, customers = float(count.sum()), len(count)
    inside = np.maximum(0.0, np.sum(log_usd**2) - np.sum(count * means**2)) / (orders - customers)
    across = np.sum(count * (means - log_usd.mean()) ** 2) / (customers - 1)
    effective = (orders - np.sum(count**2) / orders) / (customers - 1)
    between = max(0.0, float((across - inside) / effective))
    weight = 1 / np.maximum(between + inside / count, np.finfo(float).tiny)
    return ValueFit(dot(weight, means) / float(weight.sum()), between**0.5, float(inside) ** 0.5)


def own(found: ValueFit, customer: NDArray[np.int64], log_usd: Floats, size: int) -> Own:
    """Posterior of b for `size` customers; without an order it is the population's."""
    count, means = _means(customer, log_usd, size)
    between, within = found.between_log_sd**2, found.within_log_sd**2
    trust = count * between / np.maximum(within + count * between, np.finfo(float).tiny)
    return Own(trust * (means - found.mean_log_usd), np.sqrt(between * (1 - trust)))


def order_cents(
    value: OrderValue, discount: float, scale: NDArray[np.float32], share: NDArray[np.float32]
) -> NDArray[np.int64]:
    """Orders that messages brought, in whole cents: sums of integers do not depend on their order.

    `discount`: fraction of the price that the offer takes off; `scale`: value_scale of each buyer; `share`:
    quantiles in [0, 1).
    """
    normal = ndtri(np.clip(share.astype(np.float64), EDGE, 1 - EDGE))
    usd = value.typical_usd * scale * np.exp(value.within_log_sd * normal)
    return np.asarray(np.rint(100 * usd * (1 - discount) / (1 - OFFER)), np.int64)


def _means(customer: NDArray[np.int64], values: Floats, size: int = 0) -> tuple[Floats, Floats]:
    """Orders and mean of each customer; 0 for one without any."""
    count = np.bincount(customer, minlength=size).astype(np.float64)
    return count, np.bincount(customer, values, minlength=size) / np.maximum(count, 1)

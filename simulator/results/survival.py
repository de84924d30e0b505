"""How long accounts last: Kaplan & Meier (1958), with Greenwood's variance (1926) on the log-log scale.

The log-log interval (Kalbfleisch & Prentice 1980) stays within [0, 1]. Written out here: the usual library
brings a data-frame library and an automatic-differentiation one for a dozen lines.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri  # of scipy.stats alone the import takes seconds

from simulator.engine.replication import Replication
from simulator.sending.network import DAY_S

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


class Lives(NamedTuple):
    """For each account that was used: how long it was watched, and whether a ban ended that."""

    days: Floats  # since its first use
    banned: NDArray[np.bool_]


class Curve(NamedTuple):
    """At each moment of a ban, ascending: how many were watched until then, and what share outlasts it."""

    days: Floats
    at_risk: Counts
    share: Floats
    error: Floats  # standard error of the share; nan where it is 0
    low: Floats  # interval; where the share is 0, so are both ends
    high: Floats


def lives_of(run: Replication) -> Lives:
    """The accounts of one run up to its horizon, replacements too.

    An account is in use from the day (24 h from the start) of its first send in the run: all of that day its
    hazard acts. What it did before the run is not seen, so an account that is older counts from there too.
    """
    used = run.risk.sending.any(axis=1)
    first_day = run.risk.sending[used].argmax(axis=1)
    from_s = np.maximum(run.fleet.opened_s[used], first_day * DAY_S)
    closed_s = run.fleet.closed_s[used]
    days = (np.minimum(closed_s, run.world.horizon_s) - from_s) / DAY_S
    return Lives(days, closed_s < run.world.horizon_s)


def kaplan_meier(lives: Lives, confidence: float) -> Curve:
    """Pooled over accounts that are banned, or not, independently of each other; empty without a ban."""
    days, deaths = np.unique(lives.days[lives.banned], return_counts=True)
    at_risk = len(lives.days) - np.searchsorted(np.sort(lives.days), days)
    left = at_risk - deaths
    share = np.cumprod(left / at_risk, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):  # after the last: log 0, 0 x infinity
        spread = np.sqrt(np.cumsum(deaths / (at_risk * left)))
        reach = ndtri((1 + confidence) / 2) * spread / np.log(share)
        low, high = (np.where(share > 0, share ** np.exp(side * reach), 0.0) for side in (-1, 1))
        error = share * spread
    return Curve(days, at_risk, share, error, low, high)

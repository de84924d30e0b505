"""Student intervals over replications."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit  # of scipy.stats alone the import takes seconds

from scenarios.kpis import UNITS
from scenarios.result import Kpi, kpi

SIGNED = ("roi", "ltv_usd")  # goods may be sold below cost


def student(values: ArrayLike, confidence: float) -> tuple[float, float] | None:
    """(mean, half-width of its interval) of independent values; None when fewer than two are finite."""
    given = np.asarray(values, float)
    defined = given[np.isfinite(given)]
    if len(defined) < 2:
        return None
    error = float(defined.std(ddof=1) / np.sqrt(len(defined)))
    return float(defined.mean()), float(stdtrit(len(defined) - 1, 0.5 + confidence / 2)) * error


def interval(name: str, values: Sequence[float], confidence: float) -> Kpi | None:
    """Mean and interval of independent replications' values: none below 0 but of SIGNED, no fraction above 1.

    A ratio is undefined (nan) in a replication without its denominator: such replications do not count, and
    None is returned when fewer than two are left.
    """
    found = student(values, confidence)
    if found is None:
        return None
    mean, half = found
    most = 1.0 if UNITS[name].startswith("fraction") else np.inf
    least = -np.inf if name in SIGNED else 0.0
    return kpi(name, mean, max(least, mean - half), min(most, mean + half))


def intervals(rows: Sequence[Mapping[str, float]], confidence: float) -> dict[str, Kpi]:
    """One KPI for each name that the replications report, in their order."""
    found = {name: interval(name, [row[name] for row in rows], confidence) for name in rows[0]}
    return {name: estimate for name, estimate in found.items() if estimate is not None}

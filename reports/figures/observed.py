"""Series and distributions of a result as arrays, without what cannot be drawn."""

import numpy as np
from numpy.typing import NDArray

from scenarios.result import Distribution, Result, Series

Array = NDArray[np.float64]
BINS_PER_DECADE = 10


def shares_in(distribution: Distribution, grid: Array) -> Array:
    """Percent of the observations in each cell of a grid, evenly spread inside the distribution's bins."""
    shares: Array = np.diff(np.interp(grid, distribution.edges, _cumulated(distribution))) * 100
    return shares


def _cumulated(distribution: Distribution) -> Array:
    """Share of the observations below each edge, from 0 to 1."""
    counts = np.nan_to_num(np.asarray(distribution.counts, float))
    cumulated: Array = np.concatenate([[0.0], np.cumsum(counts)]) / counts.sum()
    return cumulated


def log_grid(distributions: list[Distribution], bound: float | None = None) -> Array:
    """Edges, ten a decade, over all observations and the bound."""
    low = min(_positive_edge(d) for d in distributions)
    high = max(float(d.edges[_last_filled(d) + 1]) for d in distributions)
    high = max(high, low * 10, (bound or 0) * 1.3)
    first, last = np.floor(np.log10(low) * 5) / 5, np.ceil(np.log10(high) * 5) / 5
    grid: Array = 10 ** np.linspace(first, last, round((last - first) * BINS_PER_DECADE) + 1)
    return grid


def _positive_edge(distribution: Distribution) -> float:
    """The lower edge of the first filled bin, or where that is 0 a tenth of its upper edge."""
    first = int(np.flatnonzero(np.nan_to_num(distribution.counts) > 0)[0])
    lower, upper = distribution.edges[first], distribution.edges[first + 1]
    return float(lower) if lower > 0 else float(upper) / 10


def _last_filled(distribution: Distribution) -> int:
    return int(np.flatnonzero(np.nan_to_num(distribution.counts) > 0)[-1])


def quantile(distribution: Distribution, level: float) -> float:
    return float(np.interp(level, _cumulated(distribution), distribution.edges))


def series_of(result: Result | None, key: str) -> tuple[Array, Array] | None:
    """Times and values without the gaps of NaN; None if nothing is left."""
    series: Series | None = result.series.get(key) if result is not None else None
    if series is None:
        return None
    size = min(len(series.t_s), len(series.value))
    t_s, value = np.asarray(series.t_s[:size], float), np.asarray(series.value[:size], float)
    finite = np.isfinite(t_s) & np.isfinite(value)
    return (t_s[finite], value[finite]) if finite.any() else None


def distribution_of(result: Result | None, key: str) -> Distribution | None:
    """A distribution with at least one observation, else None."""
    distribution = result.distributions.get(key) if result is not None else None
    if distribution is None or len(distribution.edges) != len(distribution.counts) + 1:
        return None
    return distribution if np.nansum(distribution.counts) > 0 else None

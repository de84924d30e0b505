"""MSER-5 on hand-made series and on AR(1) processes whose bias is known."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import lfilter

from simulator.statistics.intervals import student
from simulator.statistics.warm_up import LEAST, length, steady_means

PHI, LEVEL, START, SIZE = 0.9, 10.0, 100.0, 1000


def ar1(seed: int, replications: int, start: float, size: int = SIZE) -> NDArray[np.float64]:
    """LEVEL + x, x(t) = PHI x(t-1) + normal, x(0) = `start`, (replications, size)."""
    shocks = np.random.default_rng(seed).normal(size=(replications, size))
    shocks[:, 0] = start
    return np.asarray(LEVEL + lfilter([1.0], [1.0, -PHI], shocks, axis=1))


def known_bias(size: int) -> float:
    """Mean over t = 0 .. size-1 of START PHI^t."""
    return START * (1 - PHI**size) / (1 - PHI) / size


def test_the_least_standard_error_by_trying_every_point() -> None:
    series = np.concatenate([np.linspace(9, 1, 40), np.tile([0.8, 1.2, 1.1, 0.9], 40)])
    batches = series.reshape(-1, 5).mean(axis=1)
    errors = [np.var(batches[drop:]) / len(batches[drop:]) for drop in range(len(batches) - 5)]
    assert length(series) == 5 * int(np.argmin(errors)) > 0


def test_a_high_start_is_left_out_and_its_bias_with_it() -> None:
    series = ar1(1, 200, START)
    whole, error = series.mean() - LEVEL, series.mean(axis=1).std() / 200**0.5
    assert whole == pytest.approx(known_bias(SIZE), abs=4 * error)
    drop = length(series)
    assert drop is not None
    steady = steady_means(series, drop)
    assert 30 <= drop <= 200  # of the start 0.9^30 is 4, 0.9^200 nothing
    assert abs(steady.mean() - LEVEL) < 4 * steady.std() / 200**0.5
    assert 10 * abs(steady.mean() - LEVEL) < whole


def test_twenty_replications_find_it_in_nearly_every_experiment() -> None:
    found = [length(ar1(seed, 20, START)) for seed in range(100)]
    assert sum(drop is not None and 30 <= drop <= SIZE // 4 for drop in found) >= 95


def test_without_a_start_little_is_left_out() -> None:
    found = [length(ar1(seed, 20, 0.0)) for seed in range(100)]
    kept = [drop for drop in found if drop is not None]
    assert len(kept) >= 95
    assert np.mean(kept) < SIZE / 10


def test_95_percent_intervals_cover_the_level_only_without_the_start() -> None:
    covered = {"whole": 0, "steady": 0}
    for seed in range(200):
        series = ar1(1000 + seed, 20, START)
        drop = length(series) or SIZE // 2  # one in 200 shows no point
        for name, means in (("whole", series.mean(axis=1)), ("steady", steady_means(series, drop))):
            found = student(means, 0.95)
            assert found is not None
            covered[name] += abs(found[0] - LEVEL) <= found[1]
    assert covered["steady"] / 200 >= 0.95 - 3 * (0.95 * 0.05 / 200) ** 0.5
    assert covered["whole"] / 200 < 0.05


def test_a_series_that_never_settles_is_too_short() -> None:
    assert length(np.linspace(0.0, 1.0, 200) ** 2) is None


def test_a_constant_series_is_kept_whole() -> None:
    assert length(np.full(100, 7.3)) == 0


def test_a_large_level_changes_nothing() -> None:
    series = ar1(1, 5, START)
    assert length(series + 1e6) == length(series)


def test_too_few_observations_are_refused() -> None:
    with pytest.raises(ValueError, match="49 observations; at least 50 are needed"):
        length(np.arange(5.0 * LEAST - 1))

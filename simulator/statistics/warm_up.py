"""Warm-up of steady-state figures: how much of a series to leave out, since it still remembers its start.

MSER-5: K. P. White (1997), An effective truncation heuristic for bias reduction in simulation output,
Simulation 69(6), 323-334, on means of 5 observations; its refusal of a point in the second half is of
K. Hoad, S. Robinson, R. Davies (2010), Automating warm-up length estimation, Journal of the Operational
Research Society 61(9), 1389-1403. Replications are averaged first, as Welch (1983) does, so that one length
holds for all of them and their noise does not choose it.
"""

import numpy as np
from numpy.typing import NDArray

BATCH = 5  # observations
LEAST = 10  # batches, as in the second paper

Floats = NDArray[np.float64]


def length(series: Floats) -> int | None:
    """How many leading observations to drop, (replications, observations) or (observations,); all finite.

    The point with the least standard error of the mean of what is left (squared: the variance of the batches
    left over their number). None if it lies in the second half: the series is too short to tell. Raises
    ValueError for fewer than LEAST batches.
    """
    mean = np.atleast_2d(series).mean(axis=0)
    batches = mean[: len(mean) // BATCH * BATCH].reshape(-1, BATCH).mean(axis=1)
    if len(batches) < LEAST:
        raise ValueError(f"{len(mean)} observations; at least {BATCH * LEAST} are needed")
    drop = int(np.argmin(_squared_errors(batches)))
    return None if drop > len(batches) // 2 else drop * BATCH


def steady_means(series: Floats, drop: int) -> Floats:
    """Each replication's mean without the first `drop` observations, (replications,)."""
    means: Floats = np.atleast_2d(series)[:, drop:].mean(axis=1)
    return means


def _squared_errors(batches: Floats) -> Floats:
    """For each number of batches dropped, up to all but BATCH: squares about the mean / count squared."""
    centred = batches - batches.mean()  # a large common level would cost digits
    left = np.arange(len(batches), 0, -1)
    sums, squares = (each[::-1].cumsum()[::-1] for each in (centred, centred**2))
    errors: Floats = np.maximum(squares - sums**2 / left, 0.0) / left**2
    return errors[:-BATCH]

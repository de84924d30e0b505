"""A peer: nothing but the five draws of an exposure, compiled, in one thread.

Its numbers are those of SplitMix64 (Steele, Lea & Flood 2014), written into the loop: NumPy's own generators
take two to three times as long inside Numba.
"""

import numba
import numpy as np
from numpy.typing import NDArray

STEP, FIRST, SECOND = (
    np.uint64(each) for each in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
)
RANGE = 2.0**64


@numba.njit(inline="always")
def mixed(state: np.uint64) -> np.uint64:
    state = (state ^ (state >> np.uint64(30))) * FIRST
    state = (state ^ (state >> np.uint64(27))) * SECOND
    return state ^ (state >> np.uint64(31))


@numba.njit
def funnel(exposures: int, rates: NDArray[np.float64], seed: int) -> NDArray[np.int64]:
    """How many were delivered, read, clicked, answered and followed by an order, by these five rates."""
    counts = np.zeros(5, np.int64)
    deliver = np.uint64(rates[0] * RANGE)
    read = np.uint64(rates[1] * RANGE)
    click = np.uint64(rates[2] * RANGE)
    reply = np.uint64(rates[3] * RANGE)
    order = np.uint64(rates[4] * RANGE)
    state = np.uint64(seed)
    for _ in range(exposures):
        state += STEP
        if mixed(state) < deliver:
            counts[0] += 1
            state += STEP
            if mixed(state) < read:
                counts[1] += 1
                state += STEP
                if mixed(state) < reply:
                    counts[3] += 1
                state += STEP
                if mixed(state) < click:
                    counts[2] += 1
                    state += STEP
                    if mixed(state) < order:
                        counts[4] += 1
    return counts

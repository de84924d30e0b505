"""Keyed random numbers: a Philox stream for each (seed, replication, purpose, block, exposure).

Nothing is consumed from a shared stream, so a number depends only on what it is for: not on workers, not on
the order of work, not on what another strategy did with other numbers (common random numbers).
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

BLOCK = 16_384  # customers that share a stream; their columns fit a core's cache
SHARED = 0  # replication number of what all replications share; they themselves count from 1


class Purpose(IntEnum):
    """What numbers are for. A new purpose gets a new number; none is ever reused."""

    CONTACT = 1
    ENGAGEMENT = 2
    REGISTERED = 3
    DECISIONS = 4
    DELAYS = 5
    BAN = 6
    CONVERSATIONS = 7
    HANDLING = 20
    PATIENCE = 21
    RESOLUTION = 22
    READING = 23
    PURCHASE_RATE = 24
    DROPOUT = 25
    PURCHASE = 26
    STAY = 27
    SEGMENT = 30
    PRICE_SENSITIVITY = 31
    VALUE_SCALE = 32
    FIRST_PURCHASE = 33
    LAPSE = 34
    ORGANIC = 35
    ORGANIC_VALUE = 36
    ACTIVE = 37
    FIRST_VALUE = 38
    GROUP = 50
    CONTENT = 51
    ASKED = 52
    RARE = 53
    TOPIC = 54


def stream(
    seed: int, replication: int, purpose: Purpose, block: int = 0, exposure: int = 0
) -> np.random.Generator:
    """The generator of one key.

    Seed and replication are Philox's key, the rest the upper words of its counter: no two keys share a number
    within 2**64 draws.
    """
    return np.random.Generator(
        np.random.Philox(
            key=np.array([seed, replication], np.uint64),
            counter=np.array([0, exposure, block, purpose], np.uint64),
        )
    )


def blocks(size: int) -> list[tuple[int, slice]]:
    """(block number, its customers) for a population of `size`."""
    return [
        (number, slice(first, min(first + BLOCK, size))) for number, first in enumerate(range(0, size, BLOCK))
    ]


def uniforms(seed: int, replication: int, purpose: Purpose, size: int) -> NDArray[np.float32]:
    """One number in [0, 1) for each of `size` customers; the first n are the same whatever the size."""
    column = np.empty(size, np.float32)
    for number, rows in blocks(size):
        stream(seed, replication, purpose, number).random(dtype=np.float32, out=column[rows])
    return column

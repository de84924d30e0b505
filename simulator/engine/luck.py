"""The random numbers of each message: one in [0, 1) for every decision.

Philox4x32-10 with the customer in its counter (Salmon, Moraes, Dror & Shaw 2011, Parallel random numbers: as
easy as 1, 2, 3, SC'11): a number depends on what it is for alone, on seed, replication, exposure, customer
and decision, whatever else is sent, in whichever order.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.statistics.streams import Purpose

DECISIONS = ("deliver", "read", "respond", "leave")
DECISION = {name: row for row, name in enumerate(DECISIONS)}
ROUNDS = 10
MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
WEYL = 0x9E3779B9, 0xBB67AE85
LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)
TURN, WORD = np.uint64(8), np.uint64(8)  # bits below a turn in the counter, and below a number in its word
STEP = np.float32(2**-24)

Floats = NDArray[np.float32]
Words = NDArray[np.uint64]  # of 32 bits


class Messages(NamedTuple):
    """What tells the luck of some messages apart, columns of equal length."""

    number: Words  # of the exposure
    customer: NDArray[np.int32]
    turn: NDArray[np.int32]  # in [0, 2**24)

    def rows(self, rows: NDArray[np.integer]) -> "Messages":
        return Messages._make(column.take(rows) for column in self)


class Numbers:
    """One number for each message and decision."""

    def __init__(self, seed: int, replication: int, messages: Messages) -> None:
        self._words = keyed_words(seed, replication, Purpose.DECISIONS, messages)

    def __call__(self, decision: str, rows: NDArray[np.integer] | None = None) -> Floats:
        """In [0, 1), of all of them or of those at `rows`."""
        words = self._words[DECISION[decision]]
        return unit(words if rows is None else words.take(rows))


class Further:
    """Two further numbers for the few to whom something rare happens."""

    def __init__(self, seed: int, replication: int, messages: Messages) -> None:
        self._key, self._messages = (seed, replication), messages

    def __call__(self, rows: NDArray[np.integer]) -> tuple[Floats, Floats]:
        words = keyed_words(*self._key, Purpose.RARE, self._messages.rows(rows))
        return unit(words[0]), unit(words[1])


def keyed_words(
    seed: int, replication: int, purpose: Purpose, messages: Messages
) -> tuple[Words, Words, Words, Words]:
    """Four words of 32 bits for each message. `seed` < 2**64, `replication` < 2**32, `purpose` < 256."""
    counter = (
        messages.customer.astype(np.uint64),
        messages.number,
        messages.turn.astype(np.uint64) << TURN | np.uint64(purpose),
        np.full(len(messages.customer), replication, np.uint64),
    )
    return philox4x32(counter, key_of(seed))


def key_of(seed: int) -> tuple[int, int]:
    """A seed as the two words of a key."""
    return seed & 0xFFFFFFFF, seed >> 32


def philox4x32(
    counter: tuple[Words, Words, Words, Words], key: tuple[int, int]
) -> tuple[Words, Words, Words, Words]:
    """Philox4x32-10: four words of 32 bits from a counter and a key of such words."""
    a, b, c, d = counter
    left, right = key
    for _ in range(ROUNDS):
        first, second = a * MULTIPLIERS[0], c * MULTIPLIERS[1]
        a, b, c, d = (
            (second >> HALF) ^ b ^ np.uint64(left),
            second & LOW,
            (first >> HALF) ^ d ^ np.uint64(right),
            first & LOW,
        )
        left, right = (left + WEYL[0]) & 0xFFFFFFFF, (right + WEYL[1]) & 0xFFFFFFFF
    return a, b, c, d


def unit(words: Words) -> Floats:
    """Words of 32 bits as numbers in [0, 1)."""
    return (words >> WORD).astype(np.float32) * STEP

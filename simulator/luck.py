"""The random numbers of each exposure: one in [0, 1) for every decision of every customer.

Where most customers get a message (a campaign, a push, a post), a block's numbers are drawn at once, needed
or not, from the block's own Philox stream: the quickest way. Where few do (a retry, a follow-up), each
customer's numbers come from Philox4x32-10 with the customer in its counter (Salmon, Moraes, Dror & Shaw 2011,
Parallel random numbers: as easy as 1, 2, 3, SC'11). Either way a number depends on what it is for alone: on
seed, replication, exposure, customer and decision.
"""

from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

from simulator.streams import BLOCK, Purpose, stream

DECISIONS = ("deliver", "read", "respond", "leave")
DECISION = {name: row for row, name in enumerate(DECISIONS)}
ROWS = len(DECISIONS)
KEPT = 4  # exposures whose numbers are held at once: 16 bytes a customer each
ROUNDS = 10
MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
WEYL = 0x9E3779B9, 0xBB67AE85
LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)

Floats = NDArray[np.float32]
Words = NDArray[np.uint64]  # of 32 bits


class Dense:
    """Blocks of numbers, drawn when first looked at and kept for the latest exposures."""

    def __init__(self, seed: int, replication: int, size: int) -> None:
        self._seed, self._replication = seed, replication
        self._blocks = -(-size // BLOCK)
        self._kept: OrderedDict[int, tuple[Floats, NDArray[np.bool_]]] = OrderedDict()

    def of(self, exposure: int, customer: NDArray[np.int32]) -> "DenseRows":
        table, drawn = self._table(exposure)
        block = customer >> BLOCK.bit_length() - 1
        for number in np.flatnonzero(~drawn & (np.bincount(block, minlength=self._blocks) > 0)).tolist():
            draw = stream(self._seed, self._replication, Purpose.DECISIONS, number, exposure)
            draw.random(dtype=np.float32, out=table[number])
            drawn[number] = True
        return DenseRows(table.reshape(-1), customer + block * ((ROWS - 1) * BLOCK))

    def _table(self, exposure: int) -> tuple[Floats, NDArray[np.bool_]]:
        if exposure in self._kept:
            self._kept.move_to_end(exposure)
            return self._kept[exposure]
        if len(self._kept) == KEPT:
            table, drawn = self._kept.popitem(last=False)[1]
            drawn[:] = False
        else:
            table = np.empty((self._blocks, ROWS, BLOCK), np.float32)
            drawn = np.zeros(self._blocks, np.bool_)
        self._kept[exposure] = table, drawn
        return table, drawn


class DenseRows:
    """The numbers of some customers for one exposure."""

    def __init__(self, flat: Floats, place: NDArray[np.int32]) -> None:
        self._flat, self._place = flat, place

    def __call__(self, decision: str, rows: NDArray[np.integer] | None = None) -> Floats:
        """In [0, 1), of all of them or of those at `rows`."""
        place = self._place if rows is None else self._place.take(rows)
        return self._flat[DECISION[decision] * BLOCK :].take(place)


class SparseRows:
    """The same, worked out customer by customer; `turn` tells apart a customer's messages of one exposure."""

    def __init__(
        self,
        seed: int,
        replication: int,
        exposure: int,
        customer: NDArray[np.int32],
        turn: NDArray[np.int32] | None,
    ) -> None:
        self._words = keyed_words(seed, replication, exposure, Purpose.DECISIONS, customer, turn)

    def __call__(self, decision: str, rows: NDArray[np.integer] | None = None) -> Floats:
        words = self._words[DECISION[decision]]
        return unit(words if rows is None else words.take(rows))


class FurtherRows:
    """Further numbers for the few to whom something rare happens."""

    def __init__(
        self,
        seed: int,
        replication: int,
        exposure: int,
        customer: NDArray[np.int32],
        turn: NDArray[np.int32] | None,
    ) -> None:
        self._key = seed, replication, exposure
        self._customer, self._turn = customer, turn

    def __call__(self, rows: NDArray[np.integer]) -> tuple[Floats, Floats]:
        turn = None if self._turn is None else self._turn.take(rows)
        words = keyed_words(*self._key, Purpose.RARE, self._customer.take(rows), turn)
        return unit(words[0]), unit(words[1])


def keyed_words(
    seed: int,
    replication: int,
    exposure: int,
    purpose: Purpose,
    customer: NDArray[np.integer],
    turn: NDArray[np.integer] | None = None,
) -> tuple[Words, Words, Words, Words]:
    """Four words of 32 bits for each customer. `exposure` < 2**32, `turn` < 2**24, `purpose` < 256."""
    size = len(customer)
    turns = np.zeros(size, np.uint64) if turn is None else turn.astype(np.uint64)
    counter = (
        customer.astype(np.uint64),
        np.full(size, exposure, np.uint64),
        turns << np.uint64(8) | np.uint64(purpose),
        np.full(size, replication, np.uint64),
    )
    return philox4x32(counter, (seed & 0xFFFFFFFF, seed >> 32))


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
    return (words >> np.uint64(8)).astype(np.float32) * np.float32(2**-24)

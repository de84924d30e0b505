"""What comes of messages later on, kept until its time: columns by 15-minute bin."""

from collections import defaultdict
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.sending.network import BIN_S
from simulator.sending.waves import Rows, Times, grouped


class Kind(IntEnum):
    """LOST: a message that was accepted does not arrive. HEARD: a customer wrote to a number."""

    LOST = 0
    DELIVERED = 1
    READ = 2
    HEARD = 3
    BLOCKED = 4
    REPORTED = 5


class Happenings(NamedTuple):
    """Columns of equal length; `account`: whose message it was, or who is written to.

    `about_s`: of blocks and reports, when the message that they are about was delivered; of the rest `at_s`.
    """

    kind: NDArray[np.int8]
    at_s: Times
    about_s: Times
    customer: NDArray[np.int32]
    account: NDArray[np.int32]

    def rows(self, rows: Rows) -> "Happenings":
        return Happenings._make(column.take(rows) for column in self)

    def of(self, kind: Kind) -> "Happenings":
        return self.rows(np.flatnonzero(self.kind == kind))


class Calendar:
    """Happenings by the bin of their time; what lies at or beyond the horizon is forgotten."""

    def __init__(self, horizon_s: float) -> None:
        self._horizon_s = horizon_s
        self._bins: defaultdict[int, list[Happenings]] = defaultdict(list)

    def add(
        self,
        kind: Kind,
        at_s: Times,
        customer: NDArray[np.int32],
        account: NDArray[np.int32],
        about_s: Times | None = None,
    ) -> None:
        within = np.flatnonzero(at_s < self._horizon_s)
        kinds, about_s = np.full(len(at_s), kind, np.int8), at_s if about_s is None else about_s
        found = Happenings(kinds, at_s, about_s, customer, account).rows(within)
        for number, rows in grouped((found.at_s // BIN_S).astype(np.int64)):
            self._bins[number].append(found if isinstance(rows, slice) else found.rows(rows))

    def take(self, number: int) -> Happenings | None:
        """All of a bin in order of time, taken out; None if nothing happens."""
        parts = self._bins.pop(number, [])
        if not parts:
            return None
        found = Happenings._make(np.concatenate(columns) for columns in zip(*parts, strict=True))
        return found.rows(np.argsort(found.at_s, kind="stable"))

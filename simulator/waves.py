"""Messages on their way out: waves of one exposure each, in order of time."""

from collections.abc import Sequence
from heapq import heappop, heappush
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.float64]

MOST_ATTEMPTS = 8  # a campaign's exposures are numbered campaign x MOST_ATTEMPTS + attempt
OWN = -1  # of Exposure.content: read as the account's age says
PUSHES, POSTS, FOLLOW_UPS = 1_000, 1_000_000, 100_000_000  # where their campaigns' numbers begin


class Exposure(NamedTuple):
    """One content, once; a customer gets it at most once, a follow-up at most once a turn.

    `number` keys the customers' luck; `content` is an index into the kinds of group content, or OWN. Odds are
    against the campaign's first try.
    """

    campaign: int
    attempt: int = 0
    kind: Literal["message", "post", "follow_up"] = "message"
    content: int = OWN
    order_odds: float = 1.0
    is_first: bool = False  # of a day's posts

    @property
    def number(self) -> int:
        return self.campaign * MOST_ATTEMPTS + self.attempt

    @property
    def is_push(self) -> bool:
        return PUSHES <= self.campaign < POSTS

    @property
    def is_common(self) -> bool:
        """Most customers get it, so that their luck is drawn block by block."""
        return self.kind != "follow_up" and self.attempt == 0


class Wave(NamedTuple):
    """Messages of one exposure with their account and time, ascending in time."""

    exposure: Exposure
    customer: NDArray[np.int32]
    account: NDArray[np.int32]
    due_s: Times
    turn: NDArray[np.int32] | None = (
        None  # of a follow-up: the scan that began it; a customer may get several
    )
    over: NDArray[np.bool_] | None = None  # above the network's hourly limit; None: none is

    def rows(self, wanted: NDArray[np.integer] | NDArray[np.bool_] | slice) -> "Wave":
        return Wave(self.exposure, *(None if one is None else one[wanted] for one in self[1:]))  # type: ignore[arg-type]

    def in_order(self) -> "Wave":
        """Ascending in time."""
        if np.all(self.due_s[1:] >= self.due_s[:-1]):
            return self
        return self.rows(np.argsort(self.due_s, kind="stable"))


def merged(waves: Sequence[Wave]) -> list[Wave]:
    """One wave for each exposure."""
    by_exposure: dict[Exposure, list[Wave]] = {}
    for wave in waves:
        by_exposure.setdefault(wave.exposure, []).append(wave)
    return [_joined(parts).in_order() if len(parts) > 1 else parts[0] for parts in by_exposure.values()]


def _joined(waves: Sequence[Wave]) -> Wave:
    columns = [
        None if column[0] is None else np.concatenate(column)
        for column in zip(*(wave[1:] for wave in waves), strict=True)
    ]
    return Wave(waves[0].exposure, *columns)  # type: ignore[arg-type]


class Queue:
    """All that is planned and not sent: a heap of waves by their next message."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Wave]] = []
        self._added = 0  # tells waves of one moment apart

    def __len__(self) -> int:
        return sum(len(wave.due_s) for wave in self.waves)

    @property
    def waves(self) -> list[Wave]:
        return [wave for _, _, wave in self._heap]

    @property
    def next_s(self) -> float:
        """When the next message leaves; infinity if none does."""
        return self._heap[0][0] if self._heap else np.inf

    def add(self, wave: Wave) -> None:
        if len(wave.due_s):
            heappush(self._heap, (float(wave.due_s[0]), self._added, wave))
            self._added += 1

    def take(self, before_s: float) -> list[Wave]:
        """All that is due before this moment, taken out."""
        due = []
        while self.next_s < before_s:
            _, _, wave = heappop(self._heap)
            count = int(np.searchsorted(wave.due_s, before_s))
            due.append(wave.rows(slice(None, count)))
            self.add(wave.rows(slice(count, None)))
        return due

    def take_account(self, account: int) -> list[Wave]:
        """All of one account, taken out."""
        waves, self._heap = self.waves, []
        taken = []
        for wave in waves:
            own = wave.account == account
            taken.append(wave.rows(own))
            self.add(wave.rows(~own) if own.any() else wave)
        return [wave for wave in taken if len(wave.due_s)]


def in_turns(waves: Sequence[Wave], seen: NDArray[np.int8]) -> list[Wave]:
    """The same messages, cut so that every customer's go out one after the other in order of time.

    `seen` (customers,) is scratch space, 0 everywhere before and after.
    """
    if len(waves) < 2 and all(wave.turn is None for wave in waves):
        return list(waves)
    for wave in waves:
        if wave.turn is None:
            seen[wave.customer] += 1
        else:
            np.add.at(seen, wave.customer, 1)
    several = [seen[wave.customer] > 1 for wave in waves]
    for wave in waves:
        seen[wave.customer] = 0
    if not any(flags.any() for flags in several):
        return list(waves)
    single = [wave.rows(~flags) for wave, flags in zip(waves, several, strict=True)]
    crowded = [wave.rows(flags) for wave, flags in zip(waves, several, strict=True)]
    return [wave for wave in (*single, *_one_by_one(crowded)) if len(wave.due_s)]


def _one_by_one(waves: Sequence[Wave]) -> list[Wave]:
    customer = np.concatenate([wave.customer for wave in waves])
    due_s = np.concatenate([wave.due_s for wave in waves])
    order = np.lexsort((due_s, customer))
    place = np.arange(len(order))
    is_first = np.diff(customer[order], prepend=-1) != 0
    turn = np.empty_like(place)
    turn[order] = place - np.maximum.accumulate(np.where(is_first, place, 0))
    parts = np.split(turn, np.cumsum([len(wave.due_s) for wave in waves])[:-1])
    return [
        wave.rows(part == number)
        for number in range(int(turn.max(initial=-1)) + 1)
        for wave, part in zip(waves, parts, strict=True)
    ]

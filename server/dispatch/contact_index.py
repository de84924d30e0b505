"""Who matches a filter, answered from memory: one bit a contact and tag, one column of times a kind of event.

A contact's id is its place in every column, so ids must be small whole numbers without large holes. Bits are
packed eight to a byte, the lowest id in the lowest bit. One million contacts take 125 kB a tag, 4 MB a kind
of event and 2 MB a count; a set operation on them takes microseconds.
Times are whole Unix seconds, 0 for never.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from server.dispatch.filters import (
    AllOf,
    AnyOf,
    Comparison,
    Counted,
    Did,
    Expression,
    Is,
    Not,
    Tagged,
)

Bits = NDArray[np.uint8]
Ids = NDArray[np.int64]

INTERACTIONS = ("read", "clicked", "ordered", "replied")  # what a contact does of their own accord
COUNTED_EVENTS = {"orders": "ordered", "clicks": "clicked", "reads": "read", "replies": "replied"}
_COUNT_OF = {event: name for name, event in COUNTED_EVENTS.items()}
MOST = 65_535  # a count stops here
FIRST_ROOM = 1_024  # contacts
T = TypeVar("T", bound=np.generic)


@dataclass(slots=True)
class ContactIndex:
    """Columns by contact id."""

    room: int = FIRST_ROOM  # ids that the columns hold; a multiple of 8
    present: Bits = field(default_factory=lambda: np.zeros(FIRST_ROOM // 8, np.uint8))
    tags: dict[str, Bits] = field(default_factory=dict)
    flags: dict[str, Bits] = field(default_factory=dict)
    times: dict[str, NDArray[np.uint32]] = field(default_factory=dict)
    counts: dict[str, NDArray[np.uint16]] = field(default_factory=dict)
    zone: NDArray[np.int16] = field(default_factory=lambda: np.zeros(FIRST_ROOM, np.int16))
    country_code: NDArray[np.int16] = field(default_factory=lambda: np.zeros(FIRST_ROOM, np.int16))
    zones: dict[str | None, int] = field(default_factory=lambda: {None: 0})

    def add_contacts(
        self, ids: Ids, zones: Sequence[str | None], country_codes: Sequence[int], consent: Sequence[bool]
    ) -> None:
        """Contacts with zone (IANA name; None: not known), calling code of the number and consent."""
        if not len(ids):
            return
        self._grow(int(ids.max()) + 1)
        _set(self.present, ids)
        self.zone[ids] = [self.zones.setdefault(zone, len(self.zones)) for zone in zones]
        self.country_code[ids] = country_codes
        self.set_flag("consent", ids[np.asarray(consent, np.bool_)])

    def set_flag(self, name: str, ids: Ids) -> None:
        _set(self._bits(self.flags, name), ids)

    def add_tag(self, name: str, ids: Ids) -> None:
        """These contacts carry the tag from now on; with no ids the tag alone is made known."""
        self._grow(int(ids.max(initial=0)) + 1)
        before = self._bits(self.tags, name)
        counts = self._count("tags")
        new = ids[~_has(before, ids)]
        counts[new] += 1
        _set(before, new)

    def remove_tag(self, name: str, ids: Ids) -> None:
        carried = self._bits(self.tags, name)
        gone = ids[ids < self.room]
        gone = gone[_has(carried, gone)]
        self._count("tags")[gone] -= 1
        np.bitwise_and.at(carried, gone >> 3, ~_masks(gone))

    def drop_tag(self, name: str) -> None:
        """The tag is no more."""
        self.remove_tag(name, self.ids(self._bits(self.tags, name)))
        del self.tags[name]

    def saw(self, event: str, ids: Ids, at_s: NDArray[np.float64], count: bool = True) -> None:
        """Events (of filters.EVENT_WORDS); the latest time of each contact stays, repeats are counted."""
        self._grow(int(ids.max(initial=0)) + 1)
        seconds = np.clip(at_s, 0, 2**32 - 1).astype(np.uint32)
        np.maximum.at(self._times(event), ids, seconds)
        if event == "ordered":
            first = self._times("first_order")
            never = ids[first[ids] == 0]
            first[never] = np.uint32(2**32 - 1)
            np.minimum.at(first, ids, seconds)
        if count and event in _COUNT_OF:
            column = self._count(_COUNT_OF[event])
            unique, times = np.unique(ids, return_counts=True)
            column[unique] = np.minimum(column[unique].astype(np.int64) + times, MOST)

    def carrying(self, name: str) -> Bits:
        """Who carries a tag; nobody, if it is not known."""
        return self.tags.get(name, np.zeros(self.room // 8, np.uint8))

    def most_tags(self) -> int:
        """The most tags on one contact."""
        return int(self._count("tags").max(initial=0))

    def last_s(self, event: str, contact: int) -> float:
        """When this contact last did so (Unix seconds; 0: never)."""
        names = INTERACTIONS if event == "interacted" else (event,)
        columns = [self.times[name] for name in names if name in self.times]
        return max((float(column[contact]) for column in columns if contact < len(column)), default=0.0)

    def matching(self, expression: Expression, now_s: float) -> Bits:
        """One bit a contact: whether it matches at `now_s`. Nobody carries a tag that is not known."""
        return self._eval(expression, now_s) & self.present

    def ids(self, bits: Bits, after: int = -1, limit: int | None = None) -> Ids:
        """The ids of set bits, ascending, beyond `after`, at most `limit`."""
        start = (after + 1) >> 3
        found = np.flatnonzero(np.unpackbits(bits[start:], bitorder="little")) + 8 * start
        found = found[np.searchsorted(found, after, side="right") :]
        return found if limit is None else found[:limit]

    def _eval(self, expression: Expression, now_s: float) -> Bits:
        match expression:
            case Tagged(name):
                return self.carrying(name)
            case Not(part):
                return ~self._eval(part, now_s)
            case AllOf(parts):
                return self._all(parts, now_s)
            case AnyOf(parts):
                return reduce(np.bitwise_or, (self._eval(part, now_s) for part in parts))
            case Did(event, within_s):
                return self._did(event, within_s, now_s)
            case Counted(attribute, comparison, number):
                return _packed(_compare(self._count(attribute), comparison, number))
            case Is(attribute, value):
                return self._is(attribute, value)

    def _all(self, parts: Iterable[Expression], now_s: float) -> Bits:
        bits = self.present
        for part in parts:
            bits = bits & self._eval(part, now_s)
        return bits

    def _did(self, event: str, within_s: float | None, now_s: float) -> Bits:
        if event == "interacted":
            return reduce(np.bitwise_or, (self._did(one, within_s, now_s) for one in INTERACTIONS))
        since = 1 if within_s is None else max(1, int(now_s - within_s))
        return _packed(self._times(event) >= np.uint32(since))

    def _is(self, attribute: str, value: str) -> Bits:
        if attribute == "timezone":
            return _packed(self.zone == self.zones.get(value, -1))
        if attribute == "country_code":
            code = int(value) if value.isdecimal() and len(value) < 4 else -1
            return _packed(self.country_code == code)
        bits = self._bits(self.flags, attribute)
        return bits if value == "yes" else ~bits

    def _grow(self, needed: int) -> None:
        if needed <= self.room:
            return
        room = max(needed + 7 & ~7, self.room + self.room // 2 & ~7)
        self.present = _longer(self.present, room // 8)
        self.zone, self.country_code = _longer(self.zone, room), _longer(self.country_code, room)
        for bits in (self.tags, self.flags):
            bits.update({name: _longer(column, room // 8) for name, column in bits.items()})
        self.times.update({name: _longer(column, room) for name, column in self.times.items()})
        self.counts.update({name: _longer(column, room) for name, column in self.counts.items()})
        self.room = room

    def _bits(self, group: dict[str, Bits], name: str) -> Bits:
        if name not in group:
            group[name] = np.zeros(self.room // 8, np.uint8)
        return group[name]

    def _times(self, event: str) -> NDArray[np.uint32]:
        if event not in self.times:
            self.times[event] = np.zeros(self.room, np.uint32)
        return self.times[event]

    def _count(self, name: str) -> NDArray[np.uint16]:
        if name not in self.counts:
            self.counts[name] = np.zeros(self.room, np.uint16)
        return self.counts[name]


def size_of(bits: Bits) -> int:
    """How many bits are set."""
    return int(np.bitwise_count(bits).sum(dtype=np.int64))


def _masks(ids: Ids) -> Bits:
    return np.left_shift(np.uint8(1), (ids & 7).astype(np.uint8))


def _set(bits: Bits, ids: Ids) -> None:
    np.bitwise_or.at(bits, ids >> 3, _masks(ids))


def _has(bits: Bits, ids: Ids) -> NDArray[np.bool_]:
    held: NDArray[np.bool_] = (bits[ids >> 3] & _masks(ids)) != 0
    return held


def _packed(column: NDArray[np.bool_]) -> Bits:
    return np.packbits(column, bitorder="little")


def _compare(column: NDArray[Any], comparison: Comparison, number: int) -> NDArray[np.bool_]:
    compare = _COMPARISONS[comparison]
    compared: NDArray[np.bool_] = compare(column, np.uint16(min(number, MOST)))
    return compared


_COMPARISONS: dict[Comparison, np.ufunc] = {
    "=": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}


def _longer(column: NDArray[T], room: int) -> NDArray[T]:
    longer = np.zeros(room, column.dtype)
    longer[: len(column)] = column
    return longer

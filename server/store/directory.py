"""Contacts by number, in memory, for a server that alone writes its database.

A contact's number, zone and consent never change once they are written, and a STOP is never taken back. So
the table is read once, and of STOPs what has come since, that of the running transaction included. What a
transaction adds is remembered only when it is committed. 18 bytes a contact.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, bindparam, cast, func, select

from server.store.contacts import Contact, find, find_or_add
from server.store.dialects import Int64
from server.store.queries import Query
from server.store.tables import contacts

READ_AT_ONCE = 1_000  # rows: what is in memory at once at a start stays there, unused
FEW = 10_000  # contacts beside the columns; so many are sorted in, which takes ten milliseconds a million

# As E.164 is, valid or not; and a line for each.
_WRITTEN = re.compile(r"\+[1-9][0-9]{6,14}").fullmatch
_ALL_WRITTEN = re.compile(r"(?:\+[1-9][0-9]{6,14}(?:\n|\Z))*+").fullmatch

Entry = tuple[int, str | None]  # id and zone


class Found(NamedTuple):
    """What is known of the contacts asked for, by column."""

    ids: list[int]
    zones: list[str | None]  # IANA; None: not known
    barred: Mapping[int, str]  # places of those who must not be written to: opted_out, no_consent
    news: Mapping[int, Entry]  # by number: to be remembered after the commit


def look_up(
    connection: Connection, phones: Sequence[str], zones: Sequence[str | None], now_s: float
) -> Found:
    """The contacts with these numbers (E.164), from the tables; new ones are added with these zones."""
    known = find_or_add(connection, dict(zip(phones, zones, strict=True)), now_s)
    found = [known[phone] for phone in phones]
    return Found([one.id for one in found], [one.zone for one in found], _barred(enumerate(found)), {})


def remember_nothing(_news: Mapping[int, Entry]) -> None:
    """Beside `look_up` from the tables."""


class Directory:
    """`look_up` from memory; for one thread at a time."""

    def __init__(self) -> None:
        self._numbers = np.zeros(0, np.int64)  # ascending
        self._ids = np.zeros(0, np.int64)
        self._zones = np.zeros(0, np.int16)  # keys of the names
        self._names: dict[int, str | None] = {}
        self._key_of: dict[str | None, int] = {}
        self._later: dict[int, Entry] = {}  # by number, not in the columns yet
        self._doubtful: set[int] = set()  # ids that had not consented, or opted out, when last seen
        self._seen_s = 0.0  # the latest STOP among them

    def load(self, connection: Connection) -> None:
        """Read all contacts."""
        last = 0
        parts = [(self._numbers, self._ids, self._zones)]
        while rows := _NEXT.rows(connection, last=last, most=READ_AT_ONCE):
            ids, numbers, zones = zip(*rows, strict=True)
            parts.append((np.array(numbers), np.array(ids), self._keys(zones)))
            last = ids[-1]
        self._take(parts)
        self._doubtful.update(key for (key,) in _WITHOUT_CONSENT.rows(connection))

    def look_up(
        self, connection: Connection, phones: Sequence[str], zones: Sequence[str | None], now_s: float
    ) -> Found:
        """The same from memory; those who are not there, from the tables."""
        numbers = _integers(phones)
        ids, names = self._known(numbers)
        news: dict[int, Entry] = {}
        if 0 in ids:
            new = [at for at, key in enumerate(ids) if not key]
            given = find_or_add(connection, {phones[at]: zones[at] for at in new}, now_s)
            for at in new:
                contact = given[phones[at]]
                ids[at], names[at] = news[int(numbers[at])] = contact.id, contact.zone
                if not contact.consent:
                    self._doubtful.add(contact.id)
        return Found(ids, names, self._barred(connection, phones, ids), news)

    def has(self, texts: Sequence[str]) -> list[bool]:
        """Which of these are contacts' numbers, but for those that came last; from any thread."""
        known, wanted = self._numbers, _numbers_in(texts)
        if not len(known):
            return [False] * len(texts)
        at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
        has: list[bool] = (known[at] == wanted).tolist()
        return has

    def remember(self, news: Mapping[int, Entry]) -> None:
        """What a transaction that is committed has found or added."""
        self._later.update(news)
        if len(self._later) >= FEW:
            numbers = np.array(list(self._later))
            ids, zones = zip(*self._later.values(), strict=True)
            self._take([(self._numbers, self._ids, self._zones), (numbers, np.array(ids), self._keys(zones))])
            self._later = {}

    def _known(self, wanted: NDArray[np.int64]) -> tuple[list[int], list[str | None]]:
        """Id and zone of each; the id of one who is not here is 0."""
        if not len(self._numbers):
            return self._known_later(wanted, [0] * len(wanted), [None] * len(wanted))
        at = np.searchsorted(self._numbers, wanted)
        at[at == len(self._numbers)] = 0
        ids = np.where(self._numbers[at] == wanted, self._ids[at], 0).tolist()
        names = list(map(self._names.__getitem__, self._zones[at].tolist()))
        return self._known_later(wanted, ids, names) if 0 in ids else (ids, names)

    def _known_later(
        self, numbers: NDArray[np.int64], ids: list[int], names: list[str | None]
    ) -> tuple[list[int], list[str | None]]:
        for at, number in enumerate(numbers.tolist()):
            if not ids[at]:
                ids[at], names[at] = self._later.get(number, (0, None))
        return ids, names

    def _barred(self, connection: Connection, phones: Sequence[str], ids: Sequence[int]) -> Mapping[int, str]:
        for key, at_s in _STOPPED.rows(connection, since=self._seen_s):
            self._doubtful.add(key)
            self._seen_s = max(self._seen_s, at_s)
        if self._doubtful.isdisjoint(ids):
            return {}
        doubtful = [at for at, key in enumerate(ids) if key in self._doubtful]
        now = find(connection, {phones[at] for at in doubtful})  # a STOP that was seen may have been undone
        return _barred((at, now[phones[at]]) for at in doubtful)

    def _keys(self, zones: Iterable[str | None]) -> NDArray[np.int16]:
        keys = np.array([self._key_of.setdefault(zone, len(self._key_of)) for zone in zones], np.int16)
        self._names = {key: zone for zone, key in self._key_of.items()}
        return keys

    def _take(self, parts: Sequence[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int16]]]) -> None:
        numbers, ids, zones = map(np.concatenate, zip(*parts, strict=True))
        order = np.argsort(numbers)
        self._numbers, self._ids, self._zones = numbers[order], ids[order], zones[order]


def _integers(phones: Sequence[str]) -> NDArray[np.int64]:
    """Numbers in E.164 as integers: read from one text, in a quarter of the time of each by itself."""
    return np.fromstring("\n".join(phones), np.int64, sep="\n")


def _numbers_in(texts: Sequence[str]) -> NDArray[np.int64]:
    """The same of any texts; 0 for one that is not written as E.164 is."""
    lines = "\n".join(texts)
    if _ALL_WRITTEN(lines) and lines.count("\n") == len(texts) - 1:
        return _integers(texts)
    return np.array([int(text) if _WRITTEN(text) else 0 for text in texts], np.int64)


def _barred(found: Iterable[tuple[int, Contact]]) -> Mapping[int, str]:
    return {
        at: "no_consent" if one.opted_out_s is None else "opted_out"
        for at, one in found
        if one.opted_out_s is not None or not one.consent
    }


_NUMBER = cast(func.substr(contacts.c.phone, 2), Int64)
_NEXT = Query(
    select(contacts.c.id, _NUMBER, contacts.c.zone)
    .where(contacts.c.id > bindparam("last"))
    .order_by(contacts.c.id)
    .limit(bindparam("most"))
)
_WITHOUT_CONSENT = Query(select(contacts.c.id).where(~contacts.c.consent))
_STOPPED = Query(
    select(contacts.c.id, contacts.c.opted_out_s).where(contacts.c.opted_out_s >= bindparam("since"))
)

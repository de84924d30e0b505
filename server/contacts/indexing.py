"""The index of contacts, kept up to date with the database by reading what its logs have gained.

Contacts, the tag log, events, inbound messages and sends only ever grow, in the order of their commits. So a
server that reads each of them from where it stopped has everything that any server has committed; a new one
reads the tables whole. Nothing is written for the index, and no write waits for it.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE
from sqlalchemy import Column, Connection, Select, Text, bindparam, cast, func, select

from server.dispatch.contact_index import ContactIndex, Ids
from server.store.database import Database
from server.store.tables import (
    GIVEN,
    contact_tags,
    contacts,
    events,
    inbound,
    messages,
    tag_log,
    tags,
)

SLICE = 2_000  # rows read at once: bounds the memory of a start
OVERLAP_S = 2.5  # real seconds for which a send may be recorded after its time

Change = Callable[[ContactIndex], None]


@dataclass(frozen=True, slots=True)
class Marks:
    """How far the logs are read: ids, and for sends a time (Unix seconds)."""

    contact: int = 0
    tag_log: int = 0
    event: int = 0
    inbound: int = 0
    sent_s: float = 0.0


class Indexing:
    """`fresh` is the index as of now. It is changed on the event loop only."""

    def __init__(self, readers: Database, speed: float) -> None:
        self.index = ContactIndex()
        self._readers = readers
        self._overlap_s = OVERLAP_S * speed
        self._marks: Marks | None = None
        self._reading = asyncio.Lock()

    async def fresh(self) -> ContactIndex:
        """The index with all that was committed before this call. Raises StoreUnavailable."""
        async with self._reading:
            if self._marks is None:
                self.index, self._marks = await self._readers.run(_load)
            else:
                news = partial(_news, marks=self._marks, overlap_s=self._overlap_s)
                changes, self._marks = await self._readers.run(news)
                for change in changes:
                    change(self.index)
        return self.index


def _load(connection: Connection) -> tuple[ContactIndex, Marks]:
    """An index of the whole database."""
    index = ContactIndex()
    now = _marks(connection)
    for change in chain(
        _contacts(connection, 0),
        _carried(connection, now.contact),
        _events(connection, 0),
        _inbound(connection, 0),
        _sends(connection, 0.0),
    ):
        change(index)
    return index, now


def _news(connection: Connection, marks: Marks, overlap_s: float) -> tuple[list[Change], Marks]:
    """What the logs have gained since these marks."""
    now = _marks(connection)
    changes = [*_contacts(connection, marks.contact)] if now.contact > marks.contact else []
    changes += _logged(connection, marks.tag_log) if now.tag_log > marks.tag_log else []
    changes += _events(connection, marks.event) if now.event > marks.event else []
    changes += _inbound(connection, marks.inbound) if now.inbound > marks.inbound else []
    changes += _sends(connection, marks.sent_s - overlap_s) if now.sent_s > marks.sent_s else []
    return changes, now


def _marks(connection: Connection) -> Marks:
    def last(column: Column[Any]) -> Any:
        return connection.execute(select(func.max(column))).scalar() or 0

    return Marks(
        last(contacts.c.id), last(tag_log.c.id), last(events.c.id), last(inbound.c.id), _last_sent(connection)
    )


def _last_sent(connection: Connection) -> float:
    query = select(func.max(messages.c.sent_s)).where(messages.c.sent_s.is_not(None))
    return connection.execute(query).scalar() or 0.0


def _slices(
    connection: Connection, query: Select[Any], key: Column[Any], after: int
) -> Iterator[Sequence[Any]]:
    """The rows with a key beyond `after`, as columns, so many at a time; the first column is the key."""
    while rows := connection.execute(query.where(key > after).order_by(key).limit(SLICE)).all():
        yield list(zip(*rows, strict=True))
        after = rows[-1][0]


def _contacts(connection: Connection, after: int) -> Iterator[Change]:
    columns = (contacts.c.id, contacts.c.phone, contacts.c.zone, contacts.c.consent)
    query = select(*columns, contacts.c.opted_out_s, contacts.c.added_s)
    for ids, phones, zones, consent, opted_out_s, added_s in _slices(connection, query, contacts.c.id, after):
        yield partial(_add_contacts, np.array(ids, np.int64), phones, zones, consent, opted_out_s, added_s)


def _add_contacts(
    ids: Ids,
    phones: Sequence[str],
    zones: Sequence[str | None],
    consent: Sequence[bool],
    opted_out_s: Sequence[float | None],
    added_s: Sequence[float | None],
    index: ContactIndex,
) -> None:
    index.add_contacts(ids, zones, [calling_code(phone) for phone in phones], consent)
    index.set_flag("opted_out", ids[[at_s is not None for at_s in opted_out_s]])
    index.saw("added", ids, np.array([at_s or 0.0 for at_s in added_s]))


def calling_code(phone: str) -> int:
    """The country code of a number in E.164, as 852; no code is the beginning of another. 0: none."""
    for length in (1, 2, 3):
        code = int(phone[1 : 1 + length] or 0)
        if code in COUNTRY_CODE_TO_REGION_CODE:
            return code
    return 0


def _carried(connection: Connection, last: int) -> Iterator[Change]:
    """Every tag with its contacts, by ranges of contacts: in order of the primary key."""
    name_of = {row[0]: row[1] for row in connection.execute(select(tags.c.id, tags.c.name))}
    for name in name_of.values():
        yield partial(_tag, name, GIVEN, np.array([], np.int64))
    for start in range(0, last + 1, SLICE):
        for tag, ids in connection.execute(_CARRYING, {"first": start, "last": start + SLICE - 1}):
            yield partial(_tag, name_of[tag], GIVEN, np.fromstring(ids, np.int64, sep=","))


def _logged(connection: Connection, after: int) -> Iterator[Change]:
    query = select(tag_log.c.id, tag_log.c.tag, tag_log.c.action, tag_log.c.contact_ids)
    for _, names, actions, blobs in _slices(connection, query, tag_log.c.id, after):
        for name, action, blob in zip(names, actions, blobs, strict=True):
            yield partial(_tag, name, action, np.frombuffer(blob or b"", "<i8").astype(np.int64))


def _tag(name: str, action: str, ids: Ids, index: ContactIndex) -> None:
    match action:
        case "dropped":
            index.drop_tag(name)
        case "taken":
            index.remove_tag(name, ids)
        case _:
            index.add_tag(name, ids)


def _events(connection: Connection, after: int) -> Iterator[Change]:
    query = select(events.c.id, events.c.contact_id, events.c.kind, events.c.at_s)
    for _, who, kinds, at_s in _slices(connection, query, events.c.id, after):
        for kind in set(kinds):
            of_kind = [one == kind for one in kinds]
            yield partial(_saw, kind, np.array(who, np.int64)[of_kind], np.array(at_s)[of_kind])


def _inbound(connection: Connection, after: int) -> Iterator[Change]:
    query = select(inbound.c.id, inbound.c.contact_id, inbound.c.received_s, inbound.c.action)
    for _, who, at_s, actions in _slices(connection, query, inbound.c.id, after):
        ids = np.array(who, np.int64)
        yield partial(_saw, "replied", ids, np.array(at_s))
        yield partial(_opted_out, ids[[action == "opted_out" for action in actions]])


def _sends(connection: Connection, after_s: float) -> Iterator[Change]:
    query = select(messages.c.contact_id, func.max(messages.c.sent_s)).where(
        messages.c.sent_s.is_not(None), messages.c.sent_s > after_s
    )
    rows = connection.execute(query.group_by(messages.c.contact_id)).all()
    if rows:
        who, at_s = zip(*rows, strict=True)
        yield partial(_saw, "sent", np.array(who, np.int64), np.array(at_s))


def _saw(event: str, ids: Ids, at_s: Any, index: ContactIndex) -> None:
    index.saw(event, ids, at_s)


def _opted_out(ids: Ids, index: ContactIndex) -> None:
    index.set_flag("opted_out", ids)


# One row a tag instead of one a link: half the time of a start goes into rows.
_CARRYING = (
    select(contact_tags.c.tag_id, func.aggregate_strings(cast(contact_tags.c.contact_id, Text), ","))
    .where(contact_tags.c.contact_id.between(bindparam("first"), bindparam("last")))
    .group_by(contact_tags.c.tag_id)
)

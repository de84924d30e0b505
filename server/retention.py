"""Deletes what is older than it has to be kept, some rows at a time, so that nothing waits for it.

Gone in the end: settled messages with their attempts, batches without messages, what customers wrote and were
told, closed conversations, events, the tag log, counts by the hour. Kept for good: contacts, that they opted
out and the message that says so. The newest row of each table stays too: numbers go on from it.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Column, ColumnElement, Connection, Table, bindparam, delete, exists, func, select, true

from server.clock import Clock
from server.dispatch.content import words_of
from server.sending.leases import Leases
from server.store.batches import IN_ITS_BATCH
from server.store.bulk import Bulk
from server.store.database import StoreUnavailable
from server.store.dialects import among
from server.store.hourly import hour_of
from server.store.tables import (
    CANCELLED,
    DELIVERED,
    FAILED,
    attempts,
    batches,
    conversations,
    events,
    hourly_keywords,
    hourly_sends,
    hourly_tags,
    imports,
    inbound,
    messages,
    said,
    search_words,
    tag_log,
)
from server.store.writer import Applied, Writer

logger = logging.getLogger(__name__)

STEP = 500  # rows of a table that are looked at in one transaction
STEP_S = 0.2  # real seconds between transactions while there is something to delete
SWEEP_S = 300.0  # real seconds between looks for something to delete


@dataclass(frozen=True, slots=True)
class Forget:
    """Delete the next rows that are too old. Answer: whether there may be more."""


class Kept(NamedTuple):
    """What is kept for a time: from `at_s` on, null while it has not begun, and as long as not `may_go`."""

    table: Table
    key: Column[Any]
    at_s: Column[float]
    may_go: ColumnElement[bool]
    dependents: Callable[[Connection, Sequence[Any]], None] = lambda _connection, _keys: None


class Forgetting:
    """`apply` is the step: through each table in order of its key, and at its end again from the start."""

    def __init__(self, clock: Clock, keep_s: float) -> None:
        self._clock = clock
        self._keep_s = keep_s
        self._after: dict[str, Any] = {}

    def apply(self, connection: Connection, requests: Sequence[Forget]) -> Applied:
        before_s = self._clock.now() - self._keep_s
        after = {kept.table.name: self._sweep(connection, kept, before_s) for kept in ALL_KEPT}
        for counts in (hourly_sends, hourly_tags, hourly_keywords):
            connection.execute(delete(counts).where(counts.c.hour < hour_of(before_s)))
        more = any(key is not None for key in after.values())
        return Applied([more] * len(requests), partial(self._after.update, after))

    def _sweep(self, connection: Connection, kept: Kept, before_s: float) -> Any:
        """The key up to which the table has been gone through; None: to its end, or to what is young."""
        query = select(kept.key, kept.at_s, kept.may_go).order_by(kept.key).limit(STEP)
        after = self._after.get(kept.table.name)
        rows = connection.execute(query if after is None else query.where(kept.key > after)).all()
        newest = connection.execute(select(func.max(kept.key))).scalar()
        gone = [
            key
            for key, at_s, may_go in rows
            if may_go and at_s is not None and at_s < before_s and key != newest
        ]
        if gone:
            kept.dependents(connection, gone)
            connection.execute(delete(kept.table).where(among(kept.key, "keys")), {"keys": gone})
        young = any(at_s is not None and at_s >= before_s for _, at_s, _ in rows)
        return None if young or len(rows) < STEP else rows[-1][0]


class Record(Protocol):
    """What the network keeps of its own."""

    async def forget(self, before_s: float, limit: int) -> bool:
        """Delete at most so many that settled before; whether there may be more."""
        ...


@dataclass(slots=True)
class Retention:
    """The loop that asks for the step, and has the network forget as much."""

    writer: Writer
    records: Sequence[Record]
    clock: Clock
    keep_s: float
    leases: Leases | None = None  # where several workers share the tables, one of them does this for all
    sweep_s: float = field(default=SWEEP_S)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                more = (self.leases is None or self.leases.leads) and await self._step()
            except StoreUnavailable as error:
                logger.error("old data is not deleted, trying again later: %s", error)
                more = False
            await asyncio.sleep(STEP_S if more else self.sweep_s)

    async def _step(self) -> bool:
        more: bool = await self.writer.submit(Forget(), weight=STEP)
        for record in self.records:
            more = await record.forget(self.clock.now() - self.keep_s, STEP) or more
        return more


def _attempts(connection: Connection, keys: Sequence[int]) -> None:
    connection.execute(delete(attempts).where(among(attempts.c.message_id, "keys")), {"keys": keys})


def _words(table: Table, connection: Connection, keys: Sequence[int]) -> None:
    """A text that is gone is not found any more."""
    query = select(table.c.id, table.c.text).where(among(table.c.id, "keys"))
    words = [
        (word, key) for key, text in connection.execute(query, {"keys": keys}) for word in words_of(text)
    ]
    _NOT_FOUND.execute(
        connection, [{"of": word, "where": table.name, "key": key} for word, key in dict.fromkeys(words)]
    )


_NOT_FOUND = Bulk(
    delete(search_words).where(
        search_words.c.word == bindparam("of"),
        search_words.c.source == bindparam("where"),
        search_words.c.id == bindparam("key"),
    )
)
# In an order that leaves no row whose batch is gone before it.
ALL_KEPT = (
    Kept(
        messages,
        messages.c.id,
        messages.c.settled_s,
        messages.c.status.in_([DELIVERED, FAILED, CANCELLED]),
        _attempts,
    ),
    Kept(batches, batches.c.id, batches.c.created_s, ~exists().where(IN_ITS_BATCH)),
    Kept(
        inbound, inbound.c.id, inbound.c.received_s, inbound.c.action != "opted_out", partial(_words, inbound)
    ),
    Kept(
        said,
        said.c.id,
        said.c.due_s,
        said.c.said_s.is_not(None) | said.c.cancelled_s.is_not(None),
        partial(_words, said),
    ),
    Kept(conversations, conversations.c.id, conversations.c.closed_s, true()),
    Kept(events, events.c.id, events.c.at_s, true()),
    Kept(tag_log, tag_log.c.id, tag_log.c.at_s, true()),
    Kept(imports, imports.c.id, imports.c.at_s, true()),
)

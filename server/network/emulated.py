"""The emulated network: takes messages, remembers them for good, and tells later what became of each.

It stands in for a service of somebody else: it keeps its own record in its own file, commits it before it
says "accepted", and takes a message that it already knows for the same message. Whoever is unsure after a
crash asks it, and does not send again.
"""

import heapq
from collections import defaultdict, deque
from collections.abc import Collection, Sequence, Set
from functools import partial
from itertools import compress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Column, Connection, Float, Integer, MetaData, Table, Text, bindparam, delete, select

from server.network.delivery import Settings, fates, ways
from server.store.bulk import Bulk
from server.store.database import Database
from server.store.dialects import InsertOr, Int64, among
from server.store.schema import Schema

HOUR_S = 3600.0
FEW = 100  # messages that are written down without a thread

metadata = MetaData()
SCHEMA = Schema("network", metadata, head="network0003", versions=Path(__file__).parent / "migrations")
accepted = Table(
    "accepted",
    metadata,
    Column("message_id", Int64, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("account", Integer, nullable=False),
    Column("phone", Text, nullable=False),
    Column("sent_s", Float, nullable=False),
    Column("settles_s", Float, nullable=False),
    Column("reason", Text),  # null: will be delivered
    Column("times", Integer, nullable=False, server_default="1"),  # it was handed over; once is right
    sqlite_with_rowid=False,
)
answers = Table(  # see server/network/answers.py
    "answers",
    metadata,
    Column("answer_id", Int64, primary_key=True, autoincrement=False),
    Column("account", Integer, nullable=False),
    Column("phone", Text, nullable=False),
    Column("sent_s", Float, nullable=False),
    Column("settles_s", Float, nullable=False),
    Column("reason", Text),  # null: will be delivered
    Column("times", Integer, nullable=False, server_default="1"),  # it was handed over; once is right
)


_RECORDS = select(accepted).where(among(accepted.c.message_id, "ids"))
_OLDEST = (
    select(accepted.c.message_id, accepted.c.settles_s)
    .order_by(accepted.c.message_id, accepted.c.attempt)
    .limit(bindparam("limit"))
)
_DELETE = delete(accepted).where(
    among(accepted.c.message_id, "ids"), accepted.c.settles_s < bindparam("before")
)
_NEW = ("message_id", "attempt", "account", "phone", "sent_s", "settles_s", "reason")
_ACCEPT = Bulk(
    InsertOr(accepted, "(message_id, attempt) DO UPDATE SET times = accepted.times + 1").values(
        {name: bindparam(name) for name in _NEW}
    )
)


class Outbound(NamedTuple):
    """One attempt to send. `sent_s` in Unix seconds; ascending within an account."""

    message_id: int
    attempt: int
    account: int
    phone: str
    sent_s: float


class Status(NamedTuple):
    """What became of an attempt; `reason` None: delivered."""

    settled_s: float
    message_id: int
    attempt: int
    reason: str | None


class Network:
    """Accepts durably and reports statuses when the clock reaches them; `database` is its own.

    Any call that asks the database raises StoreUnavailable: the network did not answer.
    """

    def __init__(self, database: Database, settings: Settings, seed: int) -> None:
        self._database = database
        self._settings = settings
        self._seed = seed
        self._calendar: list[Status] = []
        # When each account sent, ascending, as many as the hourly limit allows.
        self._latest: defaultdict[int, deque[float]] = defaultdict(
            partial(deque, maxlen=settings.hourly_limit)
        )

    async def restore(self, now_s: float) -> None:
        """Remember who sent what in the last hour: needed after a restart or a failure."""
        sent = await self._database.run(partial(_sent_since, since_s=now_s - HOUR_S))
        self._latest.clear()
        for account, sent_s in sent:
            self._latest[account].append(sent_s)

    async def accept(self, messages: Sequence[Outbound], resends: int = 0) -> set[int]:
        """Take them, for the `resends`-th time again; durable on return. The ids of those that it confirms.

        A known (message_id, attempt) is not taken twice. One that is not confirmed may have arrived or not.
        """
        arrived, confirmed = self._on_their_way(messages, resends)
        statuses = self._statuses(arrived)
        run = self._database.run_briefly if len(arrived) <= FEW else self._database.run
        await run(partial(_accept, messages=arrived, statuses=statuses))
        if resends:  # it may have been there before, and what counts is what was decided then
            await self.known({(one.message_id, one.attempt) for one in arrived})
        else:
            for status in statuses:
                heapq.heappush(self._calendar, status)
        return {message.message_id for message in confirmed}

    def _on_their_way(
        self, messages: Sequence[Outbound], resends: int
    ) -> tuple[Sequence[Outbound], Sequence[Outbound]]:
        """Those of them that arrive, and those that are confirmed."""
        if not self._settings.handover_loss or not messages:
            return messages, messages
        message_id, attempt, _, _, sent_s = zip(*messages, strict=True)
        way = ways(self._settings, self._seed, message_id, attempt, sent_s, resends)
        return list(compress(messages, way.arrives)), list(compress(messages, way.is_confirmed))

    async def known(self, attempts: Collection[tuple[int, int]]) -> dict[tuple[int, int], float]:
        """Which of these (message_id, attempt) were accepted, with their `sent_s`.

        Their statuses are told again: the reader must expect repeats.
        """
        rows = await self._database.run(partial(_records, wanted=set(attempts)))
        self._calendar = list({*self._calendar, *map(_status_of, rows)})
        heapq.heapify(self._calendar)
        return {(row["message_id"], row["attempt"]): row["sent_s"] for row in rows}

    async def forget(self, before_s: float, limit: int) -> bool:
        """Delete at most so many of the oldest records that settled before; whether there may be more."""
        gone = await self._database.run(partial(_forget, before_s=before_s, limit=limit))
        return gone == limit

    def statuses(self, now_s: float, limit: int) -> list[Status]:
        """Statuses whose time has come, at most `limit`, in order of time; each is given once."""
        ready: list[Status] = []
        while self._calendar and self._calendar[0].settled_s <= now_s and len(ready) < limit:
            ready.append(heapq.heappop(self._calendar))
        return ready

    def next_status_s(self) -> float:
        """When the next status is due; infinity for none."""
        return self._calendar[0].settled_s if self._calendar else float("inf")

    def _statuses(self, messages: Sequence[Outbound]) -> list[Status]:
        if not messages:
            return []
        message_id, attempt, account, phone, sent_s = zip(*messages, strict=True)
        over_limit = list(map(self._is_over_limit, account, sent_s))
        reason, delay_s = fates(self._settings, self._seed, phone, message_id, attempt, over_limit)
        settled_s = (np.array(sent_s) + delay_s).tolist()
        return list(map(Status._make, zip(settled_s, message_id, attempt, reason, strict=True)))

    def _is_over_limit(self, account: int, sent_s: float) -> bool:
        """Whether this send, which is noted, makes more than the limit in the hour up to it."""
        latest = self._latest[account]
        is_over = len(latest) == latest.maxlen and latest[0] > sent_s - HOUR_S
        latest.append(sent_s)
        return is_over


def _accept(connection: Connection, messages: Sequence[Outbound], statuses: Sequence[Status]) -> None:
    if not messages:
        return
    message_id, attempt, account, phone, sent_s = zip(*messages, strict=True)
    settles_s, _, _, reason = zip(*statuses, strict=True)
    _ACCEPT.execute_columns(
        connection,
        message_id=message_id,
        attempt=attempt,
        account=account,
        phone=phone,
        sent_s=sent_s,
        settles_s=settles_s,
        reason=reason,
    )


def _sent_since(connection: Connection, since_s: float) -> Sequence[tuple[int, float]]:
    """(account, when it sent), ascending in time."""
    query = select(accepted.c.account, accepted.c.sent_s).where(accepted.c.sent_s > since_s)
    return [(account, sent_s) for account, sent_s in connection.execute(query.order_by(accepted.c.sent_s))]


def _records(connection: Connection, wanted: Set[tuple[int, int]]) -> list[dict[str, Any]]:
    """What is on record of these (message_id, attempt)."""
    rows = connection.execute(_RECORDS, {"ids": sorted({message_id for message_id, _ in wanted})})
    return [dict(row) for row in rows.mappings() if (row["message_id"], row["attempt"]) in wanted]


def _forget(connection: Connection, before_s: float, limit: int) -> int:
    """How many; the oldest are those with the least message ids."""
    oldest = connection.execute(_OLDEST, {"limit": limit}).all()
    gone = [row.message_id for row in oldest if row.settles_s < before_s]
    connection.execute(_DELETE, {"ids": gone, "before": before_s})
    return len(gone)


def _status_of(row: dict[str, Any]) -> Status:
    return Status(row["settles_s"], row["message_id"], row["attempt"], row["reason"])

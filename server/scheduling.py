"""The writer's planning step: new batches are stored with their plan; what waits is planned when it is time.

All that wants a plan in one group is planned at once, and the pacer is advanced only after the commit. A
message that may not leave for long (scheduled, tried again tomorrow, customer asleep) waits without a plan:
an account is booked in order, so booked for tomorrow it would stand idle until then.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, bindparam, insert, select, update

from server.clock import Clock
from server.dispatch import pacing
from server.leases import Leases, ask_for_plan
from server.planning import Fleet, Planner, Wanted, close_banned, columns, fleet_from, idle_until
from server.problems import Problem
from server.store.bulk import Bulk
from server.store.contacts import Contact, find_or_add
from server.store.dialects import among
from server.store.tables import IS_QUEUED, IS_WAITING, QUEUED, WAITING, batches, messages
from server.store.writer import Applied
from server.wire import Accepted, Rejected, iso

DEFAULT_ZONE = "UTC"

Row = dict[str, Any]  # a message, by column


@dataclass(frozen=True, slots=True)
class Candidate:
    """A recipient whose request is well-formed; whether they may be written to is seen in the transaction."""

    index: int
    to: str
    phone: str
    zone: str | None
    text: str
    content: int


@dataclass(frozen=True, slots=True)
class Send:
    """A batch to accept. Answer: the JSON of Accepted, or a Problem."""

    template: str
    candidates: Sequence[Candidate]
    rejected: Sequence[Rejected]
    schedule_s: float | None
    key: str | None
    body_digest: bytes | None


@dataclass(frozen=True, slots=True)
class Release:
    """Plan what waits and whose time has come. Answer: how many."""


@dataclass(frozen=True, slots=True)
class Replan:
    """Forget the plan, rebuild the pacer from what was sent, and plan anew. Answer: how many."""


@dataclass(slots=True)
class Batch:
    """A Send on its way through the step."""

    send: Send
    id: str
    rows: list[Row]
    rejected: list[Rejected]
    finish_s: float | None = None
    answer: bytes = b""


class Scheduling:
    """`apply` is the step; `next_id` is that of the first message to come.

    `leases`: where several workers accept, only the one that may plan does; what the others accept waits.
    """

    def __init__(self, planner: Planner, clock: Clock, next_id: int, leases: Leases | None = None) -> None:
        self._planner = planner
        self._clock = clock
        self._ids = count(next_id)
        self._leases = leases

    def apply(self, connection: Connection, requests: Sequence[Send | Release | Replan]) -> Applied:
        now_s = self._clock.now()
        sends = [request for request in requests if isinstance(request, Send)]
        fleet = self._fleet(connection, requests, now_s)
        waiting = _released(connection, now_s) if len(sends) < len(requests) else []
        before = _answered_before(connection, sends)
        fresh = [send for send in sends if send.key not in before and not _is_late(send, now_s)]
        new = self._accept(connection, fresh, now_s)
        ready = [*waiting, *(row for batch in new for row in batch.rows if row["release_s"] <= now_s)]
        booked = _plan(fleet, ready, now_s)
        for batch in new:
            batch.answer = _answer(batch, fleet, now_s)
        _store(connection, new, now_s)
        _move(connection, waiting)
        answer_of = _answers(before, new)
        return Applied(
            [answer_of(one) if isinstance(one, Send) else len(waiting) for one in requests],
            partial(self._committed, fleet, booked, now_s),
        )

    def _fleet(self, connection: Connection, requests: Sequence[object], now_s: float) -> Fleet:
        anew = any(isinstance(request, Replan) for request in requests)
        if self._leases is not None and not self._leases.may_plan(connection):
            if anew:
                ask_for_plan(connection)
            return self._planner.nobody
        if anew:
            connection.execute(_FORGET)
            return fleet_from(connection, self._planner.rules, self._planner.seed, now_s)
        if self._leases is not None:
            close_banned(connection, self._planner.fleet, now_s)
        return self._planner.fleet

    def _committed(self, fleet: Fleet, booked: "Booked | None", now_s: float) -> None:
        if booked is not None:
            fleet.book(booked.wanted, booked.plan, now_s)
        self._planner.fleet = fleet

    def _accept(self, connection: Connection, sends: Sequence[Send], now_s: float) -> list[Batch]:
        zones = {one.phone: one.zone for send in sends for one in send.candidates}
        known = find_or_add(connection, zones)
        return [self._batch(send, known, now_s) for send in _first_of_each_key(sends)]

    def _batch(self, send: Send, known: Mapping[str, Contact], now_s: float) -> Batch:
        batch = Batch(send, secrets.token_hex(8), [], list(send.rejected))
        release_s = send.schedule_s or now_s
        for one in send.candidates:
            contact = known[one.phone]
            if contact.opted_out_s is not None or not contact.consent:
                reason = "no_consent" if contact.opted_out_s is None else "opted_out"
                batch.rejected.append(Rejected(one.index, one.to, "to", reason))
                continue
            batch.rows.append(
                {
                    "id": next(self._ids),
                    "batch_id": batch.id,
                    "contact_id": contact.id,
                    "zone": one.zone or contact.zone or DEFAULT_ZONE,
                    "text": one.text,
                    "content": one.content,
                    "release_s": release_s,
                    "attempt": 1,
                    "status": WAITING,
                    "account_id": None,
                    "due_s": release_s,
                }
            )
        batch.rejected.sort(key=lambda rejected: rejected.index)
        return batch


class Booked(NamedTuple):
    """What the pacer is to be told once it is committed."""

    wanted: pacing.Messages
    plan: pacing.Plan


def _is_late(send: Send, now_s: float) -> bool:
    return send.schedule_s is not None and send.schedule_s < now_s


def _first_of_each_key(sends: Sequence[Send]) -> Iterable[Send]:
    seen: set[str] = set()
    for send in sends:
        if send.key is None:
            yield send
        elif send.key not in seen:
            seen.add(send.key)
            yield send


def _plan(fleet: Fleet, rows: Sequence[Row], now_s: float) -> Booked | None:
    """Give each row its account and due time, or the time when to plan it again.

    None when there is nothing to plan or nobody to send it.
    """
    if not rows or not fleet.open:
        return None
    wanted = columns([Wanted(row["contact_id"], row["zone"], row["content"], 0.0) for row in rows])
    plan = fleet.plan(wanted, now_s)
    again_s = idle_until(fleet, plan, now_s)
    columns_of = zip(rows, plan.account.tolist(), plan.due_s.tolist(), again_s.tolist(), strict=True)
    for row, account, due_s, later_s in columns_of:
        row["finish_s"] = due_s
        if later_s == 0:
            row.update(status=QUEUED, account_id=account, due_s=due_s)
        else:
            row.update(status=WAITING, account_id=None, due_s=later_s)
    return _booked(wanted, plan, again_s == 0)


def _booked(wanted: pacing.Messages, plan: pacing.Plan, taken: NDArray[np.bool_]) -> Booked:
    names = ("customer", "zone", "content", "consent", "release_s")
    return Booked(
        pacing.Messages(**{name: getattr(wanted, name)[taken] for name in names}),
        pacing.Plan(plan.account[taken], plan.due_s[taken]),
    )


def _answer(batch: Batch, fleet: Fleet, now_s: float) -> bytes:
    batch.finish_s = _finish_s(batch.rows, fleet, now_s)
    return msgspec.json.encode(Accepted(batch.id, len(batch.rows), batch.rejected, iso(batch.finish_s)))


def _finish_s(rows: Sequence[Row], fleet: Fleet, now_s: float) -> float | None:
    """When the last of them is due; of scheduled ones, were they planned today; None when nobody can tell."""
    if not rows or not fleet.open:
        return None
    if "finish_s" in rows[0]:
        return float(max(row["finish_s"] for row in rows))
    wanted = [Wanted(row["contact_id"], row["zone"], row["content"], row["release_s"]) for row in rows]
    return float(fleet.plan(columns(wanted), now_s).due_s.max())


def _answered_before(connection: Connection, sends: Sequence[Send]) -> dict[str | None, Any]:
    """(body digest, answer) of the idempotency keys already used, by key."""
    keys = [send.key for send in sends if send.key is not None]
    if not keys:
        return {}
    rows = connection.execute(_ANSWERED, {"keys": keys})
    return {key: (digest, answer) for key, digest, answer in rows}


def _answers(before: Mapping[str | None, Any], new: Sequence[Batch]) -> Any:
    """The answer to a Send: its own batch's, or that of the first request with its key."""
    own = {id(batch.send): batch.answer for batch in new}
    keyed: dict[str | None, Any] = {
        **before,
        **{batch.send.key: (batch.send.body_digest, batch.answer) for batch in new if batch.send.key},
    }

    def answer(send: Send) -> bytes | Problem:
        if id(send) in own:
            return own[id(send)]
        if send.key not in keyed:
            return Problem(422, "lies in the past; leave it out to send at once", "schedule")
        digest, first = keyed[send.key]
        if digest == send.body_digest:
            return bytes(first)
        return Problem(409, "this key was used for another body; use a new key for it", "Idempotency-Key")

    return answer


def _released(connection: Connection, now_s: float) -> list[Row]:
    query = (
        select(messages.c.id, messages.c.batch_id, messages.c.contact_id, messages.c.zone, messages.c.content)
        .where(messages.c.status == IS_WAITING, messages.c.due_s <= now_s)
        .order_by(messages.c.due_s, messages.c.id)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def _store(connection: Connection, new: Sequence[Batch], now_s: float) -> None:
    if not new:
        return
    _INSERT_BATCH.execute(connection, [_batch_row(batch, now_s) for batch in new])
    _INSERT.execute(connection, [row for batch in new for row in batch.rows])


def _batch_row(batch: Batch, now_s: float) -> Row:
    send = batch.send
    return {
        "id": batch.id,
        "created_s": now_s,
        "schedule_s": send.schedule_s,
        "finish_s": batch.finish_s,
        "template": send.template,
        "idempotency_key": send.key,
        "body_digest": send.body_digest,
        "answer": batch.answer if send.key else None,
    }


def _move(connection: Connection, waiting: Sequence[Row]) -> None:
    """Waiting messages that now have a plan, or another time to wait for."""
    moved = [
        {"key": row["id"], "state": row["status"], "account": row["account_id"], "due": row["due_s"]}
        for row in waiting
        if "finish_s" in row
    ]
    _MOVE.execute(connection, moved)
    finish_s: dict[str, float] = {}
    for row in waiting:
        if "finish_s" in row:
            finish_s[row["batch_id"]] = max(row["finish_s"], finish_s.get(row["batch_id"], 0.0))
    _EXPECT.execute(connection, [{"key": key, "at": at_s} for key, at_s in finish_s.items()])


_ANSWERED = select(batches.c.idempotency_key, batches.c.body_digest, batches.c.answer).where(
    among(batches.c.idempotency_key, "keys")
)
_FORGET = (
    update(messages)
    .where(messages.c.status == IS_QUEUED)
    .values(status=WAITING, account_id=None, due_s=messages.c.release_s)
)
_MOVE = Bulk(
    update(messages)
    .where(messages.c.id == bindparam("key"))
    .values(status=bindparam("state"), account_id=bindparam("account"), due_s=bindparam("due"))
)
# Of a batch that nobody could plan when it was accepted.
_EXPECT = Bulk(
    update(batches)
    .where(batches.c.id == bindparam("key"), batches.c.finish_s.is_(None))
    .values(finish_s=bindparam("at"))
)
_COLUMNS = (
    "id",
    "batch_id",
    "contact_id",
    "zone",
    "text",
    "content",
    "release_s",
    "attempt",
    "status",
    "account_id",
    "due_s",
)
_INSERT_BATCH = Bulk(insert(batches))
_INSERT = Bulk(insert(messages).values({name: bindparam(name) for name in _COLUMNS}))

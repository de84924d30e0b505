"""The writer's steps of a batch that its sender pauses, resumes or cancels.

Each is committed before it is answered, and comes before the claims of its group: from then on the batch's
messages are not claimed. What was claimed before is with the network and takes its course.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, case, exists, null, or_, select, update

from server.clock import Clock
from server.http.problems import Problem
from server.sending.reading import batch_state
from server.store.batches import of_batch
from server.store.tables import (
    CANCELLED,
    IS_QUEUED,
    IS_WAITING,
    PAUSED,
    WAITING,
    batches,
    messages,
)
from server.store.writer import Applied


@dataclass(frozen=True, slots=True)
class Pause:
    """Hold what is not claimed. Answer: Held, or a Problem."""

    batch_id: str


@dataclass(frozen=True, slots=True)
class Resume:
    """Let it go on: its messages wait for a plan. Answer: Held, or a Problem."""

    batch_id: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """Give up for good what is not claimed, retries included. Answer: Held, or a Problem."""

    batch_id: str


class Held(Struct, frozen=True):
    """`state`: of the batch from now on. `changed`: messages held, let go or cancelled; 0 for a repeat."""

    batch_id: str
    state: str
    changed: int


class Holding:
    """`apply` is the step: one request after the other, in the order of arrival."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def apply(self, connection: Connection, requests: Sequence[Pause | Resume | Cancel]) -> Applied:
        now_s = self._clock.now()
        return Applied([_hold(connection, request, now_s) for request in requests])


def _hold(connection: Connection, request: Pause | Resume | Cancel, now_s: float) -> Held | Problem:
    this = batches.c.id == request.batch_id
    batch = connection.execute(select(batches.c.cancelled_s).where(this)).one_or_none()
    if batch is None:
        return Problem(404, "no such batch", "batch_id")
    if batch.cancelled_s is not None and not isinstance(request, Cancel):
        return Problem(409, "this batch was cancelled, which is for good; send it as a new one", "batch_id")
    changed = _change(connection, request, now_s)
    return Held(request.batch_id, batch_state(connection, request.batch_id, now_s), changed)


def _change(connection: Connection, request: Pause | Resume | Cancel, now_s: float) -> int:
    this = batches.c.id == request.batch_id
    if isinstance(request, Pause):
        connection.execute(update(batches).where(this, batches.c.paused_s.is_(None)).values(paused_s=now_s))
        return _pause(connection, request.batch_id)
    if isinstance(request, Resume):
        connection.execute(update(batches).where(this).values(paused_s=None))
        return _resume(connection, request.batch_id, now_s)
    connection.execute(
        update(batches).where(this, batches.c.cancelled_s.is_(None)).values(cancelled_s=now_s, paused_s=None)
    )
    return _cancel(connection, request.batch_id, now_s)


def _pause(connection: Connection, batch_id: str) -> int:
    held = connection.execute(
        update(messages)
        .where(of_batch(batch_id), messages.c.status.in_([IS_WAITING, IS_QUEUED]))
        .values(status=PAUSED, account_id=None, due_s=messages.c.release_s)
    )
    return int(held.rowcount)


def _resume(connection: Connection, batch_id: str, now_s: float) -> int:
    let_go = connection.execute(
        update(messages).where(of_batch(batch_id), messages.c.status == PAUSED).values(status=WAITING)
    )
    if let_go.rowcount:  # if they are planned anew at once, so is when the last of them will be sent
        is_due = or_(batches.c.schedule_s.is_(None), batches.c.schedule_s <= now_s)
        connection.execute(update(batches).where(batches.c.id == batch_id, is_due).values(finish_s=None))
    return int(let_go.rowcount)


def _cancel(connection: Connection, batch_id: str, now_s: float) -> int:
    gone = connection.execute(
        update(messages)
        .where(of_batch(batch_id), messages.c.status.in_([IS_WAITING, IS_QUEUED, PAUSED]))
        .values(status=CANCELLED, reason=CANCELLED, account_id=None, settled_s=now_s)
    )
    return int(gone.rowcount)


def _of_batch(state: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(batches.c.id == messages.c.batch_id, state)


IN_PAUSED_BATCH = _of_batch(batches.c.paused_s.is_not(None))
IN_CANCELLED_BATCH = _of_batch(batches.c.cancelled_s.is_not(None))


def unsent_state(stopped: ColumnElement[bool]) -> ColumnElement[str]:
    """What becomes of a message that is to wait again, with `stopped` true for a customer who said STOP."""
    return case(
        (stopped, CANCELLED), (IN_CANCELLED_BATCH, CANCELLED), (IN_PAUSED_BATCH, PAUSED), else_=WAITING
    )


def unsent_reason(stopped: ColumnElement[bool]) -> ColumnElement[str]:
    """Why it is cancelled, if it is."""
    return case((stopped, "opted_out"), (IN_CANCELLED_BATCH, CANCELLED), else_=null())

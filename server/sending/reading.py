"""The reads: what became of a batch, of the accounts and the tags."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Row, Select, func, select, union_all

from server.dispatch import pacing
from server.http.problems import Problem
from server.store.batches import of_batch
from server.store.hourly import SENDS
from server.store.tables import (
    CANCELLED,
    DELIVERED,
    FAILED,
    PAUSED,
    QUEUED,
    SENDING,
    SENT,
    WAITING,
    accounts,
    attempts,
    batches,
    hourly_sends,
    inbound,
    messages,
)
from server.wire import iso

HOUR_S, DAY_S = 3600.0, 86_400.0
STATES = (QUEUED, SENDING, SENT, DELIVERED, FAILED, CANCELLED)
OPEN_STATES = (QUEUED, SENDING, SENT)


class BatchProgress(Struct, frozen=True):
    """`counts`: every accepted message in exactly one state; `failures`: failed attempts by reason.

    `state`: scheduled, running, paused, cancelled or done; `counts` tells what is still under way.
    `expected_finish`: as planned when it was accepted or resumed; null while paused, and once cancelled.
    """

    batch_id: str
    state: str
    created: str | None
    schedule: str | None
    accepted: int
    counts: dict[str, int]
    failures: dict[str, int]
    retrying: int
    first_send: str | None
    last_send: str | None
    expected_finish: str | None

    @property
    def ended(self) -> bool:
        """Whether nothing will change any more."""
        return not any(self.counts[state] for state in OPEN_STATES)


class AccountState(Struct, frozen=True):
    index: int
    key: str
    open: bool
    sent: int
    sent_last_hour: int
    sent_last_day: int
    warming_up: bool
    first_send: str | None


class Sends(Struct, frozen=True):
    """Attempts handed to the network, of a batch or of all."""

    count: int
    first_s: float | None
    last_s: float | None
    failures: dict[str, int]
    retrying: int


def batch_progress(connection: Connection, batch_id: str, now_s: float) -> BatchProgress:
    """Problem 404 for a batch that does not exist."""
    batch = connection.execute(select(batches).where(batches.c.id == batch_id)).one_or_none()
    if batch is None:
        raise Problem(404, "no such batch", "batch_id")
    counts = _states(connection, of_batch(batch_id))
    sends = _sends(connection, of_batch(batch_id))
    state = _state(batch, counts, now_s)
    return BatchProgress(
        batch_id=batch_id,
        state=state,
        created=iso(batch.created_s),
        schedule=iso(batch.schedule_s),
        accepted=sum(counts.values()),
        counts=counts,
        failures=sends.failures,
        retrying=sends.retrying,
        first_send=iso(sends.first_s),
        last_send=iso(sends.last_s),
        expected_finish=None if state in ("paused", "cancelled") else iso(batch.finish_s),
    )


def newest_batches(connection: Connection, now_s: float, limit: int) -> list[BatchProgress]:
    """The latest first."""
    newest = select(batches.c.id).order_by(batches.c.created_s.desc(), batches.c.id).limit(limit)
    return [batch_progress(connection, key, now_s) for key in connection.execute(newest).scalars()]


def batch_state(connection: Connection, batch_id: str, now_s: float) -> str:
    """`BatchProgress.state` of a batch that exists."""
    batch = connection.execute(select(batches).where(batches.c.id == batch_id)).one()
    return _state(batch, _states(connection, of_batch(batch_id)), now_s)


def _state(batch: Row[Any], counts: Mapping[str, int], now_s: float) -> str:
    is_open = any(counts[state] for state in OPEN_STATES)
    if batch.cancelled_s is not None and (is_open or counts[CANCELLED]):
        return "cancelled"
    if not is_open:
        return "done"
    if batch.paused_s is not None:
        return "paused"
    return "scheduled" if batch.schedule_s is not None and batch.schedule_s > now_s else "running"


def account_states(connection: Connection, rules: pacing.Rules, now_s: float) -> list[AccountState]:
    hour = sent_by_account(connection, now_s - HOUR_S)
    day = sent_by_account(connection, now_s - DAY_S)
    ever = _sent_ever(connection)
    return [
        AccountState(
            index=row.id,
            key=key_of(row.id),
            open=row.closed_s is None,
            sent=ever.get(row.id, 0),
            sent_last_hour=hour.get(row.id, 0),
            sent_last_day=day.get(row.id, 0),
            warming_up=row.first_send_s is None or now_s < row.first_send_s + rules.warm_up_days * DAY_S,
            first_send=iso(row.first_send_s),
        )
        for row in connection.execute(select(accounts).order_by(accounts.c.id))
    ]


def key_of(account: int) -> str:
    """The name of an account."""
    return f"account-{account:03d}"


def latest_s(connection: Connection) -> float:
    """The last moment on record (Unix seconds; 0: none): a clock must not start before it."""
    moments = (messages.c.sent_s, messages.c.settled_s, batches.c.created_s, inbound.c.received_s)
    found = [connection.execute(select(func.max(moment))).scalar() for moment in moments]
    return max((at_s for at_s in found if at_s is not None), default=0.0)


def _states(connection: Connection, *only: ColumnElement[bool]) -> dict[str, int]:
    query = select(messages.c.status, func.count()).where(*only).group_by(messages.c.status)
    found: Mapping[str, int] = {row[0]: row[1] for row in connection.execute(query)}
    counts = {state: found.get(state, 0) for state in STATES}
    # To its sender, a message without a plan is queued too.
    counts[QUEUED] += found.get(WAITING, 0) + found.get(PAUSED, 0)
    return counts


def _sends(connection: Connection, *only: ColumnElement[bool]) -> Sends:
    before = select(attempts.c.sent_s, attempts.c.reason).join_from(attempts, messages).where(*only)
    last = select(messages.c.sent_s, messages.c.reason).where(messages.c.sent_s.is_not(None), *only)
    both = union_all(before, last).subquery()
    query = select(both.c.reason, func.count(), func.min(both.c.sent_s), func.max(both.c.sent_s))
    rows = connection.execute(query.group_by(both.c.reason)).all()
    again = select(func.count()).where(
        messages.c.status.in_([WAITING, PAUSED, QUEUED]), messages.c.attempt > 1
    )
    return Sends(
        count=sum(row[1] for row in rows),
        first_s=min((row[2] for row in rows), default=None),
        last_s=max((row[3] for row in rows), default=None),
        failures={row[0]: row[1] for row in rows if row[0] is not None},
        retrying=_count(connection, again.where(*only)),
    )


def _sent_ever(connection: Connection) -> dict[int, int]:
    query = select(hourly_sends.c.account_id, func.sum(hourly_sends.c.n))
    rows = connection.execute(
        query.where(hourly_sends.c.outcome == SENDS).group_by(hourly_sends.c.account_id)
    )
    return {account: int(n) for account, n in rows}


def sent_by_account(connection: Connection, since_s: float) -> dict[int, int]:
    """Attempts of each account after that moment (Unix seconds)."""
    both = union_all(
        select(messages.c.account_id).where(messages.c.sent_s > since_s),
        select(attempts.c.account_id).where(attempts.c.sent_s > since_s),
    ).subquery()
    query = select(both.c.account_id, func.count()).group_by(both.c.account_id)
    return {row[0]: row[1] for row in connection.execute(query)}


def _count(connection: Connection, query: Select[int]) -> int:
    return connection.execute(query).scalar_one()

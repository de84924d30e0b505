"""The writer's steps of a message's way: claimed, sent, settled; and what a ban or a crash makes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    case,
    exists,
    insert,
    null,
    select,
    update,
)

from server.clock import Clock
from server.dispatch.retries import retry_at
from server.network.emulated import Outbound, Status
from server.sending.holding import IN_CANCELLED_BATCH, unsent_reason, unsent_state
from server.sending.planning import Planner
from server.store.bulk import Bulk
from server.store.dialects import among
from server.store.hourly import SENDS, count_attempts, count_tags
from server.store.queries import Change, Query
from server.store.tables import (
    DELIVERED,
    FAILED,
    IS_QUEUED,
    IS_WAITING,
    SENDING,
    SENT,
    WAITING,
    accounts,
    attempts,
    contacts,
    messages,
)
from server.store.writer import Applied


@dataclass(frozen=True, slots=True)
class Claim:
    """Take at most `limit` messages that are due: they are ours to send. Answer: Claimed.

    Those due more than `late_s` ago are left: their instant is missed, and they need a new plan.
    """

    limit: int
    late_s: float


class Claimed(NamedTuple):
    """What to send, in order of time, and when there will be more (Unix seconds; infinity: not known).

    `missed`: of some message, whoever was to send it, the instant is missed.
    """

    messages: Sequence[Outbound]
    missed: bool
    next_due_s: float
    next_release_s: float


@dataclass(frozen=True, slots=True)
class Sent:
    """The network has accepted these. Answer: None."""

    messages: Sequence[Outbound]


@dataclass(frozen=True, slots=True)
class Settle:
    """The network tells what became of messages; repeats are harmless. Answer: None."""

    statuses: Sequence[Status]


@dataclass(frozen=True, slots=True)
class Recall:
    """Claimed, but the network does not know them: they wait for a plan again. Answer: None."""

    message_ids: Sequence[int]


@dataclass(frozen=True, slots=True)
class Ban:
    """An account is closed and its messages wait for another. Answer: how many; None: no such account."""

    account: int


class Claiming:
    """`worker`: where several send, the one whose accounts these are; None: all accounts are ours."""

    def __init__(self, clock: Clock, worker: int | None = None) -> None:
        self._clock = clock
        self._is_shared = worker is not None
        self._due = Query(_DUE if worker is None else _DUE.where(_owned_by(worker)))
        self._next_due = Query(_NEXT_DUE if worker is None else _NEXT_DUE.where(_owned_by(worker)))

    def apply(self, connection: Connection, requests: Sequence[Claim]) -> Applied:
        """One claimer a group: the dispatcher of this process."""
        (request,) = requests
        now_s = self._clock.now()
        earliest_s = now_s - request.late_s
        rows = self._due.rows(connection, earliest=earliest_s, now=now_s, most=request.limit)
        outbound = list(map(Outbound._make, rows))
        if outbound:
            _CLAIM.run(connection, ids=[one.message_id for one in outbound])
        first_due_s = next_due_s = _or_never(self._next_due.first(connection))
        if self._is_shared:
            first_due_s = _or_never(_FIRST_DUE.first(connection))
        next_release_s = _or_never(_NEXT_RELEASE.first(connection))
        return Applied([Claimed(outbound, first_due_s < earliest_s, next_due_s, next_release_s)])


def _or_never(at_s: float | None) -> float:
    return float("inf") if at_s is None else at_s


def _owned_by(worker: int) -> ColumnElement[bool]:
    """Whether a message is planned on an account of this worker's."""
    return exists().where(accounts.c.id == messages.c.account_id, accounts.c.worker_id == worker)


def record_sent(connection: Connection, requests: Sequence[Sent]) -> Applied:
    """The step for Sent."""
    told = {one.message_id: one for request in requests for one in request.messages}
    due = _CLAIMED.rows(connection, ids=list(told))
    if due:
        sent = [told[key] for key, _ in due]
        ids, _, account, _, sent_s = zip(*sent, strict=True)
        _SENT_WHEN_DUE.run(connection, ids=list(ids))
        otherwise = [
            {"key": key, "at": at_s} for (key, due_s), at_s in zip(due, sent_s, strict=True) if at_s != due_s
        ]
        _SENT.execute(connection, otherwise)
        count_attempts(connection, account, sent_s, [SENDS] * len(sent))
        _begin(connection, sent)
    return Applied([None] * len(requests))


def _begin(connection: Connection, sent: Sequence[Outbound]) -> None:
    """Note the first send of accounts that had none."""
    never = {key for (key,) in _NEVER_SENT.rows(connection)}
    first: dict[int, float] = {}
    for one in sent if never else ():
        if one.account in never:
            first[one.account] = min(one.sent_s, first.get(one.account, one.sent_s))
    _FIRST_SEND.execute_columns(connection, key=first.keys(), at=first.values())


class Settling:
    """`apply` is the step for Settle: delivered, failed for good, or to be tried again (C028)."""

    def __init__(self, retry_after_s: float, retries: int) -> None:
        self._retry_after_s = retry_after_s
        self._retries = retries

    def apply(self, connection: Connection, requests: Sequence[Settle]) -> Applied:
        told = {(one.message_id, one.attempt): one for request in requests for one in request.statuses}
        if awaited := _awaited(connection, told):
            statuses, account, sent_s = zip(*awaited, strict=True)
            self._settle(connection, statuses)
            outcomes = [one.reason or DELIVERED for one in statuses]
            count_attempts(connection, account, sent_s, outcomes)
            count_tags(connection, [one.message_id for one in statuses], sent_s, outcomes)
        return Applied([None] * len(requests))

    def _settle(self, connection: Connection, statuses: Sequence[Status]) -> None:
        final: list[Status] = []
        again: list[dict[str, Any]] = []
        for one in statuses:
            retry_s = self._retry_s(one)
            if retry_s is None:
                final.append(one)
            else:
                row = {"key": one.message_id, "nth": one.attempt, "at": one.settled_s, "why": one.reason}
                again.append({**row, "retry": retry_s})
        if final:
            settled_s, ids, _, reason = zip(*final, strict=True)
            state = [DELIVERED if why is None else FAILED for why in reason]
            _FINAL.execute_columns(connection, key=ids, state=state, why=reason, at=settled_s)
        if again:
            connection.execute(_KEEP_ATTEMPT, again)
            connection.execute(_TRY_AGAIN, again)

    def _retry_s(self, status: Status) -> float | None:
        if status.reason is None:
            return None
        return retry_at(
            status.reason,
            status.settled_s,
            status.attempt,
            retry_after_s=self._retry_after_s,
            retries=self._retries,
        )


def _awaited(
    connection: Connection, told: Mapping[tuple[int, int], Status]
) -> list[tuple[Status, int, float]]:
    """Of these statuses, by message and attempt, those not recorded yet; with account and time of send."""
    rows = _ON_THE_WAY.rows(connection, ids=[message for message, _ in told]) if told else ()
    return [
        (status, account, sent_s)
        for message, attempt, account, sent_s in rows
        if (status := told.get((message, attempt))) is not None
    ]


def recall(connection: Connection, requests: Sequence[Recall]) -> Applied:
    """The step for Recall; whoever said STOP meanwhile, or whose batch was cancelled, gets nothing."""
    ids = [{"key": key} for request in requests for key in request.message_ids]
    _RECALL.execute(connection, ids)
    return Applied([None] * len(requests))


class Banning:
    """`apply` is the step for Ban; it must come after the planning of the same group."""

    def __init__(self, planner: Planner, clock: Clock) -> None:
        self._planner = planner
        self._clock = clock

    def apply(self, connection: Connection, requests: Sequence[Ban]) -> Applied:
        answers = [self._unplan(connection, request.account) for request in requests]
        closed = [one.account for one, answer in zip(requests, answers, strict=True) if answer is not None]
        # Not before: what another worker was claiming has been waited for, and left before the ban.
        now_s = self._clock.now()
        still_open = accounts.c.id.in_(closed) & accounts.c.closed_s.is_(None)
        connection.execute(update(accounts).where(still_open).values(closed_s=now_s))
        return Applied(answers, partial(self._committed, closed, now_s))

    def _unplan(self, connection: Connection, account: int) -> int | None:
        """How many of its messages wait for another account now; None: there is no such account."""
        if not connection.execute(select(accounts.c.id).where(accounts.c.id == account)).all():
            return None
        unplanned = connection.execute(
            update(messages)
            .where(messages.c.account_id == account, messages.c.status == IS_QUEUED)
            .values(status=WAITING, account_id=None, due_s=messages.c.release_s)
        )
        return int(unplanned.rowcount)

    def _committed(self, closed: Sequence[int], now_s: float) -> None:
        for account in closed:
            self._planner.fleet.close(account, now_s)


_DUE = (
    select(messages.c.id, messages.c.attempt, messages.c.account_id, contacts.c.phone, messages.c.due_s)
    .join_from(messages, contacts)
    .where(
        messages.c.status == IS_QUEUED,
        messages.c.due_s >= bindparam("earliest"),
        messages.c.due_s <= bindparam("now"),
    )
    .order_by(messages.c.due_s)
    .limit(bindparam("most"))
)
_CLAIM = Change(update(messages).where(among(messages.c.id, "ids")).values(status=SENDING))
_NEXT_DUE = select(messages.c.due_s).where(messages.c.status == IS_QUEUED).order_by(messages.c.due_s).limit(1)
_FIRST_DUE = Query(_NEXT_DUE)
_NEXT_RELEASE = Query(
    select(messages.c.due_s).where(messages.c.status == IS_WAITING).order_by(messages.c.due_s).limit(1)
)
_CLAIMED = Query(
    select(messages.c.id, messages.c.due_s).where(among(messages.c.id, "ids"), messages.c.status == SENDING)
)
_ON_THE_WAY = Query(
    select(messages.c.id, messages.c.attempt, messages.c.account_id, messages.c.sent_s).where(
        among(messages.c.id, "ids"), messages.c.status == SENT
    )
)
_SENT_WHEN_DUE = Change(
    update(messages).where(among(messages.c.id, "ids")).values(status=SENT, sent_s=messages.c.due_s)
)
_SENT = Bulk(
    update(messages).where(messages.c.id == bindparam("key")).values(status=SENT, sent_s=bindparam("at"))
)
_NEVER_SENT = Query(select(accounts.c.id).where(accounts.c.first_send_s.is_(None)))
_FIRST_SEND = Bulk(
    update(accounts)
    .where(accounts.c.id == bindparam("key"), accounts.c.first_send_s.is_(None))
    .values(first_send_s=bindparam("at"))
)
_FINAL = Bulk(
    update(messages)
    .where(messages.c.id == bindparam("key"))
    .values(status=bindparam("state"), reason=bindparam("why"), settled_s=bindparam("at"))
)
_THIS_ATTEMPT = (
    messages.c.id == bindparam("key"),
    messages.c.attempt == bindparam("nth"),
    messages.c.status == SENT,
)
_KEEP_ATTEMPT = insert(attempts).from_select(
    ["message_id", "attempt", "account_id", "sent_s", "settled_s", "reason"],
    select(
        messages.c.id,
        messages.c.attempt,
        messages.c.account_id,
        messages.c.sent_s,
        bindparam("at"),
        bindparam("why"),
    ).where(*_THIS_ATTEMPT),
)
_STOPPED = exists().where(contacts.c.id == messages.c.contact_id, contacts.c.opted_out_s.is_not(None))
_TRY_AGAIN = (
    update(messages)
    .where(*_THIS_ATTEMPT)
    .values(
        status=unsent_state(_STOPPED),
        reason=unsent_reason(_STOPPED),
        settled_s=case((_STOPPED | IN_CANCELLED_BATCH, bindparam("at")), else_=null()),
        attempt=messages.c.attempt + 1,
        release_s=bindparam("retry"),
        due_s=bindparam("retry"),
        account_id=None,
        sent_s=None,
    )
)
_RECALL = Bulk(
    update(messages)
    .where(messages.c.id == bindparam("key"), messages.c.status == SENDING)
    .values(
        status=unsent_state(_STOPPED),
        reason=unsent_reason(_STOPPED),
        account_id=None,
        due_s=messages.c.release_s,
    )
)

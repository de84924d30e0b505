"""The writer's step for what customers write: decided, and durable, before it is answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, bindparam, func, insert, select, update

from server.clock import Clock
from server.dispatch.consent import is_opt_out
from server.dispatch.replies import Rulebook, decide
from server.store.bulk import Bulk
from server.store.contacts import find_or_add
from server.store.dialects import among
from server.store.ids import Ids
from server.store.tables import (
    CANCELLED,
    IS_ANSWERED,
    IS_QUEUED,
    IS_WAITING,
    PAUSED,
    contacts,
    inbound,
    messages,
)
from server.store.writer import Applied
from server.wire import Answered

HOUR_S = 3600.0
OPTED_OUT: Literal["opted_out"] = "opted_out"


@dataclass(frozen=True, slots=True)
class Inbound:
    """One customer message; `message_id` makes it count once. Answer: the JSON of Answered."""

    phone: str
    text: str
    message_id: str | None


@dataclass(frozen=True, slots=True)
class Close:
    """The person is done: the conversation is automatic again. Answer: whether a person had it."""

    phone: str


@dataclass(slots=True)
class _Customer:
    """A contact as the messages of this group leave it."""

    id: int
    with_human: bool
    answers: int  # automatic ones in the last hour


class Replying:
    """`apply` is the step; `ids` numbers the inbound messages."""

    def __init__(self, rulebook: Rulebook, clock: Clock, ids: Ids) -> None:
        self._rulebook = rulebook
        self._clock = clock
        self._ids = ids

    def apply(self, connection: Connection, requests: Sequence[Inbound]) -> Applied:
        now_s = self._clock.now()
        answers = _answered_before(connection, requests)
        customers = _customers(connection, requests, now_s)
        rows: list[dict[str, Any]] = []
        given: list[bytes] = []
        numbers = self._ids.begin(connection)
        for request in requests:
            answer = answers.get(request.message_id) if request.message_id is not None else None
            if answer is None:
                row = self._decide(request, customers[request.phone], next(numbers), now_s)
                rows.append(row)
                answer = row["answer"]
                if request.message_id is not None:
                    answers[request.message_id] = answer
            given.append(answer)
        _store(connection, rows, now_s)
        return Applied(given)

    def _decide(self, request: Inbound, customer: _Customer, key: int, now_s: float) -> dict[str, Any]:
        answer = self._answer(request.text, customer, key)
        if answer.action == "answered":
            customer.answers += 1
        customer.with_human = answer.conversation == "human"
        return {
            "id": key,
            "message_id": request.message_id,
            "contact_id": customer.id,
            "received_s": now_s,
            "text": request.text,
            "action": answer.action,
            "answer": msgspec.json.encode(answer),
        }

    def _answer(self, text: str, customer: _Customer, key: int) -> Answered:
        """STOP is heard whoever holds the conversation, and leaves it where it is."""
        if is_opt_out(text):
            return Answered(OPTED_OUT, None, None, 0.0, "human" if customer.with_human else "automatic")
        decision = decide(
            self._rulebook,
            text,
            recent_answers=customer.answers,
            with_human=customer.with_human,
            key=key,
        )
        held = customer.with_human or decision.action == "escalated"
        return Answered(
            decision.action,
            decision.intent,
            decision.answer,
            round(decision.delay_s, 3),
            "human" if held else "automatic",
        )


def _answered_before(connection: Connection, requests: Sequence[Inbound]) -> dict[str, bytes]:
    """Answers already given, by the senders' message ids."""
    ids = [request.message_id for request in requests if request.message_id is not None]
    if not ids:
        return {}
    return {row[0]: row[1] for row in connection.execute(_ANSWERED, {"ids": ids})}


def _customers(connection: Connection, requests: Sequence[Inbound], now_s: float) -> dict[str, _Customer]:
    phones = {request.phone for request in requests}
    rows = connection.execute(_CUSTOMERS, {"phones": list(phones), "since": now_s - HOUR_S})
    customers = {phone: _Customer(key, held_s is not None, answers) for phone, key, held_s, answers in rows}
    new = find_or_add(connection, dict.fromkeys(phones - customers.keys()), now_s)
    return customers | {phone: _Customer(one.id, with_human=False, answers=0) for phone, one in new.items()}


def _store(connection: Connection, rows: Sequence[dict[str, Any]], now_s: float) -> None:
    if not rows:
        return
    _INSERT.execute(connection, rows)
    stopped = [{"who": row["contact_id"], "at": now_s} for row in rows if row["action"] == OPTED_OUT]
    if stopped:
        connection.execute(_OPT_OUT, stopped)
        connection.execute(_CANCEL, stopped)
    held = [{"who": row["contact_id"], "at": now_s} for row in rows if row["action"] == "escalated"]
    if held:
        connection.execute(_HAND_OVER, held)


def close(connection: Connection, requests: Sequence[Close]) -> Applied:
    """The step for Close."""
    phones = [request.phone for request in requests]
    held = set(connection.execute(_HELD, {"phones": phones}).scalars())
    if held:
        connection.execute(_LET_GO, {"phones": sorted(held)})
    return Applied([phone in held for phone in phones])


_ANSWERED = select(inbound.c.message_id, inbound.c.answer).where(among(inbound.c.message_id, "ids"))
_RECENT = (
    select(func.count())
    .where(
        inbound.c.contact_id == contacts.c.id,
        inbound.c.received_s > bindparam("since"),
        inbound.c.action == IS_ANSWERED,
    )
    .scalar_subquery()
)
_CUSTOMERS = select(contacts.c.phone, contacts.c.id, contacts.c.with_human_s, _RECENT).where(
    among(contacts.c.phone, "phones")
)
_HELD = select(contacts.c.phone).where(
    among(contacts.c.phone, "phones"), contacts.c.with_human_s.is_not(None)
)
_LET_GO = update(contacts).where(among(contacts.c.phone, "phones")).values(with_human_s=None)
_INSERT = Bulk(insert(inbound))
_OPT_OUT = (
    update(contacts)
    .where(contacts.c.id == bindparam("who"), contacts.c.opted_out_s.is_(None))
    .values(opted_out_s=bindparam("at"))
)
_CANCEL = (
    update(messages)
    .where(messages.c.contact_id == bindparam("who"), messages.c.status.in_([IS_WAITING, PAUSED, IS_QUEUED]))
    .values(status=CANCELLED, reason=OPTED_OUT, settled_s=bindparam("at"))
)
_HAND_OVER = (
    update(contacts)
    .where(contacts.c.id == bindparam("who"), contacts.c.with_human_s.is_(None))
    .values(with_human_s=bindparam("at"))
)

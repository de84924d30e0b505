"""The writer's step for what customers write: decided, and durable, before it is answered."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import msgspec
from sqlalchemy import Connection, bindparam, func, insert, select, update

from server.clock import Clock
from server.conversations.handing_over import HandingOver, Held, Reason
from server.dispatch.answers import GUIDE_AFTER_S, Extras, Known, staged, with_extras
from server.dispatch.consent import is_opt_out
from server.dispatch.content import words_of
from server.dispatch.replies import Decision, Rulebook, decide
from server.dispatch.routing import Teams
from server.dispatch.sentiment import Phrases, is_negative, is_urgent, next_run
from server.store.bulk import Bulk, insert_of
from server.store.contacts import find_or_add
from server.store.dialects import among
from server.store.hourly import count_keywords
from server.store.ids import Ids
from server.store.queries import Change, Query
from server.store.tables import (
    CANCELLED,
    IS_ANSWERED,
    IS_PAUSED,
    IS_QUEUED,
    IS_WAITING,
    contacts,
    inbound,
    messages,
    said,
)
from server.store.writer import Applied
from server.wire import Answered

HOUR_S = 3600.0
STOP_WEIGHT = 1_000  # rows, roughly: it looks through all that is on its way, which is not for the event loop
OPTED_OUT: Literal["opted_out"] = "opted_out"
RULES = "rules"  # the author of a guide


@dataclass(frozen=True, slots=True)
class Inbound:
    """One customer message; `message_id` makes it count once. Answer: the JSON of Answered."""

    phone: str
    text: str
    message_id: str | None
    is_stop: bool  # a wish to hear no more

    @property
    def weight(self) -> int:
        """Of its part of a transaction, in rows, roughly."""
        return STOP_WEIGHT if self.is_stop else 1


def heard(phone: str, text: str, message_id: str | None = None) -> Inbound:
    """A message from this number (E.164)."""
    return Inbound(phone, text, message_id, is_opt_out(text))


class Policy(NamedTuple):
    """What the scenario says of answers. `guides` by intent; `known` gives what a contact lately did."""

    rulebook: Rulebook
    guides: Mapping[str, str]
    extras: Extras
    negative: Phrases
    teams: Teams
    known: Callable[[int], Known]


@dataclass(slots=True)
class _Customer:
    """A contact as the messages of this group leave it."""

    id: int
    with_human: bool
    answers: int  # automatic ones in the last hour
    negatives: int  # messages in a row
    guided: set[str]  # intents whose guides were promised or said in the last hour


@dataclass(slots=True)
class _Group:
    """What a group of messages brings about, until it is stored."""

    now_s: float
    handing_over: HandingOver
    rows: list[dict[str, Any]] = field(default_factory=list)
    guides: list[dict[str, Any]] = field(default_factory=list)
    asked_again: list[dict[str, Any]] = field(default_factory=list)
    keywords: list[str] = field(default_factory=list)  # met by a message
    moods: dict[int, int] = field(default_factory=dict)  # negative messages in a row, where that changed


class Replying:
    """`apply` is the step; `ids` numbers the inbound messages."""

    def __init__(self, policy: Policy, clock: Clock, ids: Ids) -> None:
        self._policy = policy
        self._clock = clock
        self._ids = ids

    def apply(self, connection: Connection, requests: Sequence[Inbound]) -> Applied:
        now_s = self._clock.now()
        answers = _answered_before(connection, requests)
        customers = _customers(connection, requests, now_s, guided=bool(self._policy.guides))
        held = [one.id for one in customers.values() if one.with_human]
        group = _Group(now_s, HandingOver(connection, self._policy.teams, held, now_s))
        given: list[bytes] = []
        numbers = self._ids.begin(connection)
        for request in requests:
            answer = answers.get(request.message_id) if request.message_id is not None else None
            if answer is None:
                answer = self._take(request, customers[request.phone], group, next(numbers))
                if request.message_id is not None:
                    answers[request.message_id] = answer
            given.append(answer)
        _store(connection, group)
        return Applied(given)

    def _take(self, request: Inbound, customer: _Customer, group: _Group, key: int) -> bytes:
        answer = self._answer(request, customer, group, key)
        encoded = msgspec.json.encode(answer)
        if answer.action == "answered":
            customer.answers += 1
        customer.with_human = answer.conversation == "human"
        group.rows.append(
            {
                "id": key,
                "message_id": request.message_id,
                "contact_id": customer.id,
                "received_s": group.now_s,
                "text": request.text,
                "action": answer.action,
                "answer": encoded,
            }
        )
        return encoded

    def _answer(self, request: Inbound, customer: _Customer, group: _Group, key: int) -> Answered:
        """STOP is heard whoever holds the conversation, and leaves it where it is."""
        text = request.text
        if request.is_stop:
            return Answered(OPTED_OUT, None, None, 0.0, "human" if customer.with_human else "automatic")
        urgent = self._is_urgent(text, customer, group)
        if customer.with_human:
            held = group.handing_over.hear(customer.id, text, urgent)
            return Answered("escalated", None, None, 0.0, "human", team=held.team, agent=held.agent)
        decision = decide(
            self._policy.rulebook, text, recent_answers=customer.answers, with_human=False, key=key
        )
        if decision.keyword is not None:
            group.keywords.append(decision.keyword)
        if urgent or decision.action == "escalated":
            reason: Reason = "negative" if urgent else "rule" if decision.answer is not None else "limit"
            return _escalated(decision, group.handing_over.open(customer.id, text, reason))
        if decision.action == "unmatched":
            return Answered("unmatched", None, None, 0.0, "automatic")
        return self._automatic(decision, customer, group)

    def _is_urgent(self, text: str, customer: _Customer, group: _Group) -> bool:
        """Whether this is one negative message too many in a row (C185)."""
        run = next_run(customer.negatives, is_negative(self._policy.negative, words_of(text)))
        if run != customer.negatives:
            customer.negatives = group.moods[customer.id] = run
        return is_urgent(run)

    def _automatic(self, decision: Decision, customer: _Customer, group: _Group) -> Answered:
        intent, short, delay_s = decision.intent or "", decision.answer or "", round(decision.delay_s, 3)
        asked_before = intent in customer.guided
        stage = staged(short, self._policy.guides.get(intent), asked_before=asked_before)
        if stage.then is not None:
            due_s = group.now_s + delay_s + GUIDE_AFTER_S
            group.guides.append(
                {
                    "contact_id": customer.id,
                    "author": RULES,
                    "intent": intent,
                    "text": stage.then,
                    "due_s": due_s,
                }
            )
            customer.guided.add(intent)
        elif asked_before:
            group.asked_again.append({"who": customer.id, "what": intent, "at": group.now_s})
        text = self._with_extras(stage.text, customer, group.now_s)
        return Answered("answered", intent, text, delay_s, "automatic", guide=stage.then)

    def _with_extras(self, text: str, customer: _Customer, now_s: float) -> str:
        extras = self._policy.extras
        if not any(extras):  # spares the look-up
            return text
        return with_extras(text, self._known(customer, now_s), extras, now_s)

    def _known(self, customer: _Customer, now_s: float) -> Known:
        """Who was answered in the last hour was heard of, whether or not the index has it yet."""
        known = self._policy.known(customer.id)
        return known._replace(interacted_s=now_s) if customer.answers else known


def _escalated(decision: Decision, held: Held) -> Answered:
    return Answered(
        "escalated",
        decision.intent,
        decision.answer if held.reason == "rule" else None,
        round(decision.delay_s, 3) if held.reason == "rule" else 0.0,
        "human",
        team=held.team,
        agent=held.agent,
        reason=held.reason,
    )


def _answered_before(connection: Connection, requests: Sequence[Inbound]) -> dict[str, bytes]:
    """Answers already given, by the senders' message ids."""
    ids = [request.message_id for request in requests if request.message_id is not None]
    if not ids:
        return {}
    return {key: bytes(answer) for key, answer in _ANSWERED.rows(connection, ids=ids)}


def _customers(
    connection: Connection, requests: Sequence[Inbound], now_s: float, *, guided: bool
) -> dict[str, _Customer]:
    phones = {request.phone for request in requests}
    rows = _CUSTOMERS.rows(connection, phones=list(phones), since=now_s - HOUR_S)
    customers = {
        phone: _Customer(key, held_s is not None, answers, negatives, set())
        for phone, key, held_s, negatives, answers in rows
    }
    if guided:
        _recall_guides(connection, customers.values(), now_s)
    new = find_or_add(connection, dict.fromkeys(phones - customers.keys()), now_s)
    return customers | {phone: _Customer(one.id, False, 0, 0, set()) for phone, one in new.items()}


def _recall_guides(connection: Connection, customers: Iterable[_Customer], now_s: float) -> None:
    of_id = {customer.id: customer for customer in customers}
    for contact, intent in _GUIDED.rows(connection, contacts=[*of_id], since=now_s - HOUR_S):
        of_id[contact].guided.add(intent)


def _store(connection: Connection, group: _Group) -> None:
    if not group.rows:
        return
    now_s = group.now_s
    _INSERT.execute(connection, group.rows)
    _PROMISE.execute(connection, group.guides)  # before what takes promises back
    stopped = [{"who": row["contact_id"], "at": now_s} for row in group.rows if row["action"] == OPTED_OUT]
    if stopped:
        _OPT_OUT.execute(connection, stopped)
        for cancel in _CANCEL:
            cancel.run(connection, who=[one["who"] for one in stopped], at=now_s)
        _SAY_NO_MORE.execute(connection, stopped)
    held = [{"who": row["contact_id"], "at": now_s} for row in group.rows if row["action"] == "escalated"]
    _HAND_OVER.execute(connection, held)
    _SAY_NO_MORE.execute(connection, held)
    _SUPERSEDE.execute(connection, group.asked_again)
    _MOOD.execute(connection, [{"who": who, "run": run} for who, run in group.moods.items()])
    count_keywords(connection, now_s, group.keywords)
    group.handing_over.store()


_ANSWERED = Query(select(inbound.c.message_id, inbound.c.answer).where(among(inbound.c.message_id, "ids")))
_RECENT = (
    select(func.count())
    .where(
        inbound.c.contact_id == contacts.c.id,
        inbound.c.received_s > bindparam("since"),
        inbound.c.action == IS_ANSWERED,
    )
    .scalar_subquery()
)
_CUSTOMERS = Query(
    select(contacts.c.phone, contacts.c.id, contacts.c.with_human_s, contacts.c.negative_run, _RECENT).where(
        among(contacts.c.phone, "phones")
    )
)
_GUIDED = Query(
    select(said.c.contact_id, said.c.intent).where(
        among(said.c.contact_id, "contacts"), said.c.due_s > bindparam("since"), said.c.author == RULES
    )
)
_INSERT = Bulk(insert(inbound))
_OPT_OUT = Bulk(
    update(contacts)
    .where(contacts.c.id == bindparam("who"), contacts.c.opted_out_s.is_(None))
    .values(opted_out_s=bindparam("at"))
)
# One for each state: so each takes the index of its own.
_CANCEL = [
    Change(
        update(messages)
        .where(messages.c.status == state, among(messages.c.contact_id, "who"))
        .values(status=CANCELLED, reason=OPTED_OUT, settled_s=bindparam("at"))
    )
    for state in (IS_QUEUED, IS_WAITING, IS_PAUSED)
]
_HAND_OVER = Bulk(
    update(contacts)
    .where(contacts.c.id == bindparam("who"), contacts.c.with_human_s.is_(None))
    .values(with_human_s=bindparam("at"))
)
_PROMISED = (said.c.contact_id == bindparam("who"), said.c.said_s.is_(None), said.c.cancelled_s.is_(None))
_TAKE_BACK = update(said).where(*_PROMISED).values(cancelled_s=bindparam("at"))
_SAY_NO_MORE = Bulk(_TAKE_BACK)
_SUPERSEDE = Bulk(_TAKE_BACK.where(said.c.intent == bindparam("what")))
_PROMISE = insert_of(said, "contact_id", "author", "intent", "text", "due_s")
_MOOD = Bulk(update(contacts).where(contacts.c.id == bindparam("who")).values(negative_run=bindparam("run")))

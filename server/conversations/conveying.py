"""What guides and people say, on its way to the customer: given a number, handed over, settled.

As messages are: chosen and committed, handed over under an id of its own, recorded. Who stops in between
hands it over again, and the network takes what it has for the same answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, update

from server.clock import Clock
from server.conversations.replying import OPTED_OUT, RULES
from server.dispatch.routing import Teams
from server.network.answers import Answer, Outcome
from server.network.rules import SERVICE_WINDOW_S
from server.store.contacts import LAST_ACCOUNT
from server.store.tables import accounts, contacts, conversations, inbound, said
from server.store.writer import Applied

MOST = 1_000  # answers in one round
WINDOW_CLOSED = "window_closed"  # the platform's 131047: too long since the customer wrote


@dataclass(frozen=True, slots=True)
class Convey:
    """What was said and is not with the network, with the number that it goes out from. Answer: Answers."""


@dataclass(frozen=True, slots=True)
class Conveyed:
    """The network has these. Answer: None."""

    answers: Sequence[Answer]


@dataclass(frozen=True, slots=True)
class SettleAnswers:
    """The network tells what became of answers; repeats are harmless. Answer: None."""

    outcomes: Sequence[Outcome]


class Conveying:
    """`convey` is the step for Convey."""

    def __init__(self, teams: Teams, clock: Clock) -> None:
        self._teams = teams
        self._clock = clock

    def convey(self, connection: Connection, requests: Sequence[Convey]) -> Applied:
        """Whoever said STOP gets no guide any more; to whom the window is closed, nothing free goes."""
        now_s = self._clock.now()
        still_open = set(connection.execute(_OPEN_ACCOUNTS).scalars())
        given: list[Answer] = []
        for row in connection.execute(_UNSENT, {"most": MOST}).all():
            if (reason := _obstacle(row, now_s)) is not None:
                connection.execute(_SETTLE, {"key": row.id, "at": now_s, "why": reason})
            elif (account := self._account(connection, row, still_open)) is not None:
                connection.execute(_FROM, {"key": row.id, "account": account})
                given.append(Answer(row.id, account, row.phone, now_s))
        return Applied([given] * len(requests))

    def _account(self, connection: Connection, row: Any, still_open: set[int]) -> int | None:
        """The one chosen before; the one that the customer heard from last, if the team answers from it;
        else the team's first open one. None while there is none."""
        team = None if row.author == RULES else connection.execute(_TEAM, {"who": row.contact_id}).scalar()
        ours = self._teams.accounts.get(team or "", ()) or sorted(still_open)
        last = connection.execute(LAST_ACCOUNT, {"who": row.contact_id}).scalar()
        wanted = (row.account_id, last if last in ours else None, *ours)
        return next((one for one in wanted if one in still_open), None)


def settle_answers(connection: Connection, requests: Sequence[SettleAnswers]) -> Applied:
    """The step for SettleAnswers."""
    told = [one for request in requests for one in request.outcomes]
    if told:
        connection.execute(
            _SETTLE, [{"key": one.answer_id, "at": one.settled_s, "why": one.reason} for one in told]
        )
    return Applied([None] * len(requests))


def conveyed(connection: Connection, requests: Sequence[Conveyed]) -> Applied:
    """The step for Conveyed."""
    handed = [one for request in requests for one in request.answers]
    if handed:
        connection.execute(_SENT, [{"key": one.answer_id, "at": one.sent_s} for one in handed])
    return Applied([None] * len(requests))


def is_window_open(connection: Connection, contact: int, now_s: float) -> bool:
    """Whether the customer wrote within the last 24 h, so that anything may be answered."""
    heard_s = connection.execute(_HEARD, {"who": contact}).scalar()
    return heard_s is not None and now_s < heard_s + SERVICE_WINDOW_S


def to_convey(connection: Connection) -> tuple[bool, list[int]]:
    """Whether there is something to hand over; what is with the network and not settled."""
    is_waiting = connection.execute(_UNSENT, {"most": 1}).first() is not None
    return is_waiting, list(connection.execute(_UNDER_WAY, {"most": MOST}).scalars())


def _obstacle(row: Any, now_s: float) -> str | None:
    if row.opted_out_s is not None and row.author == RULES:
        return OPTED_OUT
    if row.heard_s is None or now_s >= row.heard_s + SERVICE_WINDOW_S:
        return WINDOW_CLOSED
    return None


_HEARD_LAST = (
    select(func.max(inbound.c.received_s)).where(inbound.c.contact_id == said.c.contact_id).scalar_subquery()
)
_HEARD = select(func.max(inbound.c.received_s)).where(inbound.c.contact_id == bindparam("who"))
_IS_UNSENT = (said.c.said_s.is_not(None), said.c.sent_s.is_(None), said.c.settled_s.is_(None))
_UNSENT = (
    select(
        said.c.id,
        said.c.contact_id,
        said.c.author,
        said.c.account_id,
        contacts.c.phone,
        contacts.c.opted_out_s,
        _HEARD_LAST.label("heard_s"),
    )
    .join_from(said, contacts, contacts.c.id == said.c.contact_id)
    .where(*_IS_UNSENT)
    .order_by(said.c.said_s)
    .limit(bindparam("most"))
)
_UNDER_WAY = (
    select(said.c.id)
    .where(said.c.sent_s.is_not(None), said.c.settled_s.is_(None))
    .order_by(said.c.sent_s)
    .limit(bindparam("most"))
)
_OPEN_ACCOUNTS = select(accounts.c.id).where(accounts.c.closed_s.is_(None))
_TEAM = select(conversations.c.team).where(
    conversations.c.contact_id == bindparam("who"), conversations.c.closed_s.is_(None)
)
_ONE = said.c.id == bindparam("key")
_FROM = update(said).where(_ONE).values(account_id=bindparam("account"))
_SENT = update(said).where(_ONE, said.c.sent_s.is_(None)).values(sent_s=bindparam("at"))
_SETTLE = (
    update(said)
    .where(_ONE, said.c.settled_s.is_(None))
    .values(settled_s=bindparam("at"), reason=bindparam("why"))
)

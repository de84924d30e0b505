"""The reads of conversations: what waits for agents, and everything said to and by one customer."""

from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, select

from server.conversations.replying import RULES
from server.dispatch.routing import Teams, whole_team_unread
from server.http.problems import Problem
from server.store.tables import (
    DELIVERED,
    FAILED,
    QUEUED,
    SENT,
    contacts,
    conversations,
    inbound,
    messages,
    said,
)
from server.wire import Answered, iso

MOST_LINES = 1_000  # of one history, the latest


class Waiting(Struct, frozen=True):
    """An open conversation. `whole_team_unread`: everybody had it and nobody looked (an alarm).

    `accounts`: those that the team answers from; none: any.
    """

    id: int
    phone: str
    team: str
    agent: str
    claimed: bool
    urgent: bool
    reason: str
    opened: str | None
    unread_since: str | None
    turn_since: str | None
    passes: int
    whole_team_unread: bool
    last_operator: str | None
    accounts: list[int]


class InboxPage(Struct, frozen=True):
    """Urgent ones first, then those unread for longest."""

    conversations: list[Waiting]


class Line(Struct, frozen=True):
    """`author`: the customer's number, `rules`, `campaign`, or an agent.

    `status`: queued, sent, delivered or failed with its `reason`; null for the customer's own, and for what
    `POST /reply` answered.
    """

    at: str | None
    author: str
    text: str
    status: str | None = None
    reason: str | None = None


class History(Struct, frozen=True):
    phone: str
    conversation: Waiting | None
    lines: list[Line]


def inbox(
    connection: Connection, teams: Teams, *, agent: str | None, team: str | None, limit: int
) -> InboxPage:
    query = _OPEN
    if agent is not None:
        query = query.where(conversations.c.agent == agent)
    if team is not None:
        query = query.where(conversations.c.team == team)
    order = (
        conversations.c.urgent.desc(),
        conversations.c.unread_s.is_(None),
        conversations.c.unread_s,
        conversations.c.id,
    )
    rows = connection.execute(query.order_by(*order).limit(limit))
    return InboxPage([_waiting(row, teams) for row in rows])


def _waiting(row: Any, teams: Teams) -> Waiting:
    agents = teams.agents.get(row.team, ())
    return Waiting(
        id=row.id,
        phone=row.phone,
        team=row.team,
        agent=row.agent,
        claimed=row.claimed,
        urgent=row.urgent,
        reason=row.reason,
        opened=iso(row.opened_s),
        unread_since=iso(row.unread_s),
        turn_since=iso(row.turn_s),
        passes=row.passes,
        whole_team_unread=row.unread_s is not None and whole_team_unread(agents, row.passes),
        last_operator=row.last_operator,
        accounts=list(teams.accounts.get(row.team, ())),
    )


def history(connection: Connection, teams: Teams, phone: str) -> History:
    """All that was said with one customer, oldest first; Problem 404 for an unknown one."""
    contact = connection.execute(select(contacts.c.id).where(contacts.c.phone == phone)).scalar()
    if contact is None:
        raise Problem(404, "no such contact", "phone")
    lines = [*_wrote(connection, contact, phone), *_told(connection, contact), *_sent(connection, contact)]
    lines.sort(key=lambda line: line[0])
    held = connection.execute(_OPEN.where(conversations.c.contact_id == contact)).first()
    shown = [line for _, line in lines[-MOST_LINES:]]
    return History(phone, None if held is None else _waiting(held, teams), shown)


Timed = tuple[float, Line]


def _wrote(connection: Connection, contact: int, phone: str) -> list[Timed]:
    """The customer's messages, and the answers that stand with them."""
    query = select(inbound.c.received_s, inbound.c.text, inbound.c.answer).where(
        inbound.c.contact_id == contact
    )
    lines = []
    for at_s, text, encoded in connection.execute(query.order_by(inbound.c.id.desc()).limit(MOST_LINES)):
        answer = msgspec.json.decode(encoded, type=Answered)
        lines.append((at_s, Line(iso(at_s), phone, text)))
        if answer.answer is not None:
            said_s = at_s + answer.delay_s
            lines.append((said_s, Line(iso(said_s), RULES, answer.answer)))
    return lines


def _told(connection: Connection, contact: int) -> list[Timed]:
    query = select(said).where(said.c.contact_id == contact, said.c.said_s.is_not(None))
    return [
        (row.said_s, Line(iso(row.said_s), row.author, row.text, _status(row), row.reason))
        for row in connection.execute(query)
    ]


def _status(row: Any) -> str:
    """Of what a guide or an agent said."""
    if row.settled_s is not None:
        return DELIVERED if row.reason is None else FAILED
    return QUEUED if row.sent_s is None else SENT


def _sent(connection: Connection, contact: int) -> list[Timed]:
    query = select(messages.c.sent_s, messages.c.text, messages.c.status, messages.c.reason).where(
        messages.c.contact_id == contact, messages.c.sent_s.is_not(None)
    )
    return [
        (at_s, Line(iso(at_s), "campaign", text, status, reason))
        for at_s, text, status, reason in connection.execute(query)
    ]


_OPEN = (
    select(conversations, contacts.c.phone)
    .join_from(conversations, contacts)
    .where(conversations.c.closed_s.is_(None))
)

"""The writer's steps for what agents do with conversations, and for turns that time passes on (C110)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, bindparam, insert, select, update

from server.clock import Clock
from server.conversations.conveying import is_window_open
from server.dispatch.routing import Teams, Turn, turn_at
from server.http.problems import Problem
from server.store.bulk import Bulk
from server.store.dialects import among
from server.store.queries import Query
from server.store.tables import contacts, conversations, said
from server.store.writer import Applied

MOST_PASSED = 1_000  # conversations at a time: bounds how long others wait; the rest at the next look

Act = Literal["read", "claim", "release", "answer", "close"]


@dataclass(frozen=True, slots=True)
class Handle:
    """An agent acts on a conversation. Answer: None, or a Problem."""

    conversation: int
    agent: str
    act: Act
    text: str = ""


@dataclass(frozen=True, slots=True)
class Close:
    """The person is done with a customer (E.164). Answer: whether a person had the conversation."""

    phone: str


@dataclass(frozen=True, slots=True)
class PassOn:
    """Give unread conversations whose agents' time is over to the next, MOST_PASSED. Answer: how many."""


@dataclass(frozen=True, slots=True)
class SayDue:
    """The guides whose time has come are said. Answer: how many."""


class Inbox:
    def __init__(self, teams: Teams, clock: Clock, unread_s: float) -> None:
        self._teams = teams
        self._clock = clock
        self._unread_s = unread_s
        self._agents = {agent for agents in teams.agents.values() for agent in agents}

    def handle(self, connection: Connection, requests: Sequence[Handle]) -> Applied:
        now_s = self._clock.now()
        return Applied([self._handle(connection, request, now_s) for request in requests])

    def _handle(self, connection: Connection, request: Handle, now_s: float) -> Problem | None:
        if request.agent not in self._agents:
            return Problem(422, f"no such agent: {request.agent}; the scenario's teams name them", "agent")
        row = connection.execute(_FIND, {"key": request.conversation}).one_or_none()
        if row is None:
            return Problem(404, "no such conversation", "id")
        if row.closed_s is not None:
            return Problem(409, "this conversation is closed", "id")
        if row.claimed and row.agent != request.agent:
            return Problem(409, f"{row.agent} holds this conversation", "agent")
        if request.act == "answer" and not is_window_open(connection, row.contact_id, now_s):
            return Problem(409, "the customer last wrote more than 24 h ago: send a template first", "id")
        connection.execute(_CHANGE, {"key": row.id, **_changed(row, request, now_s)})
        if request.act == "answer":
            connection.execute(insert(said), [_said(row.contact_id, request, now_s)])
        if request.act == "close":
            connection.execute(_LET_GO, {"who": row.contact_id})
        return None

    def close(self, connection: Connection, requests: Sequence[Close]) -> Applied:
        """The conversations are automatic again."""
        phones = [request.phone for request in requests]
        held = set(connection.execute(_HELD, {"phones": phones}).scalars())
        if held:
            connection.execute(_CLOSE, {"phones": sorted(held), "at": self._clock.now()})
            connection.execute(_LET_GO_OF, {"phones": sorted(held)})
        return Applied([phone in held for phone in phones])

    def pass_on(self, connection: Connection, requests: Sequence[PassOn]) -> Applied:
        now_s = self._clock.now()
        moved = 0
        turns = []
        rows = _OVERDUE.rows(connection, before=now_s - self._unread_s, most=MOST_PASSED)
        for key, team, agent, since_s, passes, claimed in rows:
            agents = self._teams.agents.get(team, self._teams.agents[self._teams.last])
            turn = turn_at(agents, Turn(agent, since_s, passes), now_s, self._unread_s)
            changed = turn.agent != agent
            moved += changed
            turns.append(
                {
                    "key": key,
                    "whose": turn.agent,
                    "since": turn.since_s,
                    "count": turn.passes,
                    "locked": bool(claimed) and not changed,
                }
            )
        _TURN.execute(connection, turns)
        return Applied([moved] * len(requests))

    def say_due(self, connection: Connection, requests: Sequence[SayDue]) -> Applied:
        now_s = self._clock.now()
        done = connection.execute(_SAY, {"now": now_s})
        return Applied([done.rowcount] * len(requests))


def _changed(row: Any, request: Handle, now_s: float) -> dict[str, Any]:
    """The columns after the act. Whoever acts has read it, and is the last operator from an answer on."""
    columns = {
        "whose": row.agent,
        "since": row.turn_s,
        "unread": None,
        "locked": row.claimed,
        "operator": row.last_operator,
        "closed": None,
    }
    match request.act:
        case "claim":
            columns.update(whose=request.agent, since=now_s, locked=True)
        case "answer":
            columns.update(whose=request.agent, since=now_s, locked=True, operator=request.agent)
        case "release":
            columns.update(since=now_s, locked=False, unread=now_s)
        case "close":
            columns.update(locked=False, closed=now_s)
        case "read":
            columns.update(whose=request.agent, since=now_s)
    return columns


def _said(contact: int, request: Handle, now_s: float) -> dict[str, Any]:
    return {
        "contact_id": contact,
        "author": request.agent,
        "text": request.text,
        "due_s": now_s,
        "said_s": now_s,
    }


_FIND = select(conversations).where(conversations.c.id == bindparam("key"))
_CHANGE = (
    update(conversations)
    .where(conversations.c.id == bindparam("key"))
    .values(
        agent=bindparam("whose"),
        turn_s=bindparam("since"),
        passes=0,
        unread_s=bindparam("unread"),
        claimed=bindparam("locked"),
        last_operator=bindparam("operator"),
        closed_s=bindparam("closed"),
    )
)
_LET_GO = update(contacts).where(contacts.c.id == bindparam("who")).values(with_human_s=None)
_IS_UNREAD = (conversations.c.closed_s.is_(None), conversations.c.unread_s.is_not(None))
_OVERDUE = Query(
    select(
        conversations.c.id,
        conversations.c.team,
        conversations.c.agent,
        conversations.c.turn_s,
        conversations.c.passes,
        conversations.c.claimed,
    )
    .where(*_IS_UNREAD, conversations.c.turn_s <= bindparam("before"))
    .order_by(conversations.c.turn_s)
    .limit(bindparam("most"))
)
_TURN = Bulk(
    update(conversations)
    .where(conversations.c.id == bindparam("key"))
    .values(
        agent=bindparam("whose"),
        turn_s=bindparam("since"),
        passes=bindparam("count"),
        claimed=bindparam("locked"),
    )
)
_SAY = (
    update(said)
    .where(said.c.said_s.is_(None), said.c.cancelled_s.is_(None), said.c.due_s <= bindparam("now"))
    .values(said_s=bindparam("now"))
)
_HELD = select(contacts.c.phone).where(
    among(contacts.c.phone, "phones"), contacts.c.with_human_s.is_not(None)
)
_LET_GO_OF = update(contacts).where(among(contacts.c.phone, "phones")).values(with_human_s=None)
_CLOSE = (
    update(conversations)
    .where(
        conversations.c.closed_s.is_(None),
        conversations.c.contact_id.in_(select(contacts.c.id).where(among(contacts.c.phone, "phones"))),
    )
    .values(closed_s=bindparam("at"))
)

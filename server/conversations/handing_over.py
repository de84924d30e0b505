"""Conversations that go to a person: opened with a team and an agent, and marked unread with each message."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, bindparam, func, select, update

from server.dispatch.routing import Teams, least_loaded, team_of
from server.store.bulk import Bulk, insert_of
from server.store.dialects import among
from server.store.queries import Query
from server.store.tables import conversations

Reason = Literal["rule", "limit", "negative"]  # a rule says so; too many answers in an hour; negative words


@dataclass(slots=True)
class Held:
    """An open conversation as the messages of this group leave it. `id` None: opened by this group."""

    id: int | None
    contact: int
    team: str
    agent: str
    reason: Reason
    urgent: bool
    unread: bool
    heard: bool = False  # in this group


class HandingOver:
    """The open conversations of the contacts of one group of messages; `store` writes what became of them."""

    def __init__(
        self, connection: Connection, teams: Teams, contacts_held: Sequence[int], now_s: float
    ) -> None:
        self._connection = connection
        self._teams = teams
        self._now_s = now_s
        self._held = _open(connection, contacts_held) if contacts_held else {}
        self._loads: dict[str, int] | None = None

    def open(self, contact: int, text: str, reason: Reason) -> Held:
        """A person must answer: the team by the words of the message, its least loaded agent."""
        team = team_of(self._teams, text)
        if self._loads is None:
            self._loads = dict(_LOADS.rows(self._connection))
        agent = least_loaded(self._teams.agents[team], self._loads)
        self._loads[agent] = self._loads.get(agent, 0) + 1
        held = Held(None, contact, team, agent, reason, reason == "negative", unread=True, heard=True)
        self._held[contact] = held
        return held

    def hear(self, contact: int, text: str, urgent: bool) -> Held:
        """A further message in a conversation that a person holds."""
        held = self._held.get(contact)
        if held is None:  # held since before there were inboxes
            return self.open(contact, text, "rule")
        held.heard = True
        held.urgent = held.urgent or urgent
        return held

    def store(self) -> None:
        heard = [held for held in self._held.values() if held.heard]
        _OPENED.execute(self._connection, [self._row(held) for held in heard if held.id is None])
        for held in heard:
            if held.id is not None:
                values = {"key": held.id, "is_urgent": held.urgent}
                if held.unread:
                    _HEARD_AGAIN.execute(self._connection, [values])
                else:
                    _HEARD.execute(self._connection, [{**values, "now": self._now_s}])

    def _row(self, held: Held) -> dict[str, Any]:
        return {
            "contact_id": held.contact,
            "team": held.team,
            "agent": held.agent,
            "turn_s": self._now_s,
            "passes": 0,
            "claimed": False,
            "urgent": held.urgent,
            "reason": held.reason,
            "opened_s": self._now_s,
            "unread_s": self._now_s,
        }


def _open(connection: Connection, contacts: Sequence[int]) -> dict[int, Held]:
    return {
        contact: Held(key, contact, team, agent, reason, bool(urgent), unread_s is not None)
        for key, contact, team, agent, reason, urgent, unread_s in _OPEN.rows(
            connection, contacts=list(contacts)
        )
    }


_OPEN = Query(
    select(
        conversations.c.id,
        conversations.c.contact_id,
        conversations.c.team,
        conversations.c.agent,
        conversations.c.reason,
        conversations.c.urgent,
        conversations.c.unread_s,
    ).where(conversations.c.closed_s.is_(None), among(conversations.c.contact_id, "contacts"))
)
_LOADS = Query(
    select(conversations.c.agent, func.count())
    .where(conversations.c.closed_s.is_(None))
    .group_by(conversations.c.agent)
)
_ONE = update(conversations).where(conversations.c.id == bindparam("key"))
_HEARD_AGAIN = Bulk(_ONE.values(urgent=bindparam("is_urgent")))  # the agent's time runs already
_HEARD = Bulk(
    _ONE.values(urgent=bindparam("is_urgent"), unread_s=bindparam("now"), turn_s=bindparam("now"), passes=0)
)
_OPENED = insert_of(
    conversations,
    "contact_id",
    "team",
    "agent",
    "turn_s",
    "passes",
    "claimed",
    "urgent",
    "reason",
    "opened_s",
    "unread_s",
)

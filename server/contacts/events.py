"""What contacts did, told by whoever sees it: a shop, a link shortener. Their tag rules follow at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, insert, select, update

from server.clock import Clock
from server.contacts.numbers import Numbers
from server.dispatch.tag_rules import DEADLINE_S, Event, EventRuleLike, on_event
from server.store import taxonomy
from server.store.contacts import LAST_ACCOUNT, find_or_add
from server.store.dialects import among
from server.store.tables import events, said
from server.store.writer import Applied
from server.wire import EventBody, Happened, Rejected, seconds_of

AHEAD_S = 60.0  # an event this far in the future is one of a clock that goes wrong
OF_AN_ACCOUNT = frozenset(("blocked", "complained"))


class Noted(NamedTuple):
    """An event, number checked."""

    phone: str
    event: Event
    event_id: str | None


@dataclass(frozen=True, slots=True)
class Happening:
    """Events to keep and to act on. Answer: Happened."""

    events: Sequence[Noted]
    rejected: Sequence[Rejected]


async def read_events(
    bodies: Sequence[EventBody], numbers: Numbers, now_s: float
) -> tuple[list[Noted], list[Rejected]]:
    """Well-formed events, and the others with their reasons; Problem 422 for times of no calendar."""
    phones = await numbers.all_normal([body.contact for body in bodies])
    noted: list[Noted] = []
    rejected: list[Rejected] = []
    for index, (body, phone) in enumerate(zip(bodies, phones, strict=True)):
        at_s = now_s if body.at is None else seconds_of(body.at, f"events[{index}].at")
        if phone is None:
            rejected.append(Rejected(index, body.contact, f"events[{index}].contact", "invalid_number"))
        elif at_s > now_s + AHEAD_S:
            rejected.append(Rejected(index, body.contact, f"events[{index}].at", "in_the_future"))
        else:
            noted.append(Noted(phone, Event(body.kind, at_s, body.product), body.event_id))
    return noted, rejected


class Events:
    """`apply` is the step for Happening."""

    def __init__(self, rules: Sequence[EventRuleLike], clock: Clock) -> None:
        self._rules = rules
        self._clock = clock

    def apply(self, connection: Connection, requests: Sequence[Happening]) -> Applied:
        now_s = self._clock.now()
        return Applied([self._take(connection, request, now_s) for request in requests])

    def _take(self, connection: Connection, request: Happening, now_s: float) -> Happened:
        new = _new(connection, request.events)
        ids = {
            phone: contact.id
            for phone, contact in find_or_add(
                connection, dict.fromkeys(one.phone for one in new), now_s
            ).items()
        }
        if new:
            connection.execute(
                insert(events), [self._row(connection, one, ids[one.phone], now_s) for one in new]
            )
        self._retag(connection, new, ids, now_s)
        _hold_guides_back(connection, new, ids, now_s)
        delays_s = [now_s - one.event.at_s for one in new]
        return Happened(
            accepted=len(new),
            duplicates=len(request.events) - len(new),
            late=sum(delay_s > DEADLINE_S for delay_s in delays_s),
            longest_delay_s=round(max(delays_s, default=0.0), 3),
            rejected=list(request.rejected),
        )

    def _row(self, connection: Connection, one: Noted, contact: int, now_s: float) -> dict[str, Any]:
        account = None
        if one.event.kind in OF_AN_ACCOUNT:
            account = connection.execute(LAST_ACCOUNT, {"who": contact}).scalar()
        return {
            "event_id": one.event_id,
            "contact_id": contact,
            "kind": one.event.kind,
            "at_s": one.event.at_s,
            "received_s": now_s,
            "product": one.event.product,
            "account_id": account,
        }

    def _retag(self, connection: Connection, new: Sequence[Noted], ids: dict[str, int], now_s: float) -> None:
        """The rules in order of the events' times, so that the latest decides."""
        wanted: dict[tuple[str, int], bool] = {}
        for one in sorted(new, key=lambda one: one.event.at_s):
            change = on_event(self._rules, one.event)
            wanted.update({(name, ids[one.phone]): False for name in change.remove})
            wanted.update({(name, ids[one.phone]): True for name in change.add})
        given, taken = _by_name(wanted, True), _by_name(wanted, False)
        known = taxonomy.make(connection, given, now_s, "event rule")
        taken = {name: who for name, who in taken.items() if name in known}
        taxonomy.change(connection, given, taken, now_s, "event rule")


def _by_name(wanted: dict[tuple[str, int], bool], given: bool) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for (name, contact), is_given in wanted.items():
        if is_given == given:
            found.setdefault(name, []).append(contact)
    return found


def _new(connection: Connection, noted: Sequence[Noted]) -> list[Noted]:
    """Those whose event id is not yet known; of repeats within the request the first."""
    ids = [one.event_id for one in noted if one.event_id is not None]
    seen: set[str | None] = set(connection.execute(_KNOWN, {"ids": ids}).scalars()) if ids else set()
    new: list[Noted] = []
    for one in noted:
        if one.event_id is None or one.event_id not in seen:
            new.append(one)
            seen.add(one.event_id)
    return new


def _hold_guides_back(
    connection: Connection, new: Sequence[Noted], ids: dict[str, int], now_s: float
) -> None:
    """Who has read the short answer needs no guide after it (C055)."""
    who = sorted({ids[one.phone] for one in new if one.event.kind == "read"})
    if who:
        connection.execute(_HOLD_BACK, {"who": who, "at": now_s})


_KNOWN = select(events.c.event_id).where(among(events.c.event_id, "ids"))
_HOLD_BACK = (
    update(said)
    .where(said.c.said_s.is_(None), said.c.cancelled_s.is_(None), among(said.c.contact_id, "who"))
    .values(cancelled_s=bindparam("at"))
)

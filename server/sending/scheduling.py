"""The writer's planning step: new batches are stored with their plan; what waits is planned when it is time.

All that wants a plan in one group is planned at once, and the pacer is advanced only after the commit. A
message that may not leave for long (scheduled, tried again tomorrow, customer asleep) waits without a plan:
an account is booked in order, so booked for tomorrow it would stand idle until then.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count, islice, repeat
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, select

from server.clock import Clock
from server.http.problems import Problem
from server.sending.assigning import Planned, assign, last_due_s
from server.sending.leases import Leases, ask_for_plan
from server.sending.planning import Fleet, Planner, close_banned
from server.sending.waiting import Waiting, forget_plans, move, released
from server.store.bulk import insert_of
from server.store.dialects import among
from server.store.directory import Directory, Entry, look_up, remember_nothing
from server.store.ids import Ids
from server.store.queries import Query
from server.store.tables import WAITING, batches, messages
from server.store.writer import Applied
from server.wire import Accepted, Rejected, moment

DEFAULT_ZONE = "UTC"


class Candidates(NamedTuple):
    """Recipients whose requests are well-formed, by column.

    Whether they may be written to is seen in the transaction.
    """

    places: Sequence[int]  # in the request
    to: Sequence[str]
    phones: Sequence[str]
    zones: Sequence[str | None]
    texts: Sequence[str]
    contents: Sequence[int]

    def at(self, kept: Sequence[int]) -> "Candidates":
        """Those that stand here."""
        return Candidates(
            places=[self.places[at] for at in kept],
            to=[self.to[at] for at in kept],
            phones=[self.phones[at] for at in kept],
            zones=[self.zones[at] for at in kept],
            texts=[self.texts[at] for at in kept],
            contents=[self.contents[at] for at in kept],
        )


class Send(msgspec.Struct, frozen=True):
    """A batch to accept. Answer: the JSON of Accepted, or a Problem."""

    template: str
    media: str | None  # JSON
    candidates: Candidates
    rejected: list[Rejected]
    schedule_s: float | None
    key: str | None
    body_digest: bytes | None


@dataclass(frozen=True, slots=True)
class Release:
    """Plan the first of what waits and whose time has come. Answer: how many were looked at."""

    limit: int


@dataclass(frozen=True, slots=True)
class Unplan:
    """Forget the end of the plan; until PlanWith, nothing is planned.

    Answer: how many messages that was; None: another worker plans, and is asked to do so anew.
    """

    limit: int


@dataclass(frozen=True, slots=True)
class PlanWith:
    """From now on, plan with this fleet, which nothing is booked on: all was unplanned. Answer: None."""

    fleet: Fleet


@dataclass(slots=True)
class Batch:
    """A Send on its way through the step; its messages by column."""

    send: Send
    id: str
    release_s: float
    rejected: list[Rejected]
    ids: Sequence[int]
    contacts: Sequence[int]
    zones: Sequence[str]
    texts: Sequence[str]
    contents: Sequence[int]
    finish_s: float | None = None
    answer: bytes = b""


Request = Send | Release | Unplan | PlanWith


class Scheduling:
    """`apply` is the step; `ids` numbers the messages.

    `key_life_s`: for so long an idempotency key answers. `directory`: the contacts, where nobody else writes
    them. `leases`: where several workers accept, only the one that may plan does; what others accept waits.
    """

    def __init__(
        self,
        planner: Planner,
        clock: Clock,
        ids: Ids,
        key_life_s: float,
        directory: Directory | None = None,
        leases: Leases | None = None,
    ) -> None:
        self._look_up = look_up if directory is None else directory.look_up
        self._remember = remember_nothing if directory is None else directory.remember
        self._planner = planner
        self._clock = clock
        self._ids = ids
        self._key_life_s = key_life_s
        self._leases = leases
        self._run = secrets.token_hex(4)
        self._batches = count()

    def apply(self, connection: Connection, requests: Sequence[Request]) -> Applied:
        now_s = self._clock.now()
        sends = [request for request in requests if isinstance(request, Send)]
        others = [request for request in requests if not isinstance(request, Send)]
        fleet, unplanned = self._fleet(connection, others, now_s)
        release = next((one.limit for one in others if isinstance(one, Release)), 0)
        waiting = released(connection, now_s, release) if release and fleet.open else []
        before = _answered_before(connection, sends)
        fresh = [send for send in sends if send.key not in before and not _is_late(send, now_s)]
        new, news = self._accept(connection, fresh, now_s)
        ready = [batch for batch in new if batch.release_s <= now_s]
        later = [batch for batch in new if batch.release_s > now_s]
        planned = assign(fleet, *_columns(waiting, ready), now_s)
        _expect(fleet, ready, later, planned, len(waiting), now_s)
        for batch in new:
            batch.answer = _answer(batch)
        _store(connection, [*ready, *later], planned, len(waiting), now_s)
        move(connection, waiting, planned)
        answers = {Release: len(waiting), Unplan: unplanned, PlanWith: None}
        answer_of = _answers(before, new, now_s, self._key_life_s)
        return Applied(
            [answer_of(one) if isinstance(one, Send) else answers[type(one)] for one in requests],
            partial(self._committed, fleet, planned, news),
        )

    def _fleet(
        self, connection: Connection, others: Sequence[object], now_s: float
    ) -> tuple[Fleet, int | None]:
        """Whom to plan with, and the answer to an Unplan."""
        unplan = next((one.limit for one in others if isinstance(one, Unplan)), 0)
        if self._leases is not None and not self._leases.may_plan(connection):
            if unplan:
                ask_for_plan(connection)
            return self._planner.nobody, None
        if unplan:
            return self._planner.nobody, forget_plans(connection, unplan)
        made = next((one.fleet for one in others if isinstance(one, PlanWith)), None)
        fleet = self._planner.fleet if made is None else made
        if self._leases is not None or made is not None:  # a ban may have been committed since it was made
            close_banned(connection, fleet, now_s)
        return fleet, None

    def _committed(self, fleet: Fleet, planned: Planned | None, news: Mapping[int, Entry]) -> None:
        if planned is not None:
            planned.book()
        self._planner.fleet = fleet
        self._remember(news)

    def _accept(
        self, connection: Connection, sends: Sequence[Send], now_s: float
    ) -> tuple[list[Batch], Mapping[int, Entry]]:
        """The batches, and what is to be remembered of their contacts."""
        sends = list(_first_of_each_key(sends))
        phones = [phone for send in sends for phone in send.candidates.phones]
        given = [zone for send in sends for zone in send.candidates.zones]
        if not phones:
            return [self._batch(send, [], [], {}, (), now_s) for send in sends], {}
        found = self._look_up(connection, phones, given, now_s)
        zones = [own or known or DEFAULT_ZONE for own, known in zip(given, found.zones, strict=True)]
        numbers = self._ids.begin(connection)
        new: list[Batch] = []
        start = 0
        for send in sends:
            end = start + len(send.candidates.phones)
            barred = _within(found.barred, start, end)
            new.append(self._batch(send, found.ids[start:end], zones[start:end], barred, numbers, now_s))
            start = end
        return new, found.news

    def _batch(
        self,
        send: Send,
        contacts: Sequence[int],
        zones: Sequence[str],
        barred: Mapping[int, str],
        numbers: Iterable[int],
        now_s: float,
    ) -> Batch:
        taken, rejected = send.candidates, send.rejected
        if barred:
            kept = [at for at in range(len(contacts)) if at not in barred]
            rejected = _with_barred(taken, rejected, barred)
            taken, contacts, zones = taken.at(kept), [contacts[at] for at in kept], [zones[at] for at in kept]
        return Batch(
            send,
            self._batch_id(now_s),
            send.schedule_s or now_s,
            rejected,
            list(islice(numbers, len(contacts))),
            contacts,
            zones,
            taken.texts,
            taken.contents,
        )

    def _batch_id(self, now_s: float) -> str:
        """Later ones are greater, so that a commit writes neighbouring pages, not one for each batch.

        Milliseconds, what tells this run of the server from others, and a number.
        """
        return f"{int(now_s * 1e3):012x}{self._run}{next(self._batches) & 0xFFFF:04x}"


def _within(barred: Mapping[int, str], start: int, end: int) -> Mapping[int, str]:
    """Those of them at these places, by place from `start` on."""
    if not barred:
        return barred
    return {at - start: barred[at] for at in range(start, end) if at in barred}


def _with_barred(
    candidates: Candidates, rejected: Sequence[Rejected], barred: Mapping[int, str]
) -> list[Rejected]:
    """Those rejected before and those who must not be written to, in the request's order."""
    those = [Rejected(candidates.places[at], candidates.to[at], "to", why) for at, why in barred.items()]
    return sorted((*rejected, *those), key=lambda one: one.index)


def _is_late(send: Send, now_s: float) -> bool:
    return send.schedule_s is not None and send.schedule_s < now_s


def _first_of_each_key(sends: Sequence[Send]) -> Iterable[Send]:
    seen: set[str] = set()
    for send in sends:
        if send.key is None:
            yield send
        elif send.key not in seen:
            seen.add(send.key)
            yield send


def _columns(
    waiting: Sequence[Waiting], ready: Sequence[Batch]
) -> tuple[Sequence[int], Sequence[str], Sequence[int]]:
    """Contacts, zones and contents of all that wants a plan, first of those that wait."""
    contacts = [one.contact_id for one in waiting]
    zones = [one.zone for one in waiting]
    contents = [one.content for one in waiting]
    for batch in ready:
        contacts += batch.contacts
        zones += batch.zones
        contents += batch.contents
    return contacts, zones, contents


def _expect(
    fleet: Fleet,
    ready: Sequence[Batch],
    later: Sequence[Batch],
    planned: Planned | None,
    start: int,
    now_s: float,
) -> None:
    """Say of each batch when the last of it is due; of scheduled ones, were they planned today."""
    if planned is not None:
        for batch in ready:
            end = start + len(batch.ids)
            batch.finish_s = max(planned.finish_s[start:end], default=None)
            start = end
    for batch in later:
        batch.finish_s = last_due_s(
            fleet, batch.contacts, batch.zones, batch.contents, batch.release_s, now_s
        )


def _answer(batch: Batch) -> bytes:
    return msgspec.json.encode(Accepted(batch.id, len(batch.ids), batch.rejected, moment(batch.finish_s)))


def _answered_before(connection: Connection, sends: Sequence[Send]) -> dict[str | None, Any]:
    """(body digest, answer, when) of the idempotency keys already used, by key."""
    keys = [send.key for send in sends if send.key is not None]
    if not keys:
        return {}
    return {key: first for key, *first in _ANSWERED.rows(connection, keys=keys)}


def _answers(before: Mapping[str | None, Any], new: Sequence[Batch], now_s: float, key_life_s: float) -> Any:
    """The answer to a Send: its own batch's, or that of the first request with its key."""
    own = {id(batch.send): batch.answer for batch in new}
    keyed: dict[str | None, Any] = {
        **before,
        **{batch.send.key: (batch.send.body_digest, batch.answer, now_s) for batch in new if batch.send.key},
    }

    def answer(send: Send) -> bytes | Problem:
        if id(send) in own:
            return own[id(send)]
        if send.key not in keyed:
            return Problem(422, "lies in the past; leave it out to send at once", "schedule")
        digest, first, first_s = keyed[send.key]
        if digest != send.body_digest:
            return Problem(409, "this key was used for another body; use a new key for it", "Idempotency-Key")
        if now_s - first_s > key_life_s:  # sending again is what a key is to prevent, so not even then
            ago = f"more than {key_life_s / 3600:g} h ago"
            return Problem(409, f"this key was used {ago}; use a new one", "Idempotency-Key")
        return bytes(first)

    return answer


def _store(
    connection: Connection, new: Sequence[Batch], planned: Planned | None, start: int, now_s: float
) -> None:
    """`start`: where the plan of the first of them begins. The last ones may have no plan yet."""
    if not new:
        return
    _INSERT_BATCH.execute_columns(
        connection,
        id=[batch.id for batch in new],
        created_s=repeat(now_s, len(new)),
        schedule_s=[batch.send.schedule_s for batch in new],
        finish_s=[batch.finish_s for batch in new],
        template=[batch.send.template for batch in new],
        media=[batch.send.media for batch in new],
        idempotency_key=[batch.send.key for batch in new],
        body_digest=[batch.send.body_digest for batch in new],
        answer=[batch.answer if batch.send.key else None for batch in new],
        first_message_id=[batch.ids[0] if batch.ids else None for batch in new],
        last_message_id=[batch.ids[-1] if batch.ids else None for batch in new],
    )
    release_s = [batch.release_s for batch in new for _ in batch.ids]
    status, account, due_s = planned[:3] if planned is not None else ([], [], [])
    unplanned = len(release_s) - len(status[start:])
    _INSERT.execute_columns(
        connection,
        id=[key for batch in new for key in batch.ids],
        batch_id=[batch.id for batch in new for _ in batch.ids],
        contact_id=[key for batch in new for key in batch.contacts],
        zone=[zone for batch in new for zone in batch.zones],
        text=[text for batch in new for text in batch.texts],
        content=[content for batch in new for content in batch.contents],
        release_s=release_s,
        attempt=repeat(1, len(release_s)),
        status=[*status[start:], *repeat(WAITING, unplanned)],
        account_id=[*account[start:], *repeat(None, unplanned)],
        due_s=[*due_s[start:], *release_s[len(release_s) - unplanned :]],
    )


_ANSWERED = Query(
    select(batches.c.idempotency_key, batches.c.body_digest, batches.c.answer, batches.c.created_s).where(
        among(batches.c.idempotency_key, "keys")
    )
)
_INSERT_BATCH = insert_of(
    batches,
    "id",
    "created_s",
    "schedule_s",
    "finish_s",
    "template",
    "media",
    "idempotency_key",
    "body_digest",
    "answer",
    "first_message_id",
    "last_message_id",
)
_INSERT = insert_of(
    messages,
    "id",
    "batch_id",
    "contact_id",
    "zone",
    "text",
    "content",
    "release_s",
    "attempt",
    "status",
    "account_id",
    "due_s",
)

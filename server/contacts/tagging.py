"""The writer's steps for tags: given and taken by list, ids or rows of a file, made and dropped, used."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from sqlalchemy import Connection, insert, select

from scenarios.schema import Imports
from server.clock import Clock
from server.dispatch.content import words_of
from server.dispatch.import_pace import MOST, WINDOW_S, held_until_s
from server.http.problems import Problem
from server.store import taxonomy
from server.store.contacts import find_or_add, tag_ids
from server.store.tables import imports
from server.store.writer import Applied
from server.wire import Rejected, Tagged, iso


@dataclass(frozen=True, slots=True)
class Tag:
    """For contacts by number (E.164), or by id. Answer: Tagged, or a Problem.

    `may_make_tags`: an unknown tag to add is made, else refused. `lenient`: an unknown tag to remove is none.
    """

    phones: Sequence[str] | None
    ids: Sequence[int]
    rejected: Sequence[Rejected]
    add: Sequence[str]
    remove: Sequence[str]
    may_make_tags: bool
    reason: str = "request"
    lenient: bool = False


@dataclass(frozen=True, slots=True)
class Import:
    """Tags by phone (E.164). Answer: by phone the first tag that does not exist; None: all do. Or a Problem.

    Unless they are to be ignored, a phone with an unknown tag gets none.
    """

    tags_by_phone: Mapping[str, Sequence[str]]
    ignore_unknown: bool


@dataclass(frozen=True, slots=True)
class ChangeTaxonomy:
    """Tags to make and to drop. Answer: None, or a Problem."""

    make: Sequence[str]
    drop: Sequence[str]
    reason: str


@dataclass(frozen=True, slots=True)
class UseTags:
    """A send's audience names them. Answer: None."""

    names: Collection[str]


class Tagging:
    """The steps, one request after the other: each may make tags."""

    def __init__(self, clock: Clock, limits: Imports) -> None:
        self._clock = clock
        self._imports = limits

    def tag(self, connection: Connection, requests: Sequence[Tag]) -> Applied:
        now_s = self._clock.now()
        return Applied([_tag(connection, request, now_s) for request in requests])

    def import_tags(self, connection: Connection, requests: Sequence[Import]) -> Applied:
        now_s = self._clock.now()
        return Applied([self._import(connection, request, now_s) for request in requests])

    def _import(self, connection: Connection, request: Import, now_s: float) -> Mapping[str, Any] | Problem:
        until_s = import_hold_s(connection, self._imports, now_s)
        if until_s is not None:
            return Problem(
                429,
                f"more than {MOST} files of {self._imports.large_contacts} contacts or more came within an "
                f"hour: none is taken until {iso(until_s)} (T044, T045)",
                retry_after_s=ceil((until_s - now_s) / self._clock.speed),
            )
        found = _import(connection, request, now_s)
        connection.execute(insert(imports).values(at_s=now_s, contacts=len(request.tags_by_phone)))
        return found

    def change_taxonomy(self, connection: Connection, requests: Sequence[ChangeTaxonomy]) -> Applied:
        now_s = self._clock.now()
        return Applied([_change_taxonomy(connection, request, now_s) for request in requests])

    def use(self, connection: Connection, requests: Sequence[UseTags]) -> Applied:
        taxonomy.use(connection, {name for one in requests for name in one.names}, self._clock.now())
        return Applied([None] * len(requests))


def large_imports(connection: Connection, limits: Imports, since_s: float) -> list[float]:
    """When large files were taken since then, in order."""
    query = select(imports.c.at_s).where(
        imports.c.at_s > since_s, imports.c.contacts >= limits.large_contacts
    )
    return list(connection.execute(query.order_by(imports.c.at_s)).scalars())


def import_hold_s(connection: Connection, limits: Imports, now_s: float) -> float | None:
    """Until when (Unix seconds) no file is taken; None: one is now."""
    delay_s = limits.delay_h * 3600.0
    until_s = held_until_s(large_imports(connection, limits, now_s - delay_s - WINDOW_S), delay_s)
    return until_s if until_s is not None and until_s > now_s else None


def _tag(connection: Connection, request: Tag, now_s: float) -> Tagged | Problem:
    known = tag_ids(connection)
    remove = [name for name in request.remove if name in known] if request.lenient else request.remove
    if problem := _unknown(request.add, remove, known, request.may_make_tags):
        return problem
    contacts = list(request.ids)
    if request.phones is not None:
        found = find_or_add(connection, dict.fromkeys(request.phones), now_s)
        contacts = [contact.id for contact in found.values()]
    taxonomy.make(connection, request.add, now_s, request.reason)
    changed = taxonomy.change(
        connection,
        dict.fromkeys(request.add, contacts),
        dict.fromkeys(remove, contacts),
        now_s,
        request.reason,
    )
    return Tagged(len(changed), list(request.rejected))


def _unknown(
    add: Sequence[str], remove: Sequence[str], known: Mapping[str, int], may_make: bool
) -> Problem | None:
    for index, name in enumerate(remove):
        if name not in known:
            return Problem(422, f"no such tag: {name}", f"remove[{index}]")
    if not may_make:
        for index, name in enumerate(add):
            if name not in known:
                return Problem(
                    422, f"no such tag: {name}; a token with scope admin may make it", f"add[{index}]"
                )
        return None
    return _alike(add, known, "add")


def _alike(new: Sequence[str], known: Collection[str], field: str) -> Problem | None:
    """One meaning, one tag (T016): a name that reads as another one's is refused."""
    readings = {_reading(name): name for name in known}
    for index, name in enumerate(new):
        other = readings.setdefault(_reading(name), name)
        if other != name:
            return Problem(422, f"{name} reads as the tag {other}; use that", f"{field}[{index}]")
    return None


def _reading(name: str) -> str:
    """What is left of a name when case, accents' encoding, spacing and punctuation are not looked at."""
    return " ".join(words_of(name.replace("_", " "))) or name


def _import(connection: Connection, request: Import, now_s: float) -> dict[str, str | None]:
    known = tag_ids(connection)
    unknown = {
        phone: next((name for name in names if name not in known), None)
        for phone, names in request.tags_by_phone.items()
    }
    good = [phone for phone, name in unknown.items() if name is None or request.ignore_unknown]
    found = find_or_add(connection, dict.fromkeys(good), now_s)
    given: dict[str, list[int]] = {}
    for phone in good:
        for name in request.tags_by_phone[phone]:
            if name in known:
                given.setdefault(name, []).append(found[phone].id)
    taxonomy.change(connection, given, {}, now_s, "import")
    return unknown


def _change_taxonomy(connection: Connection, request: ChangeTaxonomy, now_s: float) -> Problem | None:
    known = tag_ids(connection)
    for index, name in enumerate(request.drop):
        if name not in known:
            return Problem(422, f"no such tag: {name}", f"drop[{index}]")
    if problem := _alike(request.make, [name for name in known if name not in request.drop], "make"):
        return problem
    taxonomy.drop(connection, request.drop, now_s, request.reason)
    taxonomy.make(connection, request.make, now_s, request.reason)
    return None

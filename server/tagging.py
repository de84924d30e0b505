"""The writer's steps for tags: add and remove by list or audience, and import from rows."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, insert, select

from server.audiences import members
from server.problems import Problem
from server.store.bulk import Bulk
from server.store.contacts import add_tags, find_or_add, tag_ids
from server.store.dialects import among
from server.store.tables import contact_tags
from server.store.writer import Applied
from server.wire import AudienceFilter, Rejected, Tagged


@dataclass(frozen=True, slots=True)
class Tag:
    """Answer: Tagged, or a Problem. `may_make_tags`: an unknown tag to add is made, else refused."""

    phones: Sequence[str] | None
    rejected: Sequence[Rejected]
    audience: AudienceFilter | None
    add: Sequence[str]
    remove: Sequence[str]
    may_make_tags: bool


@dataclass(frozen=True, slots=True)
class Import:
    """Tags by phone (E.164). Answer: by phone the first tag that does not exist; None: it is done."""

    tags_by_phone: Mapping[str, Sequence[str]]


def tag(connection: Connection, requests: Sequence[Tag]) -> Applied:
    """The step for Tag: one after the other, since each may make tags or name an audience."""
    return Applied([_tag(connection, request) for request in requests])


def _tag(connection: Connection, request: Tag) -> Tagged | Problem:
    known = tag_ids(connection)
    if problem := _unknown(request, known):
        return problem
    try:
        contacts = _contacts(connection, request)
    except Problem as problem:
        return problem
    add_tags(connection, [name for name in dict.fromkeys(request.add) if name not in known])
    known = tag_ids(connection)
    added = _carry(connection, [(one, known[name]) for one in contacts for name in set(request.add)])
    gone = _drop(connection, contacts, [known[name] for name in request.remove])
    return Tagged(len(added | gone), list(request.rejected))


def _unknown(request: Tag, known: Mapping[str, int]) -> Problem | None:
    for index, name in enumerate(request.remove):
        if name not in known:
            return Problem(422, f"no such tag: {name}", f"remove[{index}]")
    for index, name in enumerate(request.add):
        if name not in known and not request.may_make_tags:
            return Problem(422, f"no such tag: {name}; a token with scope admin may make it", f"add[{index}]")
    return None


def _contacts(connection: Connection, request: Tag) -> list[int]:
    if request.audience is not None:
        return [contact.id for contact in members(connection, request.audience)]
    found = find_or_add(connection, dict.fromkeys(request.phones or ()))
    return [contact.id for contact in found.values()]


def _carry(connection: Connection, pairs: Iterable[tuple[int, int]]) -> set[int]:
    """Give these (contact, tag) that are not given yet; the contacts that changed."""
    wanted = set(pairs)
    wanted -= _existing(connection, {contact for contact, _ in wanted}, {tag for _, tag in wanted})
    _CARRY.execute(connection, [{"contact_id": contact, "tag_id": tag} for contact, tag in sorted(wanted)])
    return {contact for contact, _ in wanted}


def _drop(connection: Connection, contacts: Collection[int], tags: Collection[int]) -> set[int]:
    """Take these tags from these contacts; the contacts that changed."""
    gone = _existing(connection, contacts, tags)
    _DROP.execute(connection, [{"contact": contact, "tag": tag} for contact, tag in sorted(gone)])
    return {contact for contact, _ in gone}


def _existing(
    connection: Connection, contacts: Collection[int], tags: Collection[int]
) -> set[tuple[int, int]]:
    if not tags:
        return set()
    rows = connection.execute(_EXISTING, {"contacts": list(contacts), "tags": list(tags)})
    return {(contact, tag) for contact, tag in rows}


def import_tags(connection: Connection, requests: Sequence[Import]) -> Applied:
    """The step for Import: a row with an unknown tag changes nothing, the others count."""
    return Applied([_import(connection, request) for request in requests])


def _import(connection: Connection, request: Import) -> dict[str, str | None]:
    known = tag_ids(connection)
    unknown = {
        phone: next((name for name in names if name not in known), None)
        for phone, names in request.tags_by_phone.items()
    }
    good = [phone for phone, name in unknown.items() if name is None]
    found = find_or_add(connection, dict.fromkeys(good))
    _carry(
        connection,
        [(found[phone].id, known[name]) for phone in good for name in request.tags_by_phone[phone]],
    )
    return unknown


_EXISTING = select(contact_tags.c.contact_id, contact_tags.c.tag_id).where(
    among(contact_tags.c.contact_id, "contacts"), among(contact_tags.c.tag_id, "tags")
)
_CARRY = Bulk(insert(contact_tags))
_DROP = Bulk(
    delete(contact_tags).where(
        contact_tags.c.contact_id == bindparam("contact"), contact_tags.c.tag_id == bindparam("tag")
    )
)

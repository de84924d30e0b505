"""The writer's steps for tags: add and remove by list or audience, and import from rows."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, insert, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from server.audiences import members
from server.problems import Problem
from server.store.contacts import add_tags, chunks, find_or_add, tag_ids
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


async def tag(connection: AsyncConnection, requests: Sequence[Tag]) -> Applied:
    """The step for Tag: one after the other, since each may make tags or name an audience."""
    return Applied([await _tag(connection, request) for request in requests])


async def _tag(connection: AsyncConnection, request: Tag) -> Tagged | Problem:
    known = await tag_ids(connection)
    if problem := _unknown(request, known):
        return problem
    try:
        contacts = await _contacts(connection, request)
    except Problem as problem:
        return problem
    await add_tags(connection, [name for name in dict.fromkeys(request.add) if name not in known])
    known = await tag_ids(connection)
    added = await _carry(connection, [(one, known[name]) for one in contacts for name in set(request.add)])
    gone = await _drop(connection, contacts, [known[name] for name in request.remove])
    return Tagged(len(added | gone), list(request.rejected))


def _unknown(request: Tag, known: Mapping[str, int]) -> Problem | None:
    for index, name in enumerate(request.remove):
        if name not in known:
            return Problem(422, f"no such tag: {name}", f"remove[{index}]")
    for index, name in enumerate(request.add):
        if name not in known and not request.may_make_tags:
            return Problem(422, f"no such tag: {name}; a token with scope admin may make it", f"add[{index}]")
    return None


async def _contacts(connection: AsyncConnection, request: Tag) -> list[int]:
    if request.audience is not None:
        return [contact.id for contact in await members(connection, request.audience)]
    found = await find_or_add(connection, dict.fromkeys(request.phones or ()))
    return [contact.id for contact in found.values()]


async def _carry(connection: AsyncConnection, pairs: Iterable[tuple[int, int]]) -> set[int]:
    """Give these (contact, tag) that are not given yet; the contacts that changed."""
    wanted = set(pairs)
    wanted -= await _existing(connection, {contact for contact, _ in wanted}, {tag for _, tag in wanted})
    if wanted:
        rows = [{"contact_id": contact, "tag_id": tag} for contact, tag in sorted(wanted)]
        await connection.execute(insert(contact_tags), rows)
    return {contact for contact, _ in wanted}


async def _drop(connection: AsyncConnection, contacts: Collection[int], tags: Collection[int]) -> set[int]:
    """Take these tags from these contacts; the contacts that changed."""
    gone = await _existing(connection, contacts, tags)
    for chunk in chunks(sorted(gone)):
        pair = tuple_(contact_tags.c.contact_id, contact_tags.c.tag_id)
        await connection.execute(delete(contact_tags).where(pair.in_(chunk)))
    return {contact for contact, _ in gone}


async def _existing(
    connection: AsyncConnection, contacts: Collection[int], tags: Collection[int]
) -> set[tuple[int, int]]:
    found: set[tuple[int, int]] = set()
    for chunk in chunks(contacts) if tags else ():
        query = select(contact_tags.c.contact_id, contact_tags.c.tag_id).where(
            contact_tags.c.contact_id.in_(chunk), contact_tags.c.tag_id.in_(tags)
        )
        found.update((contact, tag) for contact, tag in await connection.execute(query))
    return found


async def import_tags(connection: AsyncConnection, requests: Sequence[Import]) -> Applied:
    """The step for Import: a row with an unknown tag changes nothing, the others count."""
    return Applied([await _import(connection, request) for request in requests])


async def _import(connection: AsyncConnection, request: Import) -> dict[str, str | None]:
    known = await tag_ids(connection)
    unknown = {
        phone: next((name for name in names if name not in known), None)
        for phone, names in request.tags_by_phone.items()
    }
    good = [phone for phone, name in unknown.items() if name is None]
    found = await find_or_add(connection, dict.fromkeys(good))
    await _carry(
        connection,
        [(found[phone].id, known[name]) for phone in good for name in request.tags_by_phone[phone]],
    )
    return unknown

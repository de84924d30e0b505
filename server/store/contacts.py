"""Contacts and their tags."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.tables import contact_tags, contacts, tags

CHUNK = 5_000  # values in one IN list


class Contact(NamedTuple):
    """What the server must know of a customer before writing to them."""

    id: int
    phone: str
    zone: str | None
    consent: bool
    opted_out_s: float | None
    with_human_s: float | None


COLUMNS = (
    contacts.c.id,
    contacts.c.phone,
    contacts.c.zone,
    contacts.c.consent,
    contacts.c.opted_out_s,
    contacts.c.with_human_s,
)


def chunks(values: Iterable[Any]) -> Iterable[list[Any]]:
    """Values in lists that fit one query."""
    rest = iter(values)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk


async def find(connection: AsyncConnection, phones: Collection[str]) -> dict[str, Contact]:
    """Those contacts (phones in E.164) that exist."""
    found: dict[str, Contact] = {}
    for chunk in chunks(phones):
        query = select(*COLUMNS).where(contacts.c.phone.in_(chunk))
        found.update((row[1], Contact(*row)) for row in await connection.execute(query))
    return found


async def find_or_add(connection: AsyncConnection, zones: Mapping[str, str | None]) -> dict[str, Contact]:
    """A contact for each phone (E.164) of `zones`; a new one gets that zone, and is taken to consent."""
    found = await find(connection, zones)
    new = [phone for phone in zones if phone not in found]
    if new:
        await connection.execute(
            insert(contacts),
            [{"phone": p, "zone": zones[p], "consent": True, "variables": "{}"} for p in new],
        )
        found.update(await find(connection, new))
    return found


async def tag_ids(connection: AsyncConnection) -> dict[str, int]:
    """Every tag's id by name."""
    return {row[0]: row[1] for row in await connection.execute(select(tags.c.name, tags.c.id))}


async def tags_of(connection: AsyncConnection) -> dict[int, frozenset[str]]:
    """The tags of every contact that has any, by contact id."""
    query = select(contact_tags.c.contact_id, tags.c.name).join_from(contact_tags, tags)
    collected: dict[int, set[str]] = {}
    for contact, name in await connection.execute(query):
        collected.setdefault(contact, set()).add(name)
    return {contact: frozenset(names) for contact, names in collected.items()}


async def variables_of(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, dict[str, str]]:
    """The template variables of these contacts, by id."""
    found: dict[int, dict[str, str]] = {}
    for chunk in chunks(ids):
        query = select(contacts.c.id, contacts.c.variables).where(contacts.c.id.in_(chunk))
        found.update((key, msgspec.json.decode(text)) for key, text in await connection.execute(query))
    return found


async def load(connection: AsyncConnection, rows: Iterable[Any]) -> None:
    """Fill an empty table from `scenarios.contacts` rows; malformed numbers and repeats stay out."""
    by_phone: dict[str, Any] = {}
    for row in rows:
        if row.e164 is not None:
            by_phone.setdefault(row.e164, row)
    await add_tags(connection, sorted({tag for row in by_phone.values() for tag in row.tags}))
    await connection.execute(
        insert(contacts),
        [
            {
                "id": key,
                "phone": phone,
                "zone": row.timezone,
                "consent": row.consent,
                "variables": msgspec.json.encode(row.variables).decode(),
            }
            for key, (phone, row) in enumerate(by_phone.items(), start=1)
        ],
    )
    ids = await tag_ids(connection)
    carried = [
        {"contact_id": key, "tag_id": ids[tag]}
        for key, row in enumerate(by_phone.values(), start=1)
        for tag in sorted(row.tags)
    ]
    if carried:
        await connection.execute(insert(contact_tags), carried)


async def add_tags(connection: AsyncConnection, names: Sequence[str]) -> None:
    """New names in the taxonomy."""
    if names:
        await connection.execute(insert(tags), [{"name": name} for name in names])


async def is_empty(connection: AsyncConnection) -> bool:
    return (await connection.execute(select(func.count()).select_from(contacts))).scalar_one() == 0

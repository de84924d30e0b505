"""Contacts and their tags."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, func, insert, select

from server.store.dialects import among
from server.store.tables import contact_tags, contacts, tags


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


_FIND = select(*COLUMNS).where(among(contacts.c.phone, "phones"))
_VARIABLES = select(contacts.c.id, contacts.c.variables).where(among(contacts.c.id, "ids"))


def find(connection: Connection, phones: Collection[str]) -> dict[str, Contact]:
    """Those contacts (phones in E.164) that exist."""
    rows = connection.execute(_FIND, {"phones": list(phones)}).all()  # all at once: half the time
    return {row[1]: Contact._make(row) for row in rows}


def find_or_add(connection: Connection, zones: Mapping[str, str | None], now_s: float) -> dict[str, Contact]:
    """A contact for each phone (E.164) of `zones`; a new one gets that zone, and is taken to consent."""
    if not zones:
        return {}
    found = find(connection, zones)
    new = [phone for phone in zones if phone not in found]
    if new:
        connection.execute(
            insert(contacts),
            [
                {"phone": p, "zone": zones[p], "consent": True, "variables": "{}", "added_s": now_s}
                for p in new
            ],
        )
        found.update(find(connection, new))
    return found


def tag_ids(connection: Connection) -> dict[str, int]:
    """Every tag's id by name."""
    return {row[0]: row[1] for row in connection.execute(select(tags.c.name, tags.c.id))}


def variables_of(connection: Connection, ids: Sequence[int]) -> dict[int, dict[str, str]]:
    """The template variables of these contacts, by id."""
    rows = connection.execute(_VARIABLES, {"ids": list(ids)})
    return {key: msgspec.json.decode(text) for key, text in rows}


def load(connection: Connection, listed: Iterable[Any], now_s: float) -> None:
    """Fill an empty table from `scenarios.contacts` rows; malformed numbers and repeats stay out."""
    by_phone: dict[str, Any] = {}
    for row in listed:
        if row.e164 is not None:
            by_phone.setdefault(row.e164, row)
    names = sorted({tag for row in by_phone.values() for tag in row.tags})
    if names:
        connection.execute(
            insert(tags), [{"name": name, "created_s": now_s, "updated_s": now_s} for name in names]
        )
    if not by_phone:
        return
    connection.execute(
        insert(contacts),
        [
            {
                "phone": phone,
                "zone": row.timezone,
                "consent": row.consent,
                "variables": msgspec.json.encode(row.variables).decode(),
                "added_s": now_s,
            }
            for phone, row in by_phone.items()
        ],
    )
    id_of = {row[0]: row[1] for row in connection.execute(select(contacts.c.phone, contacts.c.id))}
    tag_of = tag_ids(connection)
    carried = [
        {"contact_id": id_of[phone], "tag_id": tag_of[tag]}
        for phone, row in by_phone.items()
        for tag in sorted(row.tags)
    ]
    if carried:
        connection.execute(insert(contact_tags), carried)


def is_empty(connection: Connection) -> bool:
    return connection.execute(select(func.count()).select_from(contacts)).scalar_one() == 0

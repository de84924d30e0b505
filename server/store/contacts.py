"""Contacts and their tags."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from itertools import islice, repeat
from typing import NamedTuple, Protocol

import msgspec
from sqlalchemy import Connection, bindparam, func, insert, select

from server.store.bulk import insert_of
from server.store.dialects import among
from server.store.queries import Query
from server.store.tables import contact_tags, contacts, messages, tags

LOADED = 1_000  # contacts of a file at a time: what is in memory at once stays there, unused

# Which account wrote last to the contact `who`.
LAST_ACCOUNT = (
    select(messages.c.account_id)
    .where(messages.c.contact_id == bindparam("who"), messages.c.sent_s.is_not(None))
    .order_by(messages.c.sent_s.desc())
    .limit(1)
)


class Listed(Protocol):
    """A row of a contact file; `scenarios.contacts.Contact` is one."""

    @property
    def e164(self) -> str | None: ...
    @property
    def timezone(self) -> str: ...
    @property
    def tags(self) -> Set[str]: ...
    @property
    def consent(self) -> bool: ...
    @property
    def variables(self) -> Mapping[str, str]: ...


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


_FIND = Query(select(*COLUMNS).where(among(contacts.c.phone, "phones")))
_VARIABLES = Query(select(contacts.c.id, contacts.c.variables).where(among(contacts.c.id, "ids")))


def find(connection: Connection, phones: Collection[str]) -> dict[str, Contact]:
    """Those contacts (phones in E.164) that exist."""
    return {row[1]: Contact._make(row) for row in _FIND.rows(connection, phones=list(phones))}


def find_or_add(connection: Connection, zones: Mapping[str, str | None], now_s: float) -> dict[str, Contact]:
    """A contact for each phone (E.164) of `zones`; a new one gets that zone, and is taken to consent."""
    if not zones:
        return {}
    found = find(connection, zones)
    new = [phone for phone in zones if phone not in found]
    if new:
        _ADD.execute_columns(
            connection,
            phone=new,
            zone=[zones[phone] for phone in new],
            consent=repeat(True, len(new)),
            variables=repeat("{}", len(new)),
            added_s=repeat(now_s, len(new)),
        )
        found.update(find(connection, new))
    return found


def tag_ids(connection: Connection) -> dict[str, int]:
    """Every tag's id by name."""
    return {row[0]: row[1] for row in connection.execute(select(tags.c.name, tags.c.id))}


def variables_of(connection: Connection, ids: Sequence[int]) -> dict[int, dict[str, str]]:
    """The template variables of these contacts, by id."""
    return {key: msgspec.json.decode(text) for key, text in _VARIABLES.rows(connection, ids=list(ids))}


def load(connection: Connection, listed: Iterable[Listed], now_s: float) -> None:
    """Fill an empty table; malformed numbers and repeats stay out."""
    first_of_each = _by_phone(listed)
    while some := dict(islice(first_of_each, LOADED)):
        _load(connection, some, now_s)


def _by_phone(listed: Iterable[Listed]) -> Iterator[tuple[str, Listed]]:
    seen: set[str] = set()
    for row in listed:
        if row.e164 is not None and row.e164 not in seen:
            seen.add(row.e164)
            yield row.e164, row


def _load(connection: Connection, by_phone: Mapping[str, Listed], now_s: float) -> None:
    rows = by_phone.values()
    known = tag_ids(connection)
    if names := sorted({tag for row in rows for tag in row.tags}.difference(known)):
        connection.execute(
            insert(tags), [{"name": name, "created_s": now_s, "updated_s": now_s} for name in names]
        )
        known = tag_ids(connection)
    _ADD.execute_columns(
        connection,
        phone=by_phone.keys(),
        zone=[row.timezone for row in rows],
        consent=[row.consent for row in rows],
        variables=[msgspec.json.encode(row.variables).decode() for row in rows],
        added_s=repeat(now_s, len(rows)),
    )
    found = find(connection, by_phone)
    carried = [(found[phone].id, known[tag]) for phone, row in by_phone.items() for tag in sorted(row.tags)]
    if carried:
        contact, tag = zip(*carried, strict=True)
        _CARRY.execute_columns(connection, contact_id=contact, tag_id=tag)


def is_empty(connection: Connection) -> bool:
    return connection.execute(select(func.count()).select_from(contacts)).scalar_one() == 0


_ADD = insert_of(contacts, "phone", "zone", "consent", "variables", "added_s")
_CARRY = insert_of(contact_tags, "contact_id", "tag_id")

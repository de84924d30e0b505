"""Pages of contacts, and the same as CSV that no spreadsheet takes for formulas."""

import csv
import io
from collections.abc import Iterable, Sequence

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, select

from server.contacts.csv_cells import harmless
from server.dispatch.contact_index import ContactIndex
from server.store.dialects import among
from server.store.tables import contact_tags, contacts, tags
from server.wire import iso

SHOWN = ("sent", "read", "clicked", "ordered", "replied")  # of what a contact did, when last
FIXED = ("id", "phone", "tags", "timezone", "consent", "opted_out")


class ContactShown(Struct, frozen=True):
    id: int
    phone: str
    timezone: str | None
    consent: bool
    opted_out: bool
    tags: list[str]
    variables: dict[str, str]
    last: dict[str, str]


class ContactPage(Struct, frozen=True):
    """`count` of all that match; `next`: the cursor of the next page, null on the last."""

    count: int
    contacts: list[ContactShown]
    next: int | None


def contacts_shown(connection: Connection, index: ContactIndex, ids: Sequence[int]) -> list[ContactShown]:
    """These contacts, in order of id."""
    carried: dict[int, list[str]] = {}
    for contact, name in connection.execute(_TAGS, {"ids": ids}):
        carried.setdefault(contact, []).append(name)
    return [
        ContactShown(
            row.id,
            row.phone,
            row.zone,
            row.consent,
            row.opted_out_s is not None,
            sorted(carried.get(row.id, ())),
            msgspec.json.decode(row.variables),
            _last(index, row.id),
        )
        for row in connection.execute(_CONTACTS, {"ids": ids})
    ]


def _last(index: ContactIndex, contact: int) -> dict[str, str]:
    times = {event: index.last_s(event, contact) for event in SHOWN}
    return {event: iso(at_s) or "" for event, at_s in times.items() if at_s}


def as_csv(shown: Iterable[ContactShown]) -> bytes:
    """With a column for each variable. Numbers stand without their plus sign, as an import takes them.

    A variable that is called as one of the other columns has its own under `variables.` and its name.
    """
    rows = list(shown)
    variables = sorted({name for row in rows for name in row.variables})
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([*FIXED, *(harmless(_column(name)) for name in variables)])
    for row in rows:
        values = [row.variables.get(name, "") for name in variables]
        cells = (";".join(row.tags), row.timezone or "", _yes(row.consent), _yes(row.opted_out), *values)
        writer.writerow([row.id, row.phone.removeprefix("+"), *map(harmless, cells)])
    return out.getvalue().encode("utf-8")


def _column(variable: str) -> str:
    return f"variables.{variable}" if variable.strip().lower() in FIXED else variable


def _yes(flag: bool) -> str:
    return "yes" if flag else "no"


_CONTACTS = select(contacts).where(among(contacts.c.id, "ids")).order_by(contacts.c.id)
_TAGS = (
    select(contact_tags.c.contact_id, tags.c.name)
    .join_from(contact_tags, tags)
    .where(among(contact_tags.c.contact_id, "ids"))
)

"""Contact files: CSV in, columns out.

Columns: `phone`, `name`, `timezone` (IANA), `tags` (separated by `;`), `consent` (yes/no). Optional:
`segment`; `language` (ISO 639, as `en` or `pt-BR`; without one, that of the phone's country); `customer` (an
id of your own, which a file of orders may use). `name` and every column beyond the required ones are
variables of the message template. A malformed *row* is an error; a malformed *number* is data (C026).
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from sys import intern
from typing import NamedTuple

from scenarios.content import variables_of
from scenarios.csv_file import rows_of
from scenarios.errors import InputError, nearest
from scenarios.languages import OTHERWISE, language_of
from scenarios.loading import Loaded, shipped
from scenarios.phones import e164
from scenarios.zones import WANTED, is_zone

REQUIRED = ("phone", "name", "timezone", "tags", "consent")
CONSENT = {"yes": True, "no": False}
LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*")
ONE_SEGMENT = "all"


class Contact(NamedTuple):
    phone: str
    e164: str | None  # None: malformed number
    timezone: str
    tags: frozenset[str]
    consent: bool
    variables: dict[str, str]  # name and every extra column
    segment: str = ONE_SEGMENT
    language: str = OTHERWISE


@lru_cache(maxsize=8)
def read_contacts(path: Path) -> tuple[Contact, ...]:
    """All rows of a contact file. InputError names file, line and column of the first malformed row."""
    return tuple(_each(path))


def _each(path: Path) -> Iterator[Contact]:
    return (_contact(row, where) for where, row in rows_of(path, REQUIRED, "contacts"))


def _contact(row: dict[str, str], where: str) -> Contact:
    consent = CONSENT.get(row["consent"].lower())
    if consent is None:
        raise InputError(f"{where}: consent: found {row['consent']!r}; must be yes or no")
    if not is_zone(row["timezone"]):
        raise InputError(f"{where}: timezone: found {row['timezone']!r}; {WANTED}")
    if not row.get("segment", ONE_SEGMENT):
        raise InputError(f"{where}: segment: is empty; name one, or leave the column out")
    number = e164(row["phone"])
    return Contact(
        phone=number if row["phone"] == number else row["phone"],
        e164=number,
        timezone=intern(row["timezone"]),
        tags=_tags(row["tags"]),
        consent=consent,
        variables={name: row[name] for name in row if name not in REQUIRED or name == "name"},
        segment=row.get("segment", ONE_SEGMENT),
        language=_language(row.get("language", ""), where) or language_of(number),
    )


@lru_cache(maxsize=4096)
def _tags(text: str) -> frozenset[str]:
    """One set for all who carry the same tags: with a million contacts that is a third of the memory."""
    return frozenset(tag for tag in (each.strip() for each in text.split(";")) if tag)


def _language(text: str, where: str) -> str:
    language = text.lower()
    if language and not LANGUAGE.fullmatch(language):
        raise InputError(f"{where}: language: found {text!r}; must be a code, as en or pt-BR, or empty")
    return language


def contacts_of(loaded: Loaded) -> tuple[Contact, ...]:
    """The scenario's contact file, checked against the campaign's template."""
    contacts = read_contacts(loaded.contacts_path)
    _check_template(loaded, contacts[0])
    return contacts


def size_note(loaded: Loaded) -> str | None:
    """What a number of customers that another file states means for a contact file of one's own; or None."""
    stated, size = loaded.origins.get("population.contacts"), loaded.origins.get("population.size")
    shipped_files = {str(path) for path in shipped().values()}
    if stated in shipped_files or size not in {None, *shipped_files}:
        return None
    customers, rows = loaded.scenario.population.size, len(read_contacts(loaded.contacts_path))
    if customers == rows:
        return None
    drawn = (
        f"its {rows:,} rows are drawn again"
        if customers > rows
        else f"of its {rows:,} rows the first are taken"
    )
    where = "the default" if size is None else Path(size).name
    return (
        f"population.size: {customers:,} customers by {where}, not by {loaded.contacts_path.name}: {drawn}; "
        f"for as many as it has, set population.size={rows}"
    )


def each_contact(loaded: Loaded) -> Iterator[Contact]:
    """The rows of `contacts_of` one by one, for whom needs them once: a million take a gigabyte at once."""
    contacts = _each(loaded.contacts_path)
    first = next(contacts)
    _check_template(loaded, first)
    yield first
    yield from contacts


def _check_template(loaded: Loaded, contact: Contact) -> None:
    campaign = loaded.scenario.campaign
    for name in variables_of(campaign.template):
        columns = list(contact.variables)
        if name not in columns and name not in campaign.fallbacks:
            raise InputError(
                f"{loaded.path.name}: campaign.template: variable {{{name}}} is no column of "
                f"{loaded.contacts_path.name}{nearest(name, columns)} (have: {', '.join(columns)})"
            )

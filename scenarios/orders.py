"""Files of past orders: CSV in, rows out.

Columns: `customer` (an id of the contact file's column of that name) or `phone`; `date` (ISO 8601, as
2026-03-31 or 2026-03-31T17:05; without an offset, in the customer's own time zone); `value`, 0 or more;
optional `currency` (USD or the scenario's `costs.currency`; values without one are in that).
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from scenarios.contacts import Contact, read_contacts
from scenarios.csv_file import rows_of
from scenarios.errors import InputError
from scenarios.phones import e164

MOST_USD = 1_000_000_000
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)


class Order(NamedTuple):
    row: int  # of the customer in the contact file, from 0
    day: date  # in the customer's time zone
    at_s: float  # Unix time
    usd: float


class Money(NamedTuple):
    """The currency of values that state none; `per_usd` of it are one USD."""

    currency: str
    per_usd: float


def read_orders(path: Path, contacts_path: Path, start: datetime, money: Money) -> tuple[Order, ...]:
    """Past orders joined with their contacts, in the file's order.

    Raises InputError, one line with file, line and column, for the first row that cannot be: a customer
    without a contact, a bad date or one after `start`, a bad value, another currency.
    """
    return tuple(_orders(path, contacts_path, start, money))


def _orders(path: Path, contacts_path: Path, start: datetime, money: Money) -> Iterator[Order]:
    contacts = read_contacts(contacts_path)
    find: Callable[[str], int | None] | None = None
    rates = {money.currency: money.per_usd, "USD": 1.0}
    for where, cells in rows_of(path, ("date", "value"), "orders"):
        column = _who(cells, path)
        if find is None:
            find = _finder(column, contacts, contacts_path)
        row = find(cells[column])
        if row is None:
            raise InputError(
                f"{where}: {column}: found {cells[column]!r}, which is no contact of {contacts_path.name}; "
                "add the contact or leave the row out"
            )
        at = _moment(cells["date"], where, ZoneInfo(contacts[row].timezone), start)
        yield Order(row, at.date(), at.timestamp(), _usd(cells, where, money.currency, rates))


def _who(cells: Mapping[str, str], path: Path) -> str:
    for column in ("customer", "phone"):
        if column in cells:
            return column
    raise InputError(
        f"{path.name}: line 1: column 'customer' or 'phone' is missing (found: {', '.join(cells)})"
    )


def _finder(column: str, contacts: Sequence[Contact], contacts_path: Path) -> Callable[[str], int | None]:
    """From a cell to the row of the contact that it names; of equal numbers the first."""
    if column == "phone":
        first: dict[str, int] = {}
        for row, contact in enumerate(contacts):
            first.setdefault(contact.e164 or contact.phone, row)
        return lambda cell: first.get(e164(cell) or cell)
    ids: dict[str, int] = {}
    for row, contact in enumerate(contacts):
        if "customer" not in contact.variables:
            raise InputError(
                f"{contacts_path.name}: line 1: column 'customer' is missing, by which orders name their "
                "customers; add it, or name them by phone"
            )
        name = contact.variables["customer"]
        if name in ids:
            raise InputError(f"{contacts_path.name}: customer: {name!r} stands twice; ids must be unique")
        ids[name] = row
    return ids.get


def _moment(text: str, where: str, zone: ZoneInfo, start: datetime) -> datetime:
    """In the customer's zone."""
    try:
        stated = datetime.fromisoformat(text)
        at = stated.replace(tzinfo=zone) if stated.tzinfo is None else stated.astimezone(zone)
    except (ValueError, OverflowError):  # the latter: years 1 and 9999, moved to another zone
        raise InputError(
            f"{where}: date: found {text!r}; must be ISO 8601, as 2026-03-31 or 2026-03-31T17:05"
        ) from None
    if at < EARLIEST:
        raise InputError(f"{where}: date: found {text!r}; must not be before {EARLIEST.year}")
    if at > start:
        raise InputError(
            f"{where}: date: found {text!r}, after experiment.start ({start.isoformat()}); past orders only: "
            "leave the row out, or start later"
        )
    return at


def _usd(cells: Mapping[str, str], where: str, own: str, rates: Mapping[str, float]) -> float:
    currency = cells.get("currency", "").upper() or own
    if currency not in rates:
        raise InputError(
            f"{where}: currency: found {cells['currency']!r}; must be {' or '.join(rates)}: "
            "convert the value, or set costs.currency and costs.usd_rate"
        )
    try:
        value = float(cells["value"])
    except ValueError:
        value = math.nan
    if not (value >= 0):
        raise InputError(
            f"{where}: value: found {cells['value']!r}; must be a number >= 0, as 12.50 (leave returns out)"
        )
    usd = value / rates[currency]
    if usd > MOST_USD:
        raise InputError(f"{where}: value: found {cells['value']!r}; must be at most {MOST_USD:,} USD")
    return usd

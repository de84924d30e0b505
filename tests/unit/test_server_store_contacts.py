import asyncio
import contextlib
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, select

from scenarios.contacts import Contact
from server.store import contacts as store
from server.store.sqlite import open_writer
from server.store.tables import SCHEMA, contact_tags, contacts, tags


def listed(number: int, phone: str | None, *carried: str) -> Contact:
    return Contact(f"written {number}", phone, "UTC", frozenset(carried), True, {"name": f"n{number}"})


def carried(connection: Connection) -> dict[str, set[str]]:
    query = select(contacts.c.phone, tags.c.name).join_from(contacts, contact_tags).join(tags)
    found: dict[str, set[str]] = {}
    for phone, tag in connection.execute(query):
        found.setdefault(phone, set()).add(tag)
    return found


def test_a_long_file_is_loaded_as_a_short_one_is(tmp_path: Path) -> None:
    """Tags that appear late, repeats across its parts, malformed numbers."""
    size = 2 * store.LOADED + 10
    phones = [f"+1212555{number:04d}" for number in range(size)]
    rows = [listed(number, phone, "all", f"tag {number // 500}") for number, phone in enumerate(phones)]
    rows[7:7] = [listed(-1, None, "of nobody")]
    rows.append(listed(-2, phones[0], "too late"))

    with contextlib.closing(open_writer(tmp_path / "wavetank.db", SCHEMA)) as database:
        asyncio.run(database.run(partial(store.load, listed=rows, now_s=5.0)))
        found = asyncio.run(database.run(carried))
        first = asyncio.run(database.run(partial(store.find, phones=phones[:1])))[phones[0]]
    assert found == {phone: {"all", f"tag {number // 500}"} for number, phone in enumerate(phones)}
    assert (first.zone, first.consent) == ("UTC", True)

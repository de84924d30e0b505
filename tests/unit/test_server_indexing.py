"""An index that follows the logs holds what one built from the tables holds."""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Connection, insert, update

from server.contacts import indexing
from server.contacts.indexing import Indexing, calling_code
from server.dispatch.contact_index import ContactIndex
from server.store import taxonomy
from server.store.database import Database
from server.store.sqlite import open_writer
from server.store.tables import SCHEMA, batches, contacts, events, inbound, messages

NOW_S = 1_700_000_000.0


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setattr(indexing, "SLICE", 3)  # so that everything comes in several slices
    with contextlib.closing(open_writer(tmp_path / "index.db", SCHEMA)) as opened:
        yield opened


def add(connection: Connection, ids: range) -> None:
    rows = [
        {"id": key, "phone": f"+4420794600{key:02d}", "zone": ("Europe/London", None)[key % 2]}
        | {"consent": key % 3 > 0, "variables": "{}", "added_s": NOW_S + key}
        | {"opted_out_s": NOW_S if key % 5 == 0 else None}
        for key in ids
    ]
    connection.execute(insert(contacts), rows)


def first(connection: Connection) -> None:
    add(connection, range(1, 12))
    taxonomy.make(connection, ["vip", "old", "empty"], NOW_S, "test")
    taxonomy.change(connection, {"vip": range(1, 12, 2), "old": [2, 3]}, {}, NOW_S, "test")
    connection.execute(
        insert(events),
        [
            {"contact_id": who, "kind": kind, "at_s": NOW_S + at, "received_s": NOW_S}
            for who, kind, at in [(1, "ordered", 5), (1, "ordered", 3), (4, "clicked", 1), (9, "read", 2)]
        ],
    )
    connection.execute(insert(batches), [{"id": "b", "created_s": NOW_S, "template": "Hi"}])
    sent = {"batch_id": "b", "zone": "UTC", "text": "Hi", "content": 1, "release_s": NOW_S, "attempt": 1}
    connection.execute(
        insert(messages),
        [sent | {"id": key, "contact_id": key, "status": "queued", "due_s": NOW_S} for key in range(1, 6)],
    )
    send(connection, 1, NOW_S + 100)


def send(connection: Connection, key: int, at_s: float) -> None:
    connection.execute(update(messages).where(messages.c.id == key).values(sent_s=at_s, status="sent"))


def then(connection: Connection) -> None:
    add(connection, range(12, 20))
    taxonomy.make(connection, ["new"], NOW_S, "test")
    taxonomy.change(connection, {"vip": [12, 2], "new": [19, 1]}, {"vip": [1, 99]}, NOW_S, "test")
    taxonomy.drop(connection, ["old"], NOW_S, "test")
    connection.execute(
        insert(events),
        [{"contact_id": 1, "kind": "ordered", "at_s": NOW_S + 1, "received_s": NOW_S}] * 5,
    )
    rows: list[dict[str, Any]] = [
        {"id": key, "contact_id": key, "received_s": NOW_S + key, "text": "x", "answer": b"{}"}
        | {"action": "opted_out" if key == 3 else "unmatched"}
        for key in range(1, 8)
    ]
    connection.execute(insert(inbound), rows)
    connection.execute(update(contacts).where(contacts.c.id == 3).values(opted_out_s=NOW_S + 3))
    send(connection, 2, NOW_S + 99)  # recorded after one that was sent later
    send(connection, 3, NOW_S + 101)


def shape(index: ContactIndex) -> dict[str, Any]:
    """Everything that an index says, whatever the room that it keeps."""
    bits = {("tag", name): column for name, column in index.tags.items()}
    bits |= {("flag", name): column for name, column in index.flags.items()}
    found: dict[Any, Any] = {name: index.ids(column).tolist() for name, column in bits.items()}
    for group in (index.times, index.counts):
        found |= {name: np.trim_zeros(column, "b").tolist() for name, column in group.items()}
    zone_of = {number: name for name, number in index.zones.items()}
    members = index.ids(index.present)
    found["zones"] = [zone_of[number] for number in index.zone[members].tolist()]
    found["codes"] = index.country_code[members].tolist()
    return found | {"present": members.tolist()}


def test_what_follows_the_logs_is_what_is_built_from_the_tables(database: Database) -> None:
    following = Indexing(database, speed=1.0)
    for work in (first, then):
        asyncio.run(database.run(work))
        index = asyncio.run(following.fresh())
        built = asyncio.run(Indexing(database, speed=1.0).fresh())
        assert shape(index) == shape(built)
    assert index.ids(index.tags["vip"]).tolist() == [2, 3, 5, 7, 9, 11, 12]
    assert (index.last_s("sent", 2), index.last_s("first_order", 1)) == (NOW_S + 99, NOW_S + 1)
    assert index.counts["orders"][1] == 7
    assert index.ids(index.flags["opted_out"]).tolist() == [3, 5, 10, 15]
    assert "old" not in index.tags


def test_asking_again_changes_nothing(database: Database) -> None:
    following = Indexing(database, speed=1.0)
    asyncio.run(database.run(first))
    before = shape(asyncio.run(following.fresh()))
    assert shape(asyncio.run(following.fresh())) == before


@pytest.mark.parametrize(
    ("phone", "code"), [("+12125550100", 1), ("+442079460001", 44), ("+85221234567", 852), ("+", 0)]
)
def test_the_calling_code_is_the_number_s_beginning(phone: str, code: int) -> None:
    assert calling_code(phone) == code

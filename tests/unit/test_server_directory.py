"""The contacts in memory say what the tables say."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import Connection, update

from scenarios.contacts import Contact
from server.store import contacts as store
from server.store import directory as directories
from server.store.database import Database
from server.store.directory import Directory, Found, look_up
from server.store.sqlite import open_writer
from server.store.tables import SCHEMA, contacts

NOW_S = 1_000.0
PHONES = [f"+1212555{number:04d}" for number in range(30)]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """20 contacts, each third without consent, in two zones."""
    listed = [
        Contact(phone, phone, ("UTC", "Europe/Berlin")[at % 2], frozenset(), at % 3 > 0, {})
        for at, phone in enumerate(PHONES[:20])
    ]
    with contextlib.closing(open_writer(tmp_path / "wavetank.db", SCHEMA)) as opened:
        run(opened, lambda connection: store.load(connection, listed, NOW_S))
        yield opened


def run(database: Database, work: Callable[[Connection], object]) -> None:
    asyncio.run(database.run(work))


def loaded(database: Database) -> Directory:
    directory = Directory()
    run(database, directory.load)
    return directory


def both(database: Database, directory: Directory, phones: Sequence[str]) -> Found:
    """What the directory finds, which is what the tables hold; afterwards it is committed and remembered."""
    found: list[Found] = []

    def work(connection: Connection) -> None:
        zones = ["Asia/Tokyo"] * len(phones)
        found.append(directory.look_up(connection, phones, zones, NOW_S))
        assert found[0][:3] == look_up(connection, phones, zones, NOW_S)[:3]

    run(database, work)
    directory.remember(found[0].news)
    return found[0]


def stop(connection: Connection, phone: str, at_s: float) -> None:
    connection.execute(update(contacts).where(contacts.c.phone == phone).values(opted_out_s=at_s))


def test_known_and_new_contacts_in_any_order(database: Database) -> None:
    directory = loaded(database)
    found = both(database, directory, [PHONES[25], PHONES[3], PHONES[4], PHONES[25], PHONES[1]])
    assert found.zones == ["Asia/Tokyo", "Europe/Berlin", "UTC", "Asia/Tokyo", "Europe/Berlin"]
    assert found.barred == {1: "no_consent"}
    assert list(found.news) == [int(PHONES[25])]
    assert not both(database, directory, PHONES[25:26]).news


def test_which_numbers_are_contacts(database: Database) -> None:
    directory = loaded(database)
    assert directory.has([PHONES[25], PHONES[3], "+100000000000000"]) == [False, True, False]
    digits = PHONES[3][1:]
    otherwise = [digits, f" +{digits}", f"+0{digits}", f"+{digits[:4]}_{digits[4:]}", f"+{digits}\n", "", "+"]
    assert directory.has([*otherwise, PHONES[4]]) == [False] * len(otherwise) + [True]
    assert directory.has([f"{PHONES[3]}\n{PHONES[4]}", PHONES[25]]) == [False, False]
    assert Directory().has(["+14155550100"]) == [False]


def test_an_empty_table(tmp_path: Path) -> None:
    with contextlib.closing(open_writer(tmp_path / "wavetank.db", SCHEMA)) as opened:
        directory = loaded(opened)
        assert both(opened, directory, PHONES[:2]).ids == [1, 2]
        assert not both(opened, directory, PHONES[:2]).news


def test_new_contacts_are_sorted_in_when_there_are_many(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directories, "FEW", 3)
    directory = loaded(database)
    for first in range(20, 28, 2):
        both(database, directory, PHONES[first : first + 2])
    assert not both(database, directory, PHONES[:28]).news


def test_a_stop_holds_in_the_transaction_that_records_it(database: Database) -> None:
    directory = loaded(database)

    def work(connection: Connection) -> None:
        stop(connection, PHONES[1], NOW_S + 1)
        assert directory.look_up(connection, PHONES[:3], [None] * 3, NOW_S).barred[1] == "opted_out"

    run(database, work)
    assert both(database, directory, PHONES[1:2]).barred == {0: "opted_out"}
    assert both(database, loaded(database), PHONES[1:2]).barred == {0: "opted_out"}


def test_a_stop_that_is_undone_bars_nobody(database: Database) -> None:
    directory = loaded(database)

    def work(connection: Connection) -> None:
        stop(connection, PHONES[1], NOW_S + 1)
        directory.look_up(connection, PHONES[:3], [None] * 3, NOW_S)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(database, work)
    assert not both(database, directory, PHONES[1:2]).barred


def test_contacts_of_a_transaction_that_is_undone_are_added_again(database: Database) -> None:
    directory = loaded(database)

    def work(connection: Connection) -> None:
        assert directory.look_up(connection, PHONES[20:21], [None], NOW_S).news
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(database, work)
    assert both(database, directory, PHONES[21:22]).ids == [21]
    assert both(database, directory, PHONES[20:21]).ids == [22]

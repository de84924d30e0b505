"""A connection that is lost in the commit: nobody can know what became of it, and that is said."""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from postgres import new_database
from sqlalchemy import URL, Column, Connection, Integer, MetaData, Table, insert, text

from server.store.database import Database, OutcomeUnknown, StoreUnavailable
from server.store.opening import place_of
from server.store.postgres import open_writer
from server.store.schema import Schema
from server.store.writer import Applied, Step, Writer

metadata = MetaData()
numbers = Table("numbers", metadata, Column("value", Integer, primary_key=True, autoincrement=False))
SCHEMA = Schema("numbers", metadata, head="0001", versions=Path())
# The session ends while it commits, or at once, by the number that is inserted.
ENDING = """
CREATE FUNCTION end_session() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON numbers DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.value = 13) EXECUTE FUNCTION end_session();
CREATE TRIGGER early AFTER INSERT ON numbers
  FOR EACH ROW WHEN (NEW.value = 14) EXECUTE FUNCTION end_session();
"""
IN_COMMIT, BEFORE = 13, 14


@pytest.fixture
def database() -> Iterator[Database]:
    with new_database() as url:
        place = place_of(url)
        assert isinstance(place, URL)
        with contextlib.closing(open_writer(place, SCHEMA)) as opened:
            opened.transact(lambda connection: connection.execute(text(ENDING)))
            yield opened


def store(connection: Connection, requests: Sequence[int]) -> Applied:
    connection.execute(insert(numbers), [{"value": value} for value in requests])
    return Applied(requests)


def test_only_a_loss_during_the_commit_is_an_unknown_outcome(database: Database) -> None:
    async def main() -> list[str]:
        writer, lost = Writer(database, [Step((int,), store)]), []
        writer.lost_track = lambda: lost.append("track")
        loop = asyncio.create_task(writer.run())
        with pytest.raises(StoreUnavailable) as before:
            await writer.submit(BEFORE)
        assert not isinstance(before.value, OutcomeUnknown)
        assert lost == []
        with pytest.raises(OutcomeUnknown):
            await writer.submit(IN_COMMIT)
        assert await writer.submit(1) == 1
        writer.stop()
        await loop
        return lost

    assert asyncio.run(main()) == ["track"]

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres import new_database
from sqlalchemy import Column, Connection, Integer, MetaData, Table, Text, insert, select
from sqlalchemy.engine import make_url

from server.store import postgres, sqlite
from server.store.database import Database, StoreUnavailable
from server.store.dialects import among
from server.store.queries import Query, Row
from server.store.schema import Schema

metadata = MetaData()
SCHEMA = Schema("things", metadata, head="0001", versions=Path())
things = Table(
    "things",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", Text),
    Column("state", Text),
)
NEW = Query(
    select(things.c.id, things.c.name)
    .where(among(things.c.name, "names"), things.c.state == "new")
    .order_by(things.c.id)
)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with contextlib.ExitStack() as stack:
        if request.param == "sqlite":
            opened = sqlite.open_writer(tmp_path / "things.db", SCHEMA)
        else:
            url = make_url(stack.enter_context(new_database())).set(drivername="postgresql+psycopg")
            opened = postgres.open_writer(url, SCHEMA)
        yield stack.enter_context(contextlib.closing(opened))


def test_a_list_is_one_parameter_beside_the_statement_s_own_values(database: Database) -> None:
    def ask(connection: Connection) -> list[list[Row]]:
        rows = [(1, "a'b", "new"), (2, 'c"d', "new"), (3, "a'b", "old"), (4, "e", "new")]
        connection.execute(
            insert(things), [dict(zip(("id", "name", "state"), row, strict=True)) for row in rows]
        )
        return [list(NEW.rows(connection, names=names)) for names in (["a'b", 'c"d', "none"], ["e"], [])]

    assert asyncio.run(database.run(ask)) == [[(1, "a'b"), (2, 'c"d')], [(4, "e")], []]


def test_what_the_driver_itself_tells_is_a_store_that_is_not_there(database: Database) -> None:
    def ask(connection: Connection) -> None:
        raise connection.dialect.loaded_dbapi.OperationalError("gone\nwith details")

    with pytest.raises(StoreUnavailable, match=r"^gone$"):
        asyncio.run(database.run(ask))

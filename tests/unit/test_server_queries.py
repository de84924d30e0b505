import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, select

from server.store.database import Database, StoreUnavailable
from server.store.dialects import among
from server.store.queries import Query, Row
from tests.things import KINDS, opened, things

NEW = Query(
    select(things.c.id, things.c.name)
    .where(among(things.c.name, "names"), things.c.state == "new")
    .order_by(things.c.id)
)


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with opened(request.param, tmp_path) as database:
        yield database


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

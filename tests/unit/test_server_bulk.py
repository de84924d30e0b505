import asyncio
import contextlib
from pathlib import Path

from sqlalchemy import Connection, bindparam, insert, select, update

from server.store.bulk import Bulk
from server.store.sqlite import open_writer
from tests.things import SCHEMA, things

INSERT = Bulk(insert(things))
MARK = Bulk(
    update(things)
    .where(things.c.id == bindparam("key"), things.c.state == "new")
    .values(state="old", name=bindparam("called"))
)


def test_rows_are_written_with_the_statement_s_own_values_beside_theirs(tmp_path: Path) -> None:
    def write(connection: Connection) -> list[tuple[int, str | None, str]]:
        INSERT.execute(connection, [])
        INSERT.execute(connection, [{"state": "new", "id": i, "name": None} for i in (1, 2, 3)])
        INSERT.execute(connection, [{"id": 4, "name": "d", "state": "kept"}])
        MARK.execute(connection, [{"key": 3, "called": "c"}, {"called": "d2", "key": 4}])
        rows = connection.execute(select(things).order_by(things.c.id))
        return [(row[0], row[1], row[2]) for row in rows]

    expected = [(1, None, "new"), (2, None, "new"), (3, "c", "old"), (4, "d", "kept")]
    with contextlib.closing(open_writer(tmp_path / "things.db", SCHEMA)) as database:
        assert asyncio.run(database.run(write)) == expected

import asyncio
from pathlib import Path

from sqlalchemy import Column, Integer, MetaData, Table, Text, bindparam, insert, select, update

from server.store.bulk import Bulk
from server.store.database import open_writer

metadata = MetaData()
things = Table(
    "things",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("name", Text),
    Column("state", Text),
)
INSERT = Bulk(insert(things))
MARK = Bulk(
    update(things)
    .where(things.c.id == bindparam("key"), things.c.state == "new")
    .values(state="old", name=bindparam("called"))
)


def test_rows_are_written_with_the_statement_s_own_values_beside_theirs(tmp_path: Path) -> None:
    async def main() -> list[tuple[int, str | None, str]]:
        engine = await open_writer(tmp_path / "things.db", metadata, 1)
        async with engine.begin() as connection:
            await INSERT.execute(connection, [])
            await INSERT.execute(connection, [{"state": "new", "id": i, "name": None} for i in (1, 2, 3)])
            await INSERT.execute(connection, [{"id": 4, "name": "d", "state": "kept"}])
            await MARK.execute(connection, [{"key": 3, "called": "c"}, {"called": "d2", "key": 4}])
            rows = (await connection.execute(select(things).order_by(things.c.id))).all()
        await engine.dispose()
        return [(row[0], row[1], row[2]) for row in rows]

    expected = [(1, None, "new"), (2, None, "new"), (3, "c", "old"), (4, "d", "kept")]
    assert asyncio.run(main()) == expected

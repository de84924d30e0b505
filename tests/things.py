"""A table of things, and a database of either kind that a schema opens: for tests of the store itself."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from postgres import new_database
from sqlalchemy import Column, Integer, MetaData, Table, Text
from sqlalchemy.engine import make_url

from server.store import postgres, sqlite
from server.store.database import Database
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
KINDS = ("sqlite", "postgresql")


@contextlib.contextmanager
def opened(kind: str, folder: Path, schema: Schema = SCHEMA) -> Iterator[Database]:
    """Its writer on a new database: a file in `folder`, or one of the PostgreSQL server's."""
    with contextlib.ExitStack() as stack:
        if kind == "sqlite":
            database = sqlite.open_writer(folder / "things.db", schema)
        else:
            url = make_url(stack.enter_context(new_database())).set(drivername="postgresql+psycopg")
            database = postgres.open_writer(url, schema)
        yield stack.enter_context(contextlib.closing(database))

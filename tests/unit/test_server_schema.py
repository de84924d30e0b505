"""Tables made anew and tables migrated are the same; what is no database of ours is refused."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from postgres import new_database
from sqlalchemy import URL

from scenarios.errors import InputError
from server.network import emulated
from server.store import postgres, sqlite, tables
from server.store.database import Database
from server.store.opening import place_of
from server.store.schema import Schema

SCHEMAS = pytest.mark.parametrize("schema", [tables.SCHEMA, emulated.SCHEMA], ids=lambda schema: schema.name)
OLD = {name: Path(__file__).with_name(f"{name}_v1.sql") for name in ("wavetank", "network")}


def first_release(schema: Schema, path: Path) -> None:
    """A file as the first release left it, with a row in it."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(OLD[schema.name].read_text(encoding="utf-8"))
        if schema is tables.SCHEMA:
            connection.execute("INSERT INTO contacts VALUES (7, '+12125550100', NULL, 1, 5.0, NULL, '{}')")
            for batch in ("full", "empty"):
                connection.execute(
                    "INSERT INTO batches VALUES (?, 1, NULL, 2, 'Hi', NULL, NULL, NULL)", (batch,)
                )
            for key in (4, 5, 6):
                row = (key, "full", 7, "UTC", "Hi", 1, 1, 1, "waiting", None, 1, None, None, None)
                connection.execute(f"INSERT INTO messages VALUES ({', '.join('?' * len(row))})", row)
        connection.commit()


@contextlib.contextmanager
def opened(url: str, schema: Schema) -> Iterator[Database]:
    place = place_of(url)
    assert isinstance(place, URL)
    with contextlib.closing(postgres.open_writer(place, schema)) as database:
        yield database


def shape(path: Path) -> dict[str, object]:
    """What SQLite knows of each table and index, whatever the order of columns."""
    with contextlib.closing(sqlite3.connect(path)) as connection:

        def rows(query: str) -> list[tuple[object, ...]]:
            return connection.execute(query).fetchall()

        found: dict[str, object] = dict(rows("SELECT name, sql FROM sqlite_master WHERE type = 'index'"))
        for name, without_rowid in rows("SELECT name, wr FROM pragma_table_list WHERE schema = 'main'"):
            columns = {row[1:] for row in rows(f"PRAGMA table_info({name})")}
            references = {row[2:] for row in rows(f"PRAGMA foreign_key_list({name})")}
            unique = sum(row[2] for row in rows(f"PRAGMA index_list({name})"))
            found[str(name)] = (without_rowid, columns, references, unique)
    return found


@SCHEMAS
def test_a_schema_s_head_is_the_newest_revision_and_the_only_one(schema: Schema) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(sqlite.__file__).parent / "migrations"))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", str(schema.versions))
    assert ScriptDirectory.from_config(config).get_heads() == [schema.head]


@SCHEMAS
def test_a_file_of_the_first_release_becomes_what_a_new_one_is(schema: Schema, tmp_path: Path) -> None:
    first_release(schema, tmp_path / "old.db")
    for name in ("old.db", "new.db"):
        sqlite.open_writer(tmp_path / name, schema).close()
    assert shape(tmp_path / "old.db") == shape(tmp_path / "new.db")
    with contextlib.closing(sqlite3.connect(tmp_path / "old.db")) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        if schema is tables.SCHEMA:
            kept = connection.execute("SELECT id, phone, opted_out_s FROM contacts").fetchall()
            assert kept == [(7, "+12125550100", 5.0)]
            query = "SELECT id, first_message_id, last_message_id FROM batches ORDER BY id"
            assert connection.execute(query).fetchall() == [("empty", None, None), ("full", 4, 6)]


@SCHEMAS
def test_all_revisions_one_after_the_other_make_the_tables_of_the_code(schema: Schema) -> None:
    with new_database() as url:
        with psycopg.connect(url, autocommit=True) as first:
            first.execute(f"CREATE SCHEMA {schema.name}")
            first.execute(f"CREATE TABLE {schema.name}.alembic_version (version_num varchar(32) PRIMARY KEY)")
        with opened(url, schema) as database:
            found = database.transact(
                lambda connection: compare_metadata(MigrationContext.configure(connection), schema.metadata)
            )
    assert found == []


def test_a_database_of_a_later_release_is_refused_and_left_alone(tmp_path: Path) -> None:
    sqlite.open_writer(tmp_path / "new.db", tables.SCHEMA).close()
    with contextlib.closing(sqlite3.connect(tmp_path / "new.db")) as later:
        later.execute("UPDATE alembic_version SET version_num = '9999'")
        later.commit()
    with pytest.raises(InputError, match=r"--db .*new.db: made by another release .*9999"):
        sqlite.open_writer(tmp_path / "new.db", tables.SCHEMA)


def test_the_network_s_record_is_no_database_of_the_server(tmp_path: Path) -> None:
    sqlite.open_writer(tmp_path / "record.db", emulated.SCHEMA).close()
    with pytest.raises(InputError, match="another release"):
        sqlite.open_writer(tmp_path / "record.db", tables.SCHEMA)


def test_tables_of_somebody_else_on_postgresql_are_refused_and_left_alone() -> None:
    with new_database() as url:
        with psycopg.connect(url, autocommit=True) as theirs:
            theirs.execute("CREATE SCHEMA wavetank CREATE TABLE recipes (name text)")
        with pytest.raises(InputError, match="not a Wavetank database"), opened(url, tables.SCHEMA):
            pass


def test_a_server_that_does_not_answer_is_one_line_without_its_password() -> None:
    with (
        pytest.raises(InputError, match=r"^--db postgresql://u:\*\*\*@127.0.0.1:1/none: .*$") as caught,
        opened("postgresql://u:secret@127.0.0.1:1/none", tables.SCHEMA),
    ):
        pass
    assert "\n" not in str(caught.value)

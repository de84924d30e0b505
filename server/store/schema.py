"""A set of tables as it should be, and how a database of an earlier release gets there.

A new database is made as the tables stand in the code; alembic is imported only for an older one, since it
takes 11 MB and half a second that no start should pay. That both ways end the same is tested.
"""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Column, Connection, MetaData, String, Table, delete, insert, inspect, select

from scenarios.errors import InputError

FIRST = "0001"  # the last part of the revision that says what databases held before there were revisions
_SCRIPTS = Path(__file__).parent / "migrations"

# As alembic makes it.
_version = Table(
    "alembic_version", MetaData(), Column("version_num", String(32), primary_key=True, nullable=False)
)


@dataclass(frozen=True, slots=True)
class Schema:
    """`head` is the newest revision in the folder `versions`; `name` is its namespace on PostgreSQL."""

    name: str
    metadata: MetaData
    head: str
    versions: Path


def bring_up_to_date(connection: Connection, schema: Schema, *, shown: str) -> None:
    """Make or migrate the tables, all or nothing; `shown` is the database in an error message.

    InputError for tables of another make, or of a later release.
    """
    tables = set(inspect(connection).get_table_names())
    if not tables:
        schema.metadata.create_all(connection)
        _version.create(connection)
        _stamp(connection, schema.head)
    elif _version.name not in tables:
        raise InputError(f"--db {shown}: not a Wavetank database; name another one")
    elif connection.execute(select(_version.c.version_num)).scalar() != schema.head:
        _migrate(connection, schema, shown)


def adopt(connection: Connection, schema: Schema) -> None:
    """Call a database from before there were revisions by its revision."""
    _version.create(connection)
    _stamp(connection, schema.head[: -len(FIRST)] + FIRST)


def _stamp(connection: Connection, revision: str) -> None:
    connection.execute(delete(_version))
    connection.execute(insert(_version).values(version_num=revision))


def _migrate(connection: Connection, schema: Schema, shown: str) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")  # a folder's name may hold anything else
    config.set_main_option("version_locations", str(schema.versions).replace("%", "%%"))
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise InputError(
            f"--db {shown}: made by another release of Wavetank ({error}); use that one or name another"
        ) from None

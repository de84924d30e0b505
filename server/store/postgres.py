"""PostgreSQL: several servers at a time on one database, one of them writing at any moment.

The driver is psycopg 3, and it runs in the same threads as SQLite's: the functions of a connection that make
up the server compute (plans, answers) between their statements, which must not happen on the event loop. An
asynchronous driver would put it there.

Every writing transaction begins with one lock, as BEGIN IMMEDIATE does on SQLite. So what a step reads stays
true until its commit, whichever worker runs it: a STOP and a send, two uses of one idempotency key, a ban and
a plan never pass each other unseen. Writers queue for it with whole groups of requests.
"""

import contextlib
from collections.abc import Iterator
from zlib import crc32

from psycopg.errors import InsufficientPrivilege
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import OperationalError, ProgrammingError

from scenarios.errors import InputError
from server.store.database import READERS, Database
from server.store.schema import Schema, bring_up_to_date

CONNECT_S = 5
# A server that cannot go on must not keep the others waiting: what it holds is let go after this.
STALLED_MS = 10_000


def open_writer(url: URL, schema: Schema) -> Database:
    """One writing connection; the tables are made, or brought up to date.

    InputError unless the database answers and is empty or a Wavetank database.
    """
    engine = _engine(url, schema, "READ COMMITTED", connections=1)

    @event.listens_for(engine, "begin")
    def lock(connection: Connection) -> None:
        _lock(connection, schema)

    with contextlib.ExitStack() as undo:
        undo.callback(engine.dispose)
        with _told(url):
            _make_namespace(url, schema)
            with engine.begin() as connection:
                bring_up_to_date(connection, schema, shown=shown(url))
        undo.pop_all()
    return Database(engine, 1)


def open_readers(url: URL, schema: Schema) -> Database:
    """`READERS` connections that cannot write; each transaction sees one moment."""
    engine = _engine(
        url, schema, "REPEATABLE READ", "-c default_transaction_read_only=on", connections=READERS
    )
    return Database(engine, READERS)


def open_beat(url: URL, schema: Schema) -> Database:
    """One connection that writes without the writers' lock: a sign of life must not queue behind work."""
    return Database(_engine(url, schema, "READ COMMITTED", connections=1), 1)


def shown(url: URL) -> str:
    """The URL as it may be printed: without its password."""
    return url.set(drivername="postgresql").render_as_string(hide_password=True)


def _lock(connection: Connection, schema: Schema) -> None:
    """Until the transaction's end nobody else writes to these tables."""
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({crc32(schema.name.encode())})")


def _make_namespace(url: URL, schema: Schema) -> None:
    engine = create_engine(url, connect_args={"connect_timeout": CONNECT_S})
    try:
        with engine.begin() as connection:
            _lock(connection, schema)
            connection.exec_driver_sql(f'CREATE SCHEMA IF NOT EXISTS "{schema.name}"')
    finally:
        engine.dispose()


def _engine(url: URL, schema: Schema, isolation: str, *options: str, connections: int) -> Engine:
    settings = (
        f"-c search_path={schema.name}",
        f"-c lock_timeout={STALLED_MS}",
        f"-c idle_in_transaction_session_timeout={STALLED_MS}",
        *options,
    )
    return create_engine(
        url,
        isolation_level=isolation,
        pool_size=connections,
        max_overflow=0,
        hide_parameters=True,  # an error message must not carry numbers or texts into a log
        connect_args={
            "connect_timeout": CONNECT_S,
            # A machine that does not answer any more is given up, whether we send to it or wait for it.
            "tcp_user_timeout": STALLED_MS,
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "application_name": "wavetank",
            "options": " ".join(settings),
        },
    )


@contextlib.contextmanager
def _told(url: URL) -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        why = str(error.orig).strip().partition("\n")[0]
        raise InputError(
            f"--db {shown(url)}: cannot be opened: {why}; start PostgreSQL, or name a database that exists"
        ) from None
    except ProgrammingError as error:
        if not isinstance(error.orig, InsufficientPrivilege):
            raise
        why = str(error.orig).strip().partition("\n")[0]
        raise InputError(
            f"--db {shown(url)}: cannot be opened: {why}; give a role that may make tables there"
        ) from None

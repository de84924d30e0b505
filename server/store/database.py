"""SQLite: one connection that writes, several that read, each with a thread, and one server at a time."""

import asyncio
import contextlib
import fcntl
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, TypeVar

from sqlalchemy import Connection, Engine, MetaData, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, OperationalError

from scenarios.errors import InputError

T = TypeVar("T")

READERS = 4
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000", "foreign_keys=ON")


class StoreUnavailable(Exception):
    """The database refused or failed: nothing of what was asked has been done."""


class Database:
    """A database and the threads that talk to it, so that the event loop never waits for a disk.

    `run` is the only way in: whatever a caller wants done is one function of a connection, so that it costs
    one crossing to a thread and back, however many statements it takes. An engine with an async driver can
    take the same functions through `AsyncConnection.run_sync`.
    """

    def __init__(self, engine: Engine, connections: int) -> None:
        self._engine = engine
        self._threads = ThreadPoolExecutor(connections, "database")

    async def run(self, work: Callable[[Connection], T]) -> T:
        """What `work` returns, once it is committed; what it raises, once it is undone.

        It runs in a thread: it must not touch what the event loop may change meanwhile. Raises
        StoreUnavailable when the database fails.
        """
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._transact, work)

    def _transact(self, work: Callable[[Connection], T]) -> T:
        try:
            with self._engine.begin() as connection:
                return work(connection)
        except OperationalError as error:  # locked, full, gone
            raise StoreUnavailable(str(error.orig)) from None

    def close(self) -> None:
        """Wait for what is under way; `run` must not be called again."""
        self._threads.shutdown()
        self._engine.dispose()


def path_of(db: str) -> Path:
    """The file of a path or of a `sqlite:///path` URL; InputError for anything else."""
    if "://" not in db:
        return Path(db)
    try:
        url = make_url(db)
    except ArgumentError:
        raise InputError(f"--db {db}: not a database URL; give a path or sqlite:///PATH") from None
    if url.get_backend_name() != "sqlite":
        raise InputError(
            f"--db {url.render_as_string()}: only SQLite is supported; give a path or sqlite:///PATH"
        )
    if url.database in (None, "", ":memory:"):
        raise InputError(f"--db {db}: the server needs a file that outlives it; name one")
    return Path(str(url.database))


def hold(path: Path) -> IO[str]:
    """Take the file for this process until the handle is closed; InputError if another server has it."""
    lock = path.with_name(f"{path.name}.lock")
    try:
        handle = lock.open("w")
    except OSError as error:
        raise InputError(_cannot_open(path, error.strerror or str(error))) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.close()
        raise InputError(
            f"--db {path}: another server is using it; stop that one or name another file"
        ) from None
    return handle


def _engine(path: Path, *, readers: int | None = None) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        pool_size=readers or 1,
        max_overflow=0,
        pool_reset_on_return=None,  # `_transact` leaves nothing open
        hide_parameters=True,  # an error message must not carry numbers or texts into a log
        connect_args={"timeout": 5.0, "isolation_level": None},  # the driver begins nothing by itself
    )
    # A writer locks first, not at its first write; a reader sees one moment in all of its statements.
    begin = "BEGIN" if readers else "BEGIN IMMEDIATE"

    @event.listens_for(engine, "connect")
    def settle(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for pragma in (*PRAGMAS, *(["query_only=ON"] if readers else [])):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def lock(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def check(path: Path, version: int) -> None:
    """InputError unless the file can be opened and written, and is new or a database of this version."""
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=1)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            (found,) = connection.execute("PRAGMA user_version").fetchone()
            (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        raise InputError(_cannot_open(path, str(error))) from None
    if tables and found != version:
        raise InputError(
            f"--db {path}: not a Wavetank database of version {version} (found {found}); name another file"
        )


def open_writer(path: Path, metadata: MetaData, version: int) -> Database:
    """One writing connection, tables made. InputError as `check` raises it."""
    check(path, version)
    engine = _engine(path)
    with engine.begin() as connection:
        metadata.create_all(connection)
        connection.execute(text(f"PRAGMA user_version={version:d}"))
    return Database(engine, 1)


def open_readers(path: Path) -> Database:
    """`READERS` connections that cannot write."""
    return Database(_engine(path, readers=READERS), READERS)


def _cannot_open(path: Path, why: str) -> str:
    return f"--db {path}: cannot be opened: {why}; name a file in a folder that exists and can be written"

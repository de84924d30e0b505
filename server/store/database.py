"""Opening SQLite: one writing connection, several reading ones, and one server at a time."""

import contextlib
import fcntl
import sqlite3
from pathlib import Path
from typing import IO, Any

from sqlalchemy import MetaData, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from scenarios.errors import InputError

READERS = 4
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000", "foreign_keys=ON")


class StoreUnavailable(Exception):
    """The database refused or failed: nothing of what was asked has been done."""


def path_of(db: str) -> Path:
    """The file of a path or of a `sqlite+aiosqlite:///path` URL; InputError for anything else."""
    if "://" not in db:
        return Path(db)
    try:
        url = make_url(db)
    except ArgumentError:
        raise InputError(f"--db {db}: not a database URL; give a path or sqlite+aiosqlite:///PATH") from None
    if url.get_backend_name() != "sqlite":
        raise InputError(
            f"--db {url.render_as_string()}: only SQLite is supported; give a path or sqlite+aiosqlite:///PATH"
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


def _engine(path: Path, *, readers: int | None = None) -> AsyncEngine:
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{path}",
        pool_size=readers or 1,
        max_overflow=0,
        hide_parameters=True,  # an error message must not carry numbers or texts into a log
        connect_args={"timeout": 5.0},
    )

    @event.listens_for(engine.sync_engine, "connect")
    def settle(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for pragma in (*PRAGMAS, *(["query_only=ON"] if readers else [])):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

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


async def open_writer(path: Path, metadata: MetaData, version: int) -> AsyncEngine:
    """The engine of the one writing connection, tables made. InputError as `check` raises it."""
    check(path, version)
    engine = _engine(path)
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
        await connection.execute(text(f"PRAGMA user_version={version:d}"))
    return engine


def open_readers(path: Path) -> AsyncEngine:
    """An engine of `READERS` connections that cannot write."""
    return _engine(path, readers=READERS)


def _cannot_open(path: Path, why: str) -> str:
    return f"--db {path}: cannot be opened: {why}; name a file in a folder that exists and can be written"

"""SQLite: one connection that writes, several that read, and one server at a time."""

import asyncio
import contextlib
import fcntl
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import IO, Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, OperationalError

from scenarios.errors import InputError
from server.store.database import READERS, Database, StoreUnavailable, first_line, is_damage
from server.store.schema import Schema, adopt, bring_up_to_date

T = TypeVar("T")
logger = logging.getLogger(__name__)

# PRAGMA user_version: since 2, the table alembic_version says which revision it is.
BEFORE_REVISIONS, WITH_REVISIONS = 1, 2
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL")
BEGIN = "BEGIN IMMEDIATE"  # a writer locks first, not at its first write
# A commit that takes no longer, on average of the latest ten or so, is not worth the way to a thread and
# back, which costs more of the processor. Assumed: half of what a group may wait to gather.
QUICK_S = 0.001
MEMORY = 0.9  # assumed: weight of all before in that average
FORGETS = 0.99  # assumed: what a commit in the thread leaves of it; so a slow disk is tried again, seldom
WRITE_BACK_S = 1.0  # at least, from one time that the log is written back to the next
DAMAGED = ("database disk image is malformed", "file is not a database")  # SQLite's words
BUSY_MS = 5_000  # to wait for somebody else's lock
# A batch on its way is written three times: its pages and those of its indexes stay at hand (8 MiB, taken as
# it is needed). What a row refers to was read or written in its own transaction: a check of that (as
# PostgreSQL makes it) finds nothing and takes a quarter of an insert's time. A commit writes the log back
# only if it has grown to 128 MiB although that is done beside it.
WRITER = ("cache_size=-8192", "wal_autocheckpoint=32768", "foreign_keys=OFF", "busy_timeout=0")
# Pages that are read again are at hand with the system: 256 KiB a connection hold the upper ones of a tree.
READER = ("query_only=ON", "cache_size=-256", f"busy_timeout={BUSY_MS}")


class WriterFile(Database):
    """The one connection that writes to a file; one transaction at a time.

    A brief one runs its statements where it is asked for, on the event loop, and leaves the commit, if it
    waits long for the disk, to the thread. In the thread every statement gives the interpreter away and must
    ask for it again, which beside a busy loop takes longer than the statement.
    """

    def __init__(self, engine: Engine, path: Path) -> None:
        super().__init__(engine, 1)
        self._log = _Log(path)
        # Kept, and begun and ended by the driver: by the pool and SQLAlchemy that costs ten statements.
        self._connection = engine.connect()
        driver = self._connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        self._driver = driver
        self._free = asyncio.Lock()
        self._commit_s = 0.0  # what a commit takes, by the latest on the event loop

    async def run(self, work: Callable[[Connection], T]) -> T:
        async with self._free:
            return await self._in_thread(partial(self.transact, work))

    async def run_briefly(self, work: Callable[[Connection], T]) -> T:
        async with self._free:
            try:
                self._driver.execute(BEGIN)
            except sqlite3.OperationalError:  # another program writes: not for the event loop to wait for
                return await self._in_thread(partial(self.transact, work))
            return await self._commit(work)

    async def _commit(self, work: Callable[[Connection], T]) -> T:
        try:
            done = work(self._connection)
            if self._commit_s <= QUICK_S and not self._log.has_rest:
                self._commit_here()
            else:
                self._commit_s *= FORGETS
                await self._in_thread(partial(self._log.commit, self._driver))
            return done
        except self._told as error:
            if not self._has_failed(error):
                raise
            raise StoreUnavailable(first_line(error)) from None
        finally:
            self._end()

    def _commit_here(self) -> None:
        began_s = time.monotonic()
        self._log.commit(self._driver)
        took_s = time.monotonic() - began_s
        self._commit_s = MEMORY * self._commit_s + (1 - MEMORY) * took_s

    def transact(self, work: Callable[[Connection], T]) -> T:
        """`run` in the caller's own thread."""
        try:
            self._driver.execute(f"PRAGMA busy_timeout={BUSY_MS}")
            try:
                self._driver.execute(BEGIN)
            finally:
                self._driver.execute("PRAGMA busy_timeout=0")
            done = work(self._connection)
            self._log.commit(self._driver)
            return done
        except self._told as error:
            if not self._has_failed(error):
                raise
            raise StoreUnavailable(first_line(error)) from None
        finally:
            self._end()

    def _end(self) -> None:
        """Undo what is not committed; let SQLAlchemy know that the transaction is over."""
        self._connection.rollback()
        self._driver.rollback()

    def close(self) -> None:
        self._log.close()
        self._connection.close()
        super().close()


class _Log:
    """Has what is committed written back from the log to the file, beside the writer.

    By a commit itself, when the log is long, that takes tens of milliseconds, for which all who send wait.
    Beside it the log goes on growing meanwhile; that last bit is left to a later commit, which finds little
    to do, and then the log begins anew.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, "log")
        self._due_s = time.monotonic() + WRITE_BACK_S
        self._rest = threading.Event()

    @property
    def has_rest(self) -> bool:
        """Whether the next commit writes back what came while the log was copied: some milliseconds."""
        return self._rest.is_set()

    def commit(self, driver: sqlite3.Connection) -> None:
        """Commit, and see to the log."""
        driver.commit()
        if self.has_rest:
            self._rest.clear()
            _write_back(driver)
        elif time.monotonic() >= self._due_s:
            self._due_s = time.monotonic() + WRITE_BACK_S
            self._thread.submit(self._copy)

    def close(self) -> None:
        """Wait for what is under way."""
        self._thread.shutdown()

    def _copy(self) -> None:
        with contextlib.closing(sqlite3.connect(self._path, timeout=0)) as connection:
            _write_back(connection)
        self._rest.set()


def _write_back(connection: sqlite3.Connection) -> None:
    try:
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    except sqlite3.Error as error:  # the commit stands
        logger.warning("the log of the database cannot be written back, it grows: %s", error)


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


def open_writer(path: Path, schema: Schema) -> Database:
    """One writing connection; the tables are made, or brought up to date.

    InputError unless the file can be written, and is new or a Wavetank database.
    """
    check(path)
    migrating = _engine(
        path, "BEGIN IMMEDIATE", "foreign_keys=OFF", f"busy_timeout={BUSY_MS}"
    )  # a table may be made anew
    try:
        with migrating.begin() as connection:
            _migrate(connection, path, schema)
    except DatabaseError as error:
        if not (isinstance(error, OperationalError) or is_damage(error)):
            raise
        raise InputError(_cannot_open(path, str(error.orig))) from None
    finally:
        migrating.dispose()
    return WriterFile(_engine(path, None, *WRITER), path)


def open_readers(path: Path) -> Database:
    """`READERS` connections that cannot write."""
    return Database(_engine(path, "BEGIN", *READER, connections=READERS), READERS)


def check(path: Path) -> None:
    """InputError unless the file can be opened and written, and is new or a Wavetank database."""
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=1)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            (found,) = connection.execute("PRAGMA user_version").fetchone()
            (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        raise InputError(_cannot_open(path, str(error))) from None
    if tables and found not in (BEFORE_REVISIONS, WITH_REVISIONS):
        raise InputError(f"--db {path}: not a Wavetank database; name another file")


def _migrate(connection: Connection, path: Path, schema: Schema) -> None:
    if connection.exec_driver_sql("PRAGMA user_version").scalar() == BEFORE_REVISIONS:
        adopt(connection, schema)
    bring_up_to_date(connection, schema, shown=str(path))
    connection.exec_driver_sql(f"PRAGMA user_version={WITH_REVISIONS}")


def _engine(path: Path, begin: str | None, *pragmas: str, connections: int = 1) -> Engine:
    """`begin`: how a transaction begins, so that all its statements see one moment; None: not here."""
    engine = create_engine(
        f"sqlite:///{path}",
        pool_size=connections,
        max_overflow=0,
        pool_reset_on_return=None,  # a transaction is ended before its connection is given back
        hide_parameters=True,  # an error message must not carry numbers or texts into a log
        connect_args={"timeout": 5.0, "isolation_level": None},  # the driver begins nothing by itself
    )

    @event.listens_for(engine, "connect")
    def settle(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for pragma in (*PRAGMAS, *pragmas):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    if begin is not None:
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


def _cannot_open(path: Path, why: str) -> str:
    if why in DAMAGED:
        return f"--db {path}: cannot be opened: {why}; bring back a copy of it, or name another file"
    return f"--db {path}: cannot be opened: {why}; name a file in a folder that exists and can be written"

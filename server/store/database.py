"""A database, and the threads that talk to it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DatabaseError, DBAPIError, InterfaceError, OperationalError

T = TypeVar("T")

READERS = 4  # connections and threads that read


class StoreUnavailable(Exception):
    """The database refused or failed: nothing of what was asked has been done."""


class OutcomeUnknown(StoreUnavailable):
    """The database was lost while it committed: all of what was asked has been done, or nothing."""


class Database:
    """A database and the threads that talk to it, so that the event loop never waits for a disk.

    `run` is the only way in: whatever a caller wants done is one function of a connection, so that it costs
    one crossing to a thread and back, however many statements it takes.
    """

    def __init__(self, engine: Engine, connections: int) -> None:
        self._engine = engine
        self._threads = ThreadPoolExecutor(connections, "database")
        driver = engine.dialect.loaded_dbapi
        self._failed = (OperationalError, driver.OperationalError, InterfaceError, driver.InterfaceError)
        self._told = (DatabaseError, driver.DatabaseError, InterfaceError, driver.InterfaceError)

    async def run(self, work: Callable[[Connection], T]) -> T:
        """What `work` returns, once it is committed; what it raises, once it is undone.

        It runs in a thread: it must not touch what the event loop may change meanwhile. Raises
        StoreUnavailable when the database fails, OutcomeUnknown if that was during the commit.
        """
        return await self._in_thread(partial(self.transact, work))

    async def run_briefly(self, work: Callable[[Connection], T]) -> T:
        """`run` for what takes a millisecond or two: a database at hand need not cross to a thread for it."""
        return await self.run(work)

    def transact(self, work: Callable[[Connection], T]) -> T:
        """`run` in the caller's own thread."""
        commits = False
        try:
            with self._engine.begin() as connection:
                done = work(connection)
                commits = True
            return done
        except self._told as error:  # locked, full, gone: told by SQLAlchemy, or by the driver itself
            if not self._has_failed(error):
                raise
            is_unknown = commits and isinstance(error, DBAPIError) and error.connection_invalidated
            raise (OutcomeUnknown if is_unknown else StoreUnavailable)(first_line(error)) from None

    def _has_failed(self, error: Exception) -> bool:
        """Whether the database has failed, as a damaged file has; else we asked it for what is wrong."""
        return isinstance(error, self._failed) or is_damage(error)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """What `work` returns; over when it is, for one who is cancelled too: its connection is not free."""
        running = asyncio.get_running_loop().run_in_executor(self._threads, work)
        try:
            await asyncio.wait({running})
        finally:
            while not running.done():
                await asyncio.wait({running})
            if not running.cancelled():
                running.exception()  # seen, though nobody asks for it where the caller was cancelled
        return running.result()

    def close(self) -> None:
        """Wait for what is under way; `run` must not be called again."""
        self._threads.shutdown()
        self._engine.dispose()


def is_damage(error: Exception) -> bool:
    """Whether it is none of the kinds of a driver's error, but the one above them: so SQLite tells damage."""
    return type(error).__name__ == DatabaseError.__name__


def first_line(error: Exception) -> str:
    told = error.orig if isinstance(error, DBAPIError) else error
    return str(told).partition("\n")[0]

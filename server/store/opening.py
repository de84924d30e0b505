"""From what `--db` says to open databases."""

import contextlib
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from sqlalchemy import URL
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from scenarios.errors import InputError
from server.store import sqlite
from server.store.database import Database
from server.store.schema import Schema

Place = Path | URL  # a SQLite file, or a PostgreSQL database
MEMORY = ":memory:"
OUTLIVES = "the server needs a file that outlives it; name one"
CREDENTIALS = re.compile("://.*@", re.DOTALL)  # of a URL, however malformed
GIVE = "give a path, sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME"


@dataclass(frozen=True, slots=True)
class Stores:
    """The server's own tables, to write and to read, and the emulated network's record.

    `beat` writes without waiting for other writers; there is one where several servers may share the tables.
    """

    writer: Database
    readers: Database
    record: Database
    beat: Database | None = None


def place_of(db: str) -> Place:
    """Where a path or a URL points; InputError for what is neither."""
    if db in ("", MEMORY):
        raise InputError(f"--db {db}: {OUTLIVES}")
    if "://" not in db:
        return _file(db)
    try:
        url = make_url(db)
    except (ArgumentError, ValueError):  # ValueError: a port that is no number
        raise InputError(f"--db {CREDENTIALS.sub('://***@', db)}: not a database URL; {GIVE}") from None
    backend = url.get_backend_name()
    if backend in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise InputError(f"--db {url.render_as_string()}: neither SQLite nor PostgreSQL; {GIVE}")
    if url.database in (None, "", MEMORY):
        raise InputError(f"--db {db}: {OUTLIVES}")
    return _file(str(url.database))


def _file(path: str) -> Path:
    """What a link points to: under each name of a file the same is held, and beside it the same record."""
    return Path(path).resolve() if Path(path).is_symlink() else Path(path)


def shown(place: Place) -> str:
    """As it may be printed: without a password."""
    return str(place) if isinstance(place, Path) else place.render_as_string(hide_password=True)


@contextlib.contextmanager
def open_stores(place: Place, own: Schema, record: Schema) -> Iterator[Stores]:
    """Open, made or migrated, until the block ends. InputError if that cannot be."""
    with contextlib.ExitStack() as stack:
        if isinstance(place, Path):
            stack.enter_context(closing(sqlite.hold(place)))
            opened = Stores(
                stack.enter_context(closing(sqlite.open_writer(place, own))),
                stack.enter_context(closing(sqlite.open_readers(place))),
                stack.enter_context(closing(sqlite.open_writer(record_path(place), record))),
            )
        else:
            postgres = _postgres(place)
            opened = Stores(
                stack.enter_context(closing(postgres.open_writer(place, own))),
                stack.enter_context(closing(postgres.open_readers(place, own))),
                stack.enter_context(closing(postgres.open_writer(place, record))),
                stack.enter_context(closing(postgres.open_beat(place, own))),
            )
        yield opened


def _postgres(url: URL) -> ModuleType:
    """The module, imported only where it is used: its driver takes 8 MB, and is an extra."""
    try:
        import psycopg  # noqa: F401
    except ImportError:
        raise InputError(
            f"--db {url.render_as_string()}: the driver is missing; install it with "
            "pip install 'wavetank[postgres]'"
        ) from None
    from server.store import postgres

    return postgres


def record_path(path: Path) -> Path:
    """Where the emulated network keeps its own record: `wavetank.db` -> `wavetank.network.db`."""
    return path.with_name(f"{path.stem}.network{path.suffix}")

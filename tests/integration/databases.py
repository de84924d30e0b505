"""The databases that a server is tested on, and how a test looks into them behind its back."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from postgres import new_database
from psycopg.rows import dict_row

Rows = list[dict[str, Any]]
KINDS = ("sqlite", "postgresql")


class Databases(NamedTuple):
    """`db` is what `--db` takes; `options` start as many workers as share it."""

    db: str
    options: tuple[str, ...] = ()

    def read(self, query: str) -> Rows:
        """From the server's own tables."""
        return _read(self.db, "wavetank", query)

    def read_record(self, query: str) -> Rows:
        """From the emulated network's."""
        return _read(self.db, "network", query)


@contextlib.contextmanager
def databases(kind: str, folder: Path) -> Iterator[Databases]:
    """Empty ones: SQLite files in the folder, or a PostgreSQL database with two workers."""
    with empty(kind, folder) as db:
        yield Databases(db, () if kind == "sqlite" else ("--workers=2",))


@contextlib.contextmanager
def empty(kind: str, folder: Path) -> Iterator[str]:
    """What `--db` takes of one of KINDS; an SQLite file is made in the folder."""
    if kind == "sqlite":
        yield str(folder / "wavetank.db")
    else:
        with new_database() as url:
            yield url


def _read(db: str, schema: str, query: str) -> Rows:
    if "://" in db:
        with psycopg.connect(db, options=f"-c search_path={schema}", row_factory=dict_row) as server:
            return server.execute(query).fetchall()
    path = db if schema == "wavetank" else db.removesuffix(".db") + ".network.db"
    with contextlib.closing(sqlite3.connect(path)) as file:
        file.row_factory = sqlite3.Row
        return [dict(row) for row in file.execute(query)]

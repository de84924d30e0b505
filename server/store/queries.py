"""Statements without SQLAlchemy's work a run (50 to 100 microseconds): compiled once, run by the driver."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Delete, Dialect, Insert, Select, Update
from sqlalchemy.sql.compiler import SQLCompiler

Row = tuple[Any, ...]


class Compiled:
    """A statement in the SQL of each database that it has met."""

    def __init__(self, statement: Select[Any] | Insert | Update | Delete) -> None:
        self._statement = statement
        self._compiled: dict[str, SQLCompiler] = {}

    def of(self, dialect: Dialect) -> SQLCompiler:
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            made = self._statement.compile(dialect=dialect)
            assert isinstance(made, SQLCompiler)
            compiled = self._compiled[dialect.name] = made
        return compiled


class Query:
    """A SELECT whose rows come as the driver makes them: tuples, with a number for a truth on SQLite."""

    def __init__(self, statement: Select[Any]) -> None:
        self._compiled = Compiled(statement)

    def rows(self, connection: Connection, **values: Any) -> Sequence[Row]:
        """All rows at once. Parameters are numbers, text, bytes, None, and lists for `dialects.among`."""
        with _executed(self._compiled, connection, values) as cursor:
            rows: Sequence[Row] = cursor.fetchall()
            return rows

    def first(self, connection: Connection) -> Any:
        """The first value of the first row; None where there is no row."""
        rows = self.rows(connection)
        return rows[0][0] if rows else None


class Change:
    """An UPDATE, run once for all rows that it concerns."""

    def __init__(self, statement: Update) -> None:
        self._compiled = Compiled(statement)

    def run(self, connection: Connection, **values: Any) -> None:
        """Parameters as of `Query.rows`."""
        with _executed(self._compiled, connection, values):
            pass


@contextlib.contextmanager
def _executed(statement: Compiled, connection: Connection, values: Mapping[str, Any]) -> Iterator[Any]:
    """The driver's cursor of a statement that has been run."""
    compiled = statement.of(connection.dialect)
    given = {**compiled.params, **values}
    cursor = connection.connection.cursor()
    try:
        if compiled.positiontup is None:
            cursor.execute(compiled.string, given)
        else:
            cursor.execute(compiled.string, [_as_json(given[name]) for name in compiled.positiontup])
        yield cursor
    finally:
        cursor.close()


def _as_json(value: Any) -> Any:
    """A list as the JSON that stands for it where there are no arrays."""
    return msgspec.json.encode(value).decode() if isinstance(value, list) else value

"""Statements without SQLAlchemy's work a run (50 to 100 microseconds): compiled once, run by the driver."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import CompoundSelect, Connection, Delete, Dialect, Insert, Select, Update
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.sql.compiler import SQLCompiler

Row = tuple[Any, ...]


class Text(NamedTuple):
    """A statement in the SQL of one database."""

    sql: str
    names: Sequence[str] | None  # of its parameters, in the order of their places; None: they go by name
    values: Mapping[str, Any]  # of those parameters that have one already


class Compiled:
    """A statement in the SQL of each database that it has met."""

    def __init__(self, statement: Select[Any] | CompoundSelect[Any] | Insert | Update | Delete) -> None:
        self._statement = statement
        self._texts: dict[str, Text] = {}

    def of(self, dialect: Dialect) -> Text:
        text = self._texts.get(dialect.name)
        if text is None:
            made = self._statement.compile(dialect=dialect)
            assert isinstance(made, SQLCompiler)
            text = self._texts[dialect.name] = Text(made.string, made.positiontup, made.params)
        return text


class Query:
    """A SELECT whose rows come as the driver makes them: tuples, with a number for a truth on SQLite."""

    def __init__(self, statement: Select[Any] | CompoundSelect[Any]) -> None:
        self._compiled = Compiled(statement)

    def rows(self, connection: Connection, **values: Any) -> Sequence[Row]:
        """All rows at once. Parameters are numbers, text, bytes, None, and lists for `dialects.among`."""
        cursor = connection.connection.cursor()
        try:
            _execute(cursor, self._compiled.of(connection.dialect), values)
            rows: Sequence[Row] = cursor.fetchall()
            return rows
        finally:
            cursor.close()

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
        cursor = connection.connection.cursor()
        try:
            _execute(cursor, self._compiled.of(connection.dialect), values)
        finally:
            cursor.close()


def _execute(cursor: DBAPICursor, text: Text, values: Mapping[str, Any]) -> None:
    given = {**text.values, **values}
    if text.names is None:
        cursor.execute(text.sql, given)
    else:
        cursor.execute(text.sql, [_as_json(given[name]) for name in text.names])


def _as_json(value: Any) -> Any:
    """A list as the JSON that stands for it where there are no arrays."""
    return msgspec.json.encode(value).decode() if isinstance(value, list) else value

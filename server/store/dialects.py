"""What SQLite and PostgreSQL say differently, said once. The rest of the code writes neither's SQL."""

from typing import Any

from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    Column,
    ColumnElement,
    Dialect,
    Index,
    Insert,
    Integer,
    Table,
    TypeDecorator,
    bindparam,
    column,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateIndex
from sqlalchemy.sql.compiler import DDLCompiler, SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

# 64 bits. On SQLite every integer has them, and only INTEGER may be the row's own number.
Int64 = BigInteger().with_variant(Integer(), "sqlite")

_WHERE = "where"  # in an index's info


def index_where(name: str, *columns: Column[Any], where: str, unique: bool = False) -> Index:
    """A partial index: only the rows that meet the condition are in it.

    Not by SQLAlchemy's options of each database: for one that is named it loads the whole dialect.
    """
    return Index(name, *columns, info={_WHERE: where}, unique=unique)


def among(wanted: Column[Any], name: str) -> ColumnElement[bool]:
    """Whether a column's value is in the list that is given as parameter `name`.

    A list of any length is one parameter, so that a statement is made and compiled once.
    """
    items = _Items(bindparam(name, type_=_List(wanted.type)))
    return wanted.in_(select(items.table_valued(column("value", wanted.type)).c.value))


class InsertOr(Insert):
    """`insert` with a word on rows whose key is there already, in the SQL that both databases speak.

    `otherwise`: "DO NOTHING", or "(key) DO UPDATE SET column = ...".
    """

    inherit_cache = False  # the word is no part of a cache's key

    def __init__(self, table: Table, otherwise: str) -> None:
        super().__init__(table)
        self.otherwise = otherwise


class AddUp(Insert):
    """`insert` of counts: where the key is there already, they are added to what the row holds."""

    inherit_cache = True

    def __init__(self, table: Table) -> None:
        super().__init__(table)


class _List(TypeDecorator[list[Any]]):
    """An array where there are arrays, else JSON."""

    impl = JSON
    cache_ok = True

    def __init__(self, item: TypeEngine[Any]) -> None:
        super().__init__()
        self.item = item

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        is_array = dialect.name == "postgresql"
        return dialect.type_descriptor(ARRAY(self.item) if is_array else JSON())


class _Items(FunctionElement[Any]):
    """The items of a list as rows with one column, `value`."""

    inherit_cache = True


@compiles(_Items, "sqlite")
def _json_items(element: _Items, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **options)})"


@compiles(_Items, "postgresql")
def _array_items(element: _Items, compiler: SQLCompiler, **options: Any) -> str:
    return f"(SELECT unnest({compiler.process(element.clauses, **options)}) AS value)"


class HourOf(FunctionElement[int]):
    """The hour since 1970 of a time in Unix seconds."""

    inherit_cache = True
    type = Integer()


@compiles(HourOf)
def _hour_of(element: HourOf, compiler: SQLCompiler, **options: Any) -> str:
    hours = f"{compiler.process(element.clauses, **options)} / 3600"
    if (
        compiler.dialect.name == "sqlite"
    ):  # may be built without floor; its CAST cuts off, PostgreSQL's rounds
        return f"CAST({hours} AS INTEGER)"
    return f"CAST(floor({hours}) AS INTEGER)"


@compiles(CreateIndex)
def _create_index(element: CreateIndex, compiler: DDLCompiler, **options: Any) -> str:
    made: str = compiler.visit_create_index(element, **options)  # type: ignore[no-untyped-call]
    condition = element.element.info.get(_WHERE)
    return made if condition is None else f"{made} WHERE {condition}"


@compiles(AddUp)
def _add_up(element: AddUp, compiler: SQLCompiler, **options: Any) -> str:
    inserted: str = compiler.visit_insert(element, **options)  # type: ignore[no-untyped-call]
    table = element.table
    assert isinstance(table, Table)
    key = ", ".join(column.name for column in table.primary_key)
    counts = [column.name for column in table.columns if not column.primary_key]
    added = ", ".join(f"{name} = {table.name}.{name} + excluded.{name}" for name in counts)
    return f"{inserted} ON CONFLICT ({key}) DO UPDATE SET {added}"


@compiles(InsertOr)
def _insert_or(element: InsertOr, compiler: SQLCompiler, **options: Any) -> str:
    inserted: str = compiler.visit_insert(element, **options)  # type: ignore[no-untyped-call]
    return f"{inserted} ON CONFLICT {element.otherwise}"

"""Which contacts an audience means: a filter expression, or lists of tags."""

from functools import partial

from sqlalchemy import Connection, select

from server.clock import Clock
from server.contacts.indexing import Indexing
from server.dispatch.contact_index import Bits, ContactIndex, Ids, size_of
from server.dispatch.filters import (
    AllOf,
    AnyOf,
    Expression,
    FilterError,
    Not,
    Tagged,
    check_tags,
    leaves,
    parse,
)
from server.http.problems import Problem
from server.store.contacts import COLUMNS, Contact, variables_of
from server.store.database import Database
from server.store.dialects import among
from server.store.tables import contacts
from server.wire import MAX_RECIPIENTS, AudienceFilter


class Audiences:
    """Finds them in the index, as of all that is committed."""

    def __init__(self, indexing: Indexing, readers: Database, clock: Clock) -> None:
        self._indexing = indexing
        self._readers = readers
        self._clock = clock

    async def matching(self, wanted: AudienceFilter | str, field: str) -> tuple[ContactIndex, Bits]:
        """The index, and one bit a contact. Problem 422 naming `field` for what makes no sense."""
        index = await self._indexing.fresh()
        return index, index.matching(read(wanted, index, field), self._clock.now())

    async def ids(self, wanted: AudienceFilter | str) -> Ids:
        index, bits = await self.matching(wanted, "audience")
        return index.ids(bits)

    async def recipients(self, wanted: AudienceFilter | str) -> list[tuple[Contact, dict[str, str]]]:
        """Contacts with their variables, in the order in which they came; Problem 422 for too many."""
        index, bits = await self.matching(wanted, "audience")
        if (found := size_of(bits)) > MAX_RECIPIENTS:
            raise Problem(
                422, f"matches {found} contacts; a batch holds at most {MAX_RECIPIENTS}", "audience"
            )
        return await self._readers.run(partial(_with_variables, ids=index.ids(bits).tolist()))


def tags_named(wanted: AudienceFilter | str) -> set[str]:
    """The tags in an audience that makes sense."""
    if isinstance(wanted, str):
        return {leaf.name for leaf in leaves(parse(wanted)) if isinstance(leaf, Tagged)}
    return {*wanted.all, *wanted.any, *wanted.none}


def read(wanted: AudienceFilter | str, index: ContactIndex, field: str) -> Expression:
    """The expression; Problem 422 where it makes no sense, or names a tag that does not exist."""
    if isinstance(wanted, str):
        try:
            expression = parse(wanted)
            check_tags(expression, index.tags)
        except FilterError as error:
            raise Problem(422, str(error), field) from None
        return expression
    for part in ("all", "any", "none"):
        for place, tag in enumerate(getattr(wanted, part)):
            if tag not in index.tags:
                raise Problem(422, f"no such tag: {tag}", f"{field}.{part}[{place}]")
    parts: list[Expression] = [Tagged(tag, 0) for tag in wanted.all]
    parts += [Not(Tagged(tag, 0)) for tag in wanted.none]
    parts += [AnyOf(tuple(Tagged(tag, 0) for tag in wanted.any))] if wanted.any else []
    return AllOf(tuple(parts))


def _with_variables(connection: Connection, ids: list[int]) -> list[tuple[Contact, dict[str, str]]]:
    variables = variables_of(connection, ids)
    rows = connection.execute(_BY_ID, {"ids": ids})
    return [(Contact(*row), variables[row.id]) for row in rows]


_BY_ID = select(*COLUMNS).where(among(contacts.c.id, "ids")).order_by(contacts.c.id)

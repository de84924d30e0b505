"""Search in what customers and agents wrote, across all accounts: one word, many texts.

The index is written behind the texts in quiet moments, so that no reply waits for it; a search first brings
it up to date. A word is what `content.words_of` makes of it, so case, accents' encoding and scripts without
spaces are no matter.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Table, bindparam, func, insert, intersect, select, update

from server.dispatch.content import words_of
from server.store.bulk import Bulk
from server.store.dialects import among
from server.store.tables import contacts, inbound, said, search_progress, search_words
from server.store.writer import Applied
from server.wire import iso

BATCH = 1_000  # texts of one table in one transaction
MOST_WORDS = 20  # of a query
CANDIDATES = 2_000  # texts with all the words that are looked at, the latest of each table
SOURCES: dict[str, Table] = {"inbound": inbound, "said": said}


@dataclass(frozen=True, slots=True)
class IndexTexts:
    """Look through the next texts. Answer: whether there may be more."""


class Found(Struct, frozen=True):
    """`author`: the customer, the rules, or an agent."""

    phone: str
    at: str | None
    author: str
    text: str


class SearchResult(Struct, frozen=True):
    """The latest first."""

    results: list[Found]


def index_texts(connection: Connection, requests: Sequence[IndexTexts]) -> Applied:
    """The step for IndexTexts."""
    more = [_index(connection, name, table) for name, table in SOURCES.items()]
    return Applied([any(more)] * len(requests))


def _index(connection: Connection, name: str, table: Table) -> bool:
    done = connection.execute(_PROGRESS, {"name": name}).scalar()
    query = select(table.c.id, table.c.text).where(table.c.id > (done or 0)).order_by(table.c.id).limit(BATCH)
    rows = connection.execute(query).all()
    if not rows:
        return False
    _ADD.execute(
        connection,
        [{"word": word, "source": name, "id": key} for key, text in rows for word in set(words_of(text))],
    )
    if done is None:
        connection.execute(insert(search_progress).values(source=name, id=rows[-1].id))
    else:
        connection.execute(_ADVANCE, {"name": name, "last": rows[-1].id})
    return len(rows) == BATCH


def not_indexed(connection: Connection) -> dict[str, int]:
    """The last text of each table that has some which are not indexed, by id."""
    done = {row.source: row.id for row in connection.execute(select(search_progress))}
    last = {
        name: connection.execute(select(func.max(table.c.id))).scalar() for name, table in SOURCES.items()
    }
    return {name: key for name, key in last.items() if key is not None and key > done.get(name, 0)}


def search(connection: Connection, q: str, limit: int) -> SearchResult:
    """Texts that hold each term of a query; a term of several words holds them side by side."""
    terms = [words for words in (tuple(words_of(term)) for term in q.split()) if words]
    words = sorted({word for term in terms for word in term})[:MOST_WORDS]
    if not words:
        return SearchResult([])
    found = [
        (at_s, Found(phone, iso(at_s), author, text))
        for name in SOURCES
        for phone, at_s, author, text in _texts(connection, name, words)
        if _holds(words_of(text), terms)
    ]
    found.sort(key=lambda pair: -pair[0])
    return SearchResult([one for _, one in found[:limit]])


def _texts(connection: Connection, name: str, words: Sequence[str]) -> Sequence[Any]:
    holding = [
        select(search_words.c.id).where(search_words.c.word == word, search_words.c.source == name)
        for word in words
    ]
    both = intersect(*holding).subquery() if len(holding) > 1 else holding[0].subquery()
    ids = connection.execute(select(both.c.id).order_by(both.c.id.desc()).limit(CANDIDATES)).scalars().all()
    return connection.execute(_READ[name], {"ids": list(ids)}).all()


def _holds(words: Sequence[str], terms: Sequence[tuple[str, ...]]) -> bool:
    return all(
        any(tuple(words[at : at + len(term)]) == term for at in range(len(words) - len(term) + 1))
        for term in terms
    )


_PROGRESS = select(search_progress.c.id).where(search_progress.c.source == bindparam("name"))
_ADVANCE = (
    update(search_progress).where(search_progress.c.source == bindparam("name")).values(id=bindparam("last"))
)
_ADD = Bulk(insert(search_words))
_READ = {
    "inbound": select(contacts.c.phone, inbound.c.received_s, contacts.c.phone, inbound.c.text)
    .join_from(inbound, contacts)
    .where(among(inbound.c.id, "ids")),
    "said": select(contacts.c.phone, said.c.said_s, said.c.author, said.c.text)
    .join_from(said, contacts)
    .where(among(said.c.id, "ids"), said.c.said_s.is_not(None)),
}

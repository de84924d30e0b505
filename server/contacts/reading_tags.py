"""The reads about tags: contacts by tag, health, history."""

from collections.abc import Mapping, Sequence

from msgspec import Struct
from sqlalchemy import Connection, func, select

from server.dispatch.contact_index import ContactIndex
from server.dispatch.tag_health import TagTimes, TaxonomyHealth, Verdict, tag_state, taxonomy_health
from server.dispatch.tag_rules import StandingRule
from server.store.tables import tag_log as log_table
from server.store.tables import tags
from server.wire import iso

ID_BYTES = 8


class TagHealth(Struct, frozen=True):
    """`share` of all contacts; `sleeping`: of its contacts, those who did nothing for 6 months (T114)."""

    contacts: int
    share: float
    sleeping: int
    verdicts: list[Verdict]
    created: str | None
    used: str | None
    updated: str | None


class Tags(Struct, frozen=True):
    """Contacts by tag, and how each and all of them stand."""

    tags: dict[str, int]
    health: dict[str, TagHealth]
    taxonomy: TaxonomyHealth


class TagLogEntry(Struct, frozen=True):
    """`contacts`: how many a tag was given to or taken from."""

    id: int
    at: str | None
    tag: str
    action: str
    reason: str
    contacts: int | None


class TagLog(Struct, frozen=True):
    entries: list[TagLogEntry]


def tag_times(connection: Connection) -> dict[str, TagTimes]:
    """When each tag was made, used, changed. One from before the server kept note counts as made at 0."""
    query = select(tags.c.name, tags.c.created_s, tags.c.used_s, tags.c.updated_s).order_by(tags.c.name)
    return {row[0]: TagTimes(row[1] or 0.0, row[2], row[3] or 0.0) for row in connection.execute(query)}


def all_tags(
    index: ContactIndex,
    times: Mapping[str, TagTimes],
    rules: Sequence[StandingRule],
    conflicts: Sequence[tuple[str, str]],
    now_s: float,
) -> Tags:
    health = {name: _health(index, name, of_tag, now_s) for name, of_tag in times.items()}
    taxonomy = taxonomy_health(index, rules, conflicts, now_s)
    return Tags({name: one.contacts for name, one in health.items()}, health, taxonomy)


def _health(index: ContactIndex, name: str, times: TagTimes, now_s: float) -> TagHealth:
    state = tag_state(index, name, times, now_s)
    return TagHealth(
        contacts=state.contacts,
        share=round(state.share, 6),
        sleeping=state.sleeping,
        verdicts=list(state.verdicts),
        created=iso(times.created_s or None),
        used=iso(times.used_s),
        updated=iso(times.updated_s or None),
    )


def tag_log(connection: Connection, *, tag: str | None, before: int | None, limit: int) -> TagLog:
    """The latest entries first."""
    query = select(
        log_table.c.id,
        log_table.c.at_s,
        log_table.c.tag,
        log_table.c.action,
        log_table.c.reason,
        func.length(log_table.c.contact_ids),
    )
    if tag is not None:
        query = query.where(log_table.c.tag == tag)
    if before is not None:
        query = query.where(log_table.c.id < before)
    rows = connection.execute(query.order_by(log_table.c.id.desc()).limit(limit))
    return TagLog(
        [
            TagLogEntry(key, iso(at_s), name, action, reason, None if size is None else size // ID_BYTES)
            for key, at_s, name, action, reason, size in rows
        ]
    )

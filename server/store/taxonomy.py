"""Tags and who carries them; every change is written to the tag log, from which indexes learn of it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection, bindparam, delete, insert, select, update

from server.store.bulk import Bulk
from server.store.contacts import tag_ids
from server.store.dialects import among
from server.store.tables import DROPPED, GIVEN, MADE, TAKEN, contact_tags, hourly_tags, tag_log, tags


def make(connection: Connection, names: Iterable[str], now_s: float, reason: str) -> dict[str, int]:
    """Every tag's id by name, after those of `names` that do not exist are made."""
    known = tag_ids(connection)
    new = [name for name in dict.fromkeys(names) if name not in known]
    if not new:
        return known
    connection.execute(insert(tags), [{"name": name, "created_s": now_s, "updated_s": now_s} for name in new])
    _log(connection, [_entry(name, MADE, now_s, reason) for name in new])
    return tag_ids(connection)


def drop(connection: Connection, names: Iterable[str], now_s: float, reason: str) -> None:
    """Existing tags are no more, for nobody."""
    known = tag_ids(connection)
    gone = list(dict.fromkeys(names))
    for name in gone:
        connection.execute(delete(contact_tags).where(contact_tags.c.tag_id == known[name]))
        connection.execute(delete(hourly_tags).where(hourly_tags.c.tag_id == known[name]))
        connection.execute(delete(tags).where(tags.c.id == known[name]))  # its id may come again
    _log(connection, [_entry(name, DROPPED, now_s, reason) for name in gone])


def use(connection: Connection, names: Collection[str], now_s: float) -> None:
    """A send's audience names these tags."""
    if names:
        connection.execute(_USED, {"names": sorted(names), "at": now_s})


def change(
    connection: Connection,
    given: Mapping[str, Collection[int]],
    taken: Mapping[str, Collection[int]],
    now_s: float,
    reason: str,
) -> set[int]:
    """Give and take existing tags, contacts by name; repeats are harmless. The contacts that changed."""
    known = tag_ids(connection)
    before = _existing(connection, {**given, **taken}, known)
    new = {name: sorted(set(ids) - before[name]) for name, ids in given.items()}
    gone = {name: sorted(set(ids) & before[name]) for name, ids in taken.items()}
    _CARRY.execute(connection, _links(new, known))
    _DROP.execute(connection, _links(gone, known))
    entries = [_entry(name, GIVEN, now_s, reason, ids) for name, ids in new.items() if ids]
    entries += [_entry(name, TAKEN, now_s, reason, ids) for name, ids in gone.items() if ids]
    _log(connection, entries)
    touched = [name for name in (*new, *gone) if new.get(name) or gone.get(name)]
    if touched:
        connection.execute(_UPDATED, {"names": touched, "at": now_s})
    return {one for ids in (*new.values(), *gone.values()) for one in ids}


def _existing(
    connection: Connection, wanted: Mapping[str, Collection[int]], known: Mapping[str, int]
) -> dict[str, set[int]]:
    """Who of these carries each tag already."""
    return {
        name: set(connection.execute(_CARRYING, {"tag": known[name], "contacts": sorted(ids)}).scalars())
        for name, ids in wanted.items()
    }


def _links(by_name: Mapping[str, Sequence[int]], known: Mapping[str, int]) -> list[dict[str, int]]:
    pairs = sorted((one, known[name]) for name, ids in by_name.items() for one in ids)
    return [{"contact": contact, "tag": tag} for contact, tag in pairs]


def _entry(
    name: str, action: str, now_s: float, reason: str, ids: Sequence[int] | None = None
) -> dict[str, Any]:
    blob = None if ids is None else np.array(ids, "<i8").tobytes()
    return {"at_s": now_s, "tag": name, "action": action, "reason": reason, "contact_ids": blob}


def _log(connection: Connection, entries: Sequence[dict[str, Any]]) -> None:
    if entries:
        connection.execute(insert(tag_log), entries)


_CARRYING = select(contact_tags.c.contact_id).where(
    contact_tags.c.tag_id == bindparam("tag"), among(contact_tags.c.contact_id, "contacts")
)
_CARRY = Bulk(insert(contact_tags).values(contact_id=bindparam("contact"), tag_id=bindparam("tag")))
_DROP = Bulk(
    delete(contact_tags).where(
        contact_tags.c.contact_id == bindparam("contact"), contact_tags.c.tag_id == bindparam("tag")
    )
)
_USED = update(tags).where(among(tags.c.name, "names")).values(used_s=bindparam("at"))
_UPDATED = update(tags).where(among(tags.c.name, "names")).values(updated_s=bindparam("at"))

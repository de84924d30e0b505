"""Which stored contacts an audience filter means."""

from sqlalchemy import Connection, select

from server.dispatch.audience import Audience, matches
from server.problems import Problem
from server.store.contacts import COLUMNS, Contact, tag_ids, tags_of
from server.store.tables import contacts
from server.wire import AudienceFilter

NO_TAGS: frozenset[str] = frozenset()


def members(connection: Connection, wanted: AudienceFilter) -> list[Contact]:
    """The contacts, in the order in which they came; Problem 422 for a tag that does not exist."""
    audience = Audience(frozenset(wanted.all), frozenset(wanted.any), frozenset(wanted.none))
    known = tag_ids(connection)
    for part in ("all", "any", "none"):
        for index, tag in enumerate(getattr(wanted, part)):
            if tag not in known:
                raise Problem(422, f"no such tag: {tag}", f"audience.{part}[{index}]")
    carried = tags_of(connection)
    rows = connection.execute(select(*COLUMNS).order_by(contacts.c.id))
    everybody = (Contact(*row) for row in rows)
    return [one for one in everybody if matches(audience, carried.get(one.id, NO_TAGS))]

"""Messages that wait without a plan: which are due for one, and what becomes of them then."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select, update

from server.sending.assigning import Planned
from server.store.bulk import Bulk
from server.store.queries import Query
from server.store.tables import IS_QUEUED, IS_WAITING, WAITING, batches, messages


class Waiting(NamedTuple):
    """A message that waits and whose time has come."""

    id: int
    batch_id: str
    contact_id: int
    zone: str
    content: int


def forget_plans(connection: Connection, most: int) -> int:
    """So much of what is planned, the last due first, waits again, since its release. How much it was."""
    return int(connection.execute(_UNPLAN, {"most": most}).rowcount)


def released(connection: Connection, now_s: float, most: int) -> list[Waiting]:
    """The first of those whose time has come."""
    return list(map(Waiting._make, _RELEASED.rows(connection, now=now_s, most=most)))


def move(connection: Connection, waiting: Sequence[Waiting], planned: Planned | None) -> None:
    """Waiting messages that now have a plan, or another time to wait for."""
    if planned is not None:
        count = len(waiting)
        _MOVE.execute_columns(
            connection,
            key=[one.id for one in waiting],
            state=planned.status[:count],
            account=planned.account[:count],
            due=planned.due_s[:count],
        )
        finish_s: dict[str, float] = {}
        for one, at_s in zip(waiting, planned.finish_s[:count], strict=True):
            finish_s[one.batch_id] = max(at_s, finish_s.get(one.batch_id, 0.0))
        _EXPECT.execute(connection, [{"key": key, "at": at_s} for key, at_s in finish_s.items()])


_LAST_DUE = select(messages.c.id).where(messages.c.status == IS_QUEUED).order_by(messages.c.due_s.desc())
_UNPLAN = (
    update(messages)
    .where(messages.c.id.in_(_LAST_DUE.limit(bindparam("most"))), messages.c.status == IS_QUEUED)
    .values(status=WAITING, account_id=None, due_s=messages.c.release_s)
)
# By id in two steps: the first looks at the index alone, through all that have the same time.
_FIRST_RELEASED = (
    select(messages.c.id)
    .where(messages.c.status == IS_WAITING, messages.c.due_s <= bindparam("now"))
    .order_by(messages.c.due_s, messages.c.id)
    .limit(bindparam("most"))
)
_RELEASED = Query(
    select(messages.c.id, messages.c.batch_id, messages.c.contact_id, messages.c.zone, messages.c.content)
    .where(messages.c.id.in_(_FIRST_RELEASED))
    .order_by(messages.c.due_s, messages.c.id)
)
_MOVE = Bulk(
    update(messages)
    .where(messages.c.id == bindparam("key"))
    .values(status=bindparam("state"), account_id=bindparam("account"), due_s=bindparam("due"))
)
# Of a batch that nobody could plan when it was accepted.
_EXPECT = Bulk(
    update(batches)
    .where(batches.c.id == bindparam("key"), batches.c.finish_s.is_(None))
    .values(finish_s=bindparam("at"))
)

"""Who sends a message and when: what the pacer says of all that wants a plan, in columns of the tables."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import repeat
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from server.dispatch import pacing
from server.sending.planning import IDLE_S, ZONE_INDEX, Fleet, columns, idle_until
from server.store.tables import QUEUED, WAITING


class Planned(NamedTuple):
    """What became of the messages that wanted a plan, by column.

    `finish_s` is when a message would be sent; `due_s` of a waiting one when to plan it again.
    """

    status: list[str]
    account: Sequence[int | None]
    due_s: list[float]
    finish_s: list[float]
    book: Callable[[], None]  # with the pacer, after the commit


def assign(
    fleet: Fleet, contacts: Sequence[int], zones: Sequence[str], contents: Sequence[int], now_s: float
) -> Planned | None:
    """An account and due time for each message, or the time when to plan it again.

    None when there is nothing to plan or nobody to send it.
    """
    if not contacts or not fleet.open:
        return None
    if len(contacts) < pacing.LEAST_RUN and (
        planned := _planned_few(fleet, contacts, zones, contents, now_s)
    ):
        return planned
    wanted = columns(contacts, zones, contents)
    plan = fleet.plan(wanted, now_s)
    again_s = idle_until(fleet, plan, now_s)
    return _planned(fleet, wanted, plan, again_s, now_s)


def _planned_few(
    fleet: Fleet, contacts: Sequence[int], zones: Sequence[str], contents: Sequence[int], now_s: float
) -> Planned | None:
    """The same without arrays, which cost more than a few messages do; None if one is put off for long."""
    rows = list(zip(contacts, map(ZONE_INDEX.__getitem__, zones), contents, repeat(True), strict=False))
    draft = fleet.draft(rows, now_s)
    due_s = [due_us / pacing.SECOND for _, due_us in draft.decisions]
    if max(due_s) - now_s > IDLE_S:
        return None
    account = [account for account, _ in draft.decisions]
    return Planned([QUEUED] * len(rows), account, due_s, due_s, partial(fleet.adopt, draft, now_s))


def _planned(
    fleet: Fleet, wanted: pacing.Messages, plan: pacing.Plan, again_s: NDArray[np.float64], now_s: float
) -> Planned:
    finish_s = plan.due_s.tolist()
    if not again_s.any():
        book = partial(fleet.book, wanted, plan, now_s)
        return Planned([QUEUED] * len(finish_s), plan.account.tolist(), finish_s, finish_s, book)
    taken = again_s == 0
    names = ("customer", "zone", "content", "consent", "release_s")
    booked = pacing.Messages(**{name: getattr(wanted, name)[taken] for name in names})
    return Planned(
        [QUEUED if is_taken else WAITING for is_taken in taken.tolist()],
        [account if account >= 0 else None for account in np.where(taken, plan.account, -1).tolist()],
        np.where(taken, plan.due_s, again_s).tolist(),
        finish_s,
        partial(fleet.book, booked, pacing.Plan(plan.account[taken], plan.due_s[taken]), now_s),
    )


def last_due_s(
    fleet: Fleet,
    contacts: Sequence[int],
    zones: Sequence[str],
    contents: Sequence[int],
    release_s: float,
    now_s: float,
) -> float | None:
    """When the last of some scheduled messages would be sent, were they planned today; None: by nobody."""
    if not contacts or not fleet.open:
        return None
    return float(fleet.plan(columns(contacts, zones, contents, release_s), now_s).due_s.max())

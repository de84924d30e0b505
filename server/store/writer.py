"""One writer that commits in groups.

Requests that arrive while a transaction runs wait together and share the next one: a flush to disk is paid
once for all of them. Each is answered only after the commit. Within a group the steps run in the order given,
whatever the order of arrival: all of the group's requests are concurrent, so any order is a fair one.

The steps of a group run in the thread of the database while the event loop takes the next requests; those of
a brief group may run on the event loop (`Database.run_briefly`). What both know (the plan, the clock) needs
no lock: steps only read it, `committed` changes it on the event loop, when one group is done (and perhaps
answered) and the next is not handed over yet. What only steps know (the next ids) stays there.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Connection

from server.store.database import Database, OutcomeUnknown, StoreUnavailable

logger = logging.getLogger(__name__)

GROUP_WEIGHT = 20_000  # most rows, roughly, in one transaction: bounds how long the others wait
GATHER_S = 0.002  # longest that a group waits for more to come, in which some 50 do
BRIEF_WEIGHT = 256  # most rows, roughly, of a transaction on the event loop: bounds how long it stands still

NOTHING = "nothing of the group is written"


def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Applied:
    """What a step did: an answer for each request, in order (an exception is raised at its caller)."""

    answers: Sequence[Any]
    committed: Callable[[], None] = field(default=_nothing)  # what follows in memory, after the commit


Apply = Callable[[Connection, Sequence[Any]], Applied]


class Step(NamedTuple):
    """How the requests of some kinds are applied, all of a group at once."""

    kinds: tuple[type, ...]
    apply: Apply
    brief: tuple[type, ...] = ()  # those of the kinds that take some 20 microseconds for each unit of weight
    # What follows in memory is for the steps of later groups alone: whoever asked need not wait for it, if it
    # is much.
    answers_first: bool = False


class _Pending(NamedTuple):
    request: object
    weight: int
    answer: asyncio.Future[Any]


class Writer:
    """The only one that writes. `run` until `stop`; `commits` counts transactions."""

    def __init__(self, database: Database, steps: Sequence[Step]) -> None:
        self.commits = 0
        self.lost_track: Callable[[], None] = _nothing  # called when a group may have been committed
        self._database = database
        self._steps = steps
        self._brief = frozenset(kind for step in steps for kind in step.brief)
        self._step_of = {kind: at for at, step in enumerate(steps) for kind in step.kinds}
        self._waiting: deque[_Pending] = deque()
        self._arrived = asyncio.Event()
        self._stopping = False

    async def submit(self, request: object, weight: int = 1) -> Any:
        """The step's answer, once committed. Raises StoreUnavailable: nothing was written; OutcomeUnknown."""
        if self._stopping:
            raise StoreUnavailable("the server is stopping")
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Pending(request, weight, answer))
        self._arrived.set()
        return await answer

    def stop(self) -> None:
        """Take no more; `run` returns when all that waits is committed."""
        self._stopping = True
        self._arrived.set()

    async def run(self) -> None:
        while self._waiting or not self._stopping:
            if not self._waiting:
                self._arrived.clear()
                await self._arrived.wait()
                continue
            await self._gather()
            group = self._next_group()
            # As a task, so that whatever goes wrong is an outcome to pass on, not the writer's end.
            commit = asyncio.create_task(self._commit(group))
            await asyncio.wait({commit})
            if error := commit.exception():
                if isinstance(error, OutcomeUnknown):
                    self.lost_track()
                _fail(group, error)
            elif late := commit.result():
                await _until_sent()
                for applied in late:
                    applied.committed()

    async def _gather(self) -> None:
        """Until no more come at once: a turn of the event loop reads them, the next one submits them."""
        until_s = time.monotonic() + GATHER_S
        had, quiet = 0, 0
        while quiet < 2 and time.monotonic() < until_s:
            quiet = quiet + 1 if len(self._waiting) == had else 0
            had = len(self._waiting)
            await asyncio.sleep(0)

    def _next_group(self) -> list[_Pending]:
        group = [self._waiting.popleft()]
        weight = group[0].weight
        while self._waiting and weight + self._waiting[0].weight <= GROUP_WEIGHT:
            group.append(self._waiting.popleft())
            weight += group[-1].weight
        return group

    async def _commit(self, group: Sequence[_Pending]) -> list[Applied]:
        """Commit and answer; those of whom something is still to follow in memory."""
        is_brief = self._is_brief(group)
        run = self._database.run_briefly if is_brief else self._database.run
        done = await run(partial(self._apply, group))
        self.commits += 1
        answers_first = not is_brief and all(self._step(one).answers_first for one in group)
        for pending, applied in done:
            if not answers_first:
                applied.committed()
            for one, answer in zip(pending, applied.answers, strict=True):
                _settle(one.answer, answer)
        return [applied for _, applied in done] if answers_first else []

    def _is_brief(self, group: Sequence[_Pending]) -> bool:
        return sum(one.weight for one in group) <= BRIEF_WEIGHT and all(
            type(one.request) in self._brief for one in group
        )

    def _step(self, one: _Pending) -> Step:
        return self._steps[self._step_of[type(one.request)]]

    def _apply(
        self, group: Sequence[_Pending], connection: Connection
    ) -> list[tuple[list[_Pending], Applied]]:
        of_step: dict[int, list[_Pending]] = {}
        for one in group:
            of_step.setdefault(self._step_of[type(one.request)], []).append(one)
        return [
            (of_step[step], self._steps[step].apply(connection, [one.request for one in of_step[step]]))
            for step in sorted(of_step)
        ]


async def _until_sent() -> None:
    """Who is answered goes on in the next turn of the event loop; what they write leaves at its end."""
    for _ in range(2):
        await asyncio.sleep(0)


def _settle(future: asyncio.Future[Any], answer: Any) -> None:
    if future.done():  # the caller went away
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)


def _fail(group: Sequence[_Pending], error: BaseException) -> None:
    if isinstance(error, StoreUnavailable):  # anything else is a fault of ours
        what = "whether the group is written is not known" if isinstance(error, OutcomeUnknown) else NOTHING
        logger.error("the database failed, %s: %s", what, error)
    for one in group:
        if not one.answer.done():
            one.answer.set_exception(error)

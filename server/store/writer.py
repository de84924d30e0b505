"""One writer that commits in groups.

Requests that arrive while a transaction runs wait together and share the next one: a flush to disk is paid
once for all of them. Each is answered only after the commit. Within a group the steps run in the order given,
whatever the order of arrival: all of the group's requests are concurrent, so any order is a fair one.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from server.store.database import StoreUnavailable

logger = logging.getLogger(__name__)

GROUP_WEIGHT = 20_000  # most rows, roughly, in one transaction: bounds how long the others wait


def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Applied:
    """What a step did: an answer for each request, in order (an exception is raised at its caller)."""

    answers: Sequence[Any]
    committed: Callable[[], None] = field(default=_nothing)  # what follows in memory, after the commit


Apply = Callable[[AsyncConnection, Sequence[Any]], Awaitable[Applied]]


class Step(NamedTuple):
    """How the requests of some kinds are applied, all of a group at once."""

    kinds: tuple[type, ...]
    apply: Apply


class _Pending(NamedTuple):
    request: object
    weight: int
    answer: asyncio.Future[Any]


class Writer:
    """The only one that writes. `run` until `stop`; `commits` counts transactions."""

    def __init__(self, engine: AsyncEngine, steps: Sequence[Step]) -> None:
        self.commits = 0
        self._engine = engine
        self._steps = steps
        self._waiting: deque[_Pending] = deque()
        self._arrived = asyncio.Event()
        self._stopping = False

    async def submit(self, request: object, weight: int = 1) -> Any:
        """The step's answer, once committed. Raises StoreUnavailable: nothing was written."""
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
            group = self._next_group()
            # As a task, so that whatever goes wrong is an outcome to pass on, not the writer's end.
            commit = asyncio.create_task(self._commit(group))
            await asyncio.wait({commit})
            if error := commit.exception():
                _fail(group, error)

    def _next_group(self) -> list[_Pending]:
        group = [self._waiting.popleft()]
        weight = group[0].weight
        while self._waiting and weight + self._waiting[0].weight <= GROUP_WEIGHT:
            group.append(self._waiting.popleft())
            weight += group[-1].weight
        return group

    async def _commit(self, group: Sequence[_Pending]) -> None:
        done: list[tuple[list[_Pending], Applied]] = []
        async with self._engine.begin() as connection:
            for kinds, apply in self._steps:
                pending = [one for one in group if isinstance(one.request, kinds)]
                if pending:
                    done.append((pending, await apply(connection, [one.request for one in pending])))
        self.commits += 1
        for pending, applied in done:
            applied.committed()
            for one, answer in zip(pending, applied.answers, strict=True):
                _settle(one.answer, answer)


def _settle(future: asyncio.Future[Any], answer: Any) -> None:
    if future.done():  # the caller went away
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)


def _fail(group: Sequence[_Pending], error: BaseException) -> None:
    if isinstance(error, OperationalError):  # locked, full, gone; anything else is a fault of ours
        logger.error("the database failed, nothing of the group is written: %s", error.orig)
        error = StoreUnavailable(str(error.orig))
    for one in group:
        if not one.answer.done():
            one.answer.set_exception(error)

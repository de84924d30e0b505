"""Live views: server-sent events that many may follow while the database is asked once for all of them."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Iterator
from typing import Any, TypeVar

from server.http.problems import Problem
from server.store.database import StoreUnavailable

T = TypeVar("T")

PERIOD_S = 0.5  # real seconds between looks
HEARTBEAT_S = 15.0  # below the idle time after which proxies cut a connection (60 s is customary)
MOST_STREAMS = 256  # open at once: a follower that never reads keeps a connection and one event in memory
RETRY = b"retry: 2000\n\n"  # what a browser waits before it connects again
HEARTBEAT = b": still here\n\n"


def event(name: str, data: bytes) -> bytes:
    """One server-sent event; each line of `data` becomes one of its lines."""
    lines = b"".join(b"data: %s\n" % line for line in data.splitlines())
    return b"event: %s\n%s\n" % (name.encode(), lines)


class Watching:
    """What is followed now. `stop` ends every stream, so that a server that stops need not wait for them."""

    def __init__(self) -> None:
        self._stopping = asyncio.Event()
        self._looks: dict[Hashable, tuple[float, asyncio.Task[Any]]] = {}
        self.streams = 0

    def stop(self) -> None:
        self._stopping.set()

    @contextlib.contextmanager
    def follower(self) -> Iterator[None]:
        """Counts a stream while it is open; Problem 503 when there are too many."""
        if self.streams >= MOST_STREAMS:
            raise Problem(503, f"{MOST_STREAMS} streams are open, which is the most; ask without /events")
        self.streams += 1
        try:
            yield
        finally:
            self.streams -= 1

    async def latest(self, key: Hashable, look: Callable[[], Awaitable[T]]) -> T:
        """What `look` finds, at most PERIOD_S old: those who ask with the same key share the answer."""
        now_s = time.monotonic()
        self._looks = {k: v for k, v in self._looks.items() if now_s - v[0] < PERIOD_S}
        if key not in self._looks:
            self._looks[key] = (now_s, asyncio.ensure_future(_run(look)))
        return await asyncio.shield(self._looks[key][1])

    async def changes(
        self,
        look: Callable[[], Awaitable[T]],
        *,
        key: Hashable,
        show: Callable[[T], bytes],
        ended: Callable[[T], bool],
        period_s: float = PERIOD_S,
    ) -> AsyncGenerator[bytes, None]:
        """`progress` events whenever what is seen has changed, heartbeats meanwhile, and `done` at the end.

        Each event holds the whole state: a follower who reads slowly misses steps, never the present.
        """
        yield RETRY
        seen: T | None = None
        told_s = time.monotonic()
        while not self._stopping.is_set():
            with contextlib.suppress(StoreUnavailable):  # the next look may succeed
                found = await self.latest(key, look)
                if ended(found):
                    yield event("done", show(found))
                    return
                if found != seen:
                    yield event("progress", show(found))
                    seen, told_s = found, time.monotonic()
            if time.monotonic() - told_s >= HEARTBEAT_S:
                yield HEARTBEAT
                told_s = time.monotonic()
            await self._rest(period_s)

    async def _rest(self, period_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(period_s):
                await self._stopping.wait()


async def _run(look: Callable[[], Awaitable[T]]) -> T:
    return await look()

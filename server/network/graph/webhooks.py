"""Webhooks out: queued, batched, signed, posted; posted again until they are taken or 7 days have passed."""

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

from server.network.graph.calendar import Calendar
from server.network.graph.posting import Connection, PostError, Target, connect, request_bytes
from server.network.graph.webhook_bodies import MAX_BYTES, Update, body_of, signature

logger = logging.getLogger(__name__)

GIVE_UP_S = 7 * 86_400.0  # platform 1.4: retried with decreasing frequency up to 7 days
FIRST_RETRY_S = 5.0  # assumed: the platform publishes no schedule
LONGEST_RETRY_S = 4 * 3600.0  # assumed
MAX_HELD = 200_000  # webhooks that wait for a receiver; more would fill the memory, the oldest is dropped
USER_AGENT = b"User-Agent: facebookexternalua\r\n"


@dataclass(frozen=True, slots=True)
class Sending:
    """How webhooks are sent. `timeout_s` is in real seconds and assumed: the platform publishes none."""

    app_secret: bytes
    batch_max: int = 1
    connections: int = 16
    timeout_s: float = 10.0


@dataclass(slots=True)
class Webhook:
    """One body on its way. Emulated seconds, but for `queued_real_s` (time.monotonic)."""

    target: Target
    body: bytes
    updates: int
    first_s: float
    queued_real_s: float
    attempts: int = 0


def retry_delay_s(attempts: int) -> float:
    """Emulated seconds to wait after `attempts` (>= 1) in vain: doubling, at most LONGEST_RETRY_S."""
    return float(min(FIRST_RETRY_S * 2.0 ** min(attempts - 1, 30), LONGEST_RETRY_S))


class Webhooks:
    """The queue and the connections that empty it.

    `target_of` says where an update goes now; None: nowhere.
    """

    def __init__(
        self, sending: Sending, calendar: Calendar, target_of: Callable[[Update], Target | None]
    ) -> None:
        self._sending = sending
        self._calendar = calendar
        self._target_of = target_of
        self._queue: deque[tuple[Update, Target, float]] = deque()
        self._again: deque[Webhook] = deque()
        self._waiting = 0  # for their next attempt
        self._idle: deque[asyncio.Future[None]] = deque()
        self._workers: set[asyncio.Task[None]] = set()
        self._active = 0
        self.counts: Counter[str] = Counter()
        self.longest_lag_s = 0.0

    def put(self, update: Update) -> None:
        """Tell `update` as soon as a connection is free."""
        target = self._target_of(update)
        if target is None:
            self.counts["unsubscribed"] += 1
            return
        if len(self._queue) >= MAX_HELD:
            self._queue.popleft()
            self.counts["dropped"] += 1
        self._queue.append((update, target, time.monotonic()))
        self._wake()

    @property
    def pending(self) -> int:
        """Updates and webhooks that are not yet taken or given up."""
        return len(self._queue) + len(self._again) + self._waiting + self._active

    def shown(self) -> dict[str, float]:
        """Counts since the start, what is pending, and the longest time from queue to answer (real s)."""
        return {**self.counts, "pending": self.pending, "longest_lag_s": self.longest_lag_s}

    async def close(self) -> None:
        """Stop; what is pending is forgotten."""
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)

    def _wake(self) -> None:
        while self._idle:
            waiter = self._idle.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        if len(self._workers) < self._sending.connections:
            worker = asyncio.get_running_loop().create_task(self._work())
            self._workers.add(worker)
            worker.add_done_callback(self._ended)

    def _ended(self, worker: "asyncio.Task[None]") -> None:
        self._workers.discard(worker)
        if not worker.cancelled() and (error := worker.exception()) is not None:
            logger.error("a sender of webhooks ended", exc_info=error)

    async def _work(self) -> None:
        """One connection's life: take what is next, post it, note what came of it."""
        connections: dict[Target, Connection] = {}
        try:
            while True:
                webhook = self._next()
                if webhook is None:
                    waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                    self._idle.append(waiter)
                    await waiter
                    continue
                self._active += 1
                try:
                    is_taken = await self._post(connections, webhook)
                finally:
                    self._active -= 1
                self._note(webhook, is_taken=is_taken)
        finally:
            for connection in connections.values():
                connection.close()

    def _next(self) -> Webhook | None:
        if self._again:
            return self._again.popleft()
        if not self._queue:
            return None
        first, target, queued_s = self._queue.popleft()
        batch, size = [first], len(first.item)
        while (
            self._queue
            and len(batch) < self._sending.batch_max
            and self._queue[0][1] is target
            and size + len(self._queue[0][0].item) < MAX_BYTES // 2
        ):
            batch.append(self._queue.popleft()[0])
            size += len(batch[-1].item)
        return Webhook(target, body_of(batch), len(batch), self._calendar.clock.now(), queued_s)

    async def _post(self, connections: dict[Target, Connection], webhook: Webhook) -> bool:
        """Whether the receiver answered 200."""
        webhook.attempts += 1
        self.counts["attempts"] += 1
        signed = signature(self._sending.app_secret, webhook.body).encode("ascii")
        headers = USER_AGENT + b"X-Hub-Signature-256: " + signed + b"\r\n"
        request = request_bytes(webhook.target, headers, webhook.body)
        connection = connections.get(webhook.target)
        try:
            if connection is None or not connection.is_open:
                async with asyncio.timeout(self._sending.timeout_s):
                    connection = connections[webhook.target] = await connect(webhook.target)
            return await self._status_of(connection, request) == 200
        except (PostError, TimeoutError):
            if (broken := connections.pop(webhook.target, None)) is not None:
                broken.close()
            return False

    async def _status_of(self, connection: Connection, request: bytes) -> int:
        """PostError when no whole answer comes in time: the connection is closed then."""
        timer = asyncio.get_running_loop().call_later(self._sending.timeout_s, connection.close)
        try:
            return (await connection.ask(request)).status
        finally:
            timer.cancel()

    def _note(self, webhook: Webhook, *, is_taken: bool) -> None:
        if is_taken:
            self.counts["taken"] += 1
            self.counts["updates"] += webhook.updates
            self.longest_lag_s = max(self.longest_lag_s, time.monotonic() - webhook.queued_real_s)
            return
        self.counts["failed_attempts"] += 1
        due_s = self._calendar.clock.now() + retry_delay_s(webhook.attempts)
        if due_s - webhook.first_s > GIVE_UP_S or self._waiting >= MAX_HELD:
            self.counts["given_up"] += 1
            return
        self._waiting += 1
        self._calendar.at(due_s, lambda: self._retry(webhook))

    def _retry(self, webhook: Webhook) -> None:
        self._waiting -= 1
        self._again.append(webhook)
        self._wake()

"""What is to happen later, on the emulator's clock."""

import asyncio
import heapq
from collections.abc import Callable
from itertools import count
from time import monotonic

from server.clock import Clock

AT_ONCE = 500  # actions before other work of the event loop gets its turn
REST_S = 0.005  # real seconds between looks: what falls due meanwhile wakes the event loop once


class Calendar:
    """Calls each action when the clock reaches its time; in order of time, equal times in order of entry.

    Lives on the running event loop. An action must not raise.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._entries: list[tuple[float, int, Callable[[], object]]] = []
        self._number = count()
        self._timer: asyncio.Handle | None = None
        self._timer_s = float("inf")
        self._rests_until_s = 0.0  # time.monotonic

    def __len__(self) -> int:
        return len(self._entries)

    def at(self, at_s: float, action: Callable[[], object]) -> None:
        """Call `action` when the clock shows `at_s` (Unix seconds), or soon when that has passed."""
        heapq.heappush(self._entries, (at_s, next(self._number), action))
        if at_s < self._timer_s:
            self._set_timer()

    def clock_changed(self) -> None:
        """Look again at when the next entry is due, after the clock's speed or time was changed."""
        self._set_timer()

    def close(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._timer_s = self._entries[0][0] if self._entries else float("inf")
        if self._entries:
            wait_s, rest_s = self.clock.real_until(self._timer_s), self._rests_until_s - monotonic()
            if rest_s > wait_s:
                self._timer_s, wait_s = float("-inf"), rest_s  # nothing that comes meanwhile sets another
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._run)

    def _run(self) -> None:
        now_s = self.clock.now()
        self._timer_s = float("-inf")  # what comes meanwhile needs no timer of its own
        for _ in range(AT_ONCE):
            if not self._entries or self._entries[0][0] > now_s:
                break
            heapq.heappop(self._entries)[2]()
        else:  # there may be more
            self._rests_until_s = 0.0
            self._set_timer()
            return
        self._rests_until_s = monotonic() + REST_S
        self._set_timer()

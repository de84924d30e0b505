"""The server's clock: Unix seconds that may run faster than real ones."""

import time
from collections.abc import Callable


class Clock:
    """`start_s` (Unix seconds) at creation, then `speed` seconds for each real one. Never goes back.

    Who sleeps for `real_until` must be woken after `set_speed` and `advance`.
    """

    def __init__(self, start_s: float, speed: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.speed = speed
        self._start_s = start_s
        self._monotonic = monotonic
        self._zero = monotonic()

    def now(self) -> float:
        """Unix seconds."""
        return self._start_s + (self._monotonic() - self._zero) * self.speed

    def real_until(self, at_s: float) -> float:
        """Real seconds until the clock shows `at_s`; 0 when it has passed."""
        return max(0.0, (at_s - self.now()) / self.speed)

    def set_speed(self, speed: float) -> None:
        """From now on `speed` seconds (> 0) for each real one."""
        self._start_s, self._zero = self.now(), self._monotonic()
        self.speed = speed

    def advance(self, by_s: float) -> None:
        """Jump forward by `by_s` seconds (>= 0)."""
        self._start_s += by_s

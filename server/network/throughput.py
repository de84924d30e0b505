"""Throughput of one number: messages in a moving second, inbound and outbound together."""

from math import inf

from server.network.rules import THROUGHPUT_MPS, UPGRADE_S, Throughput

SECOND_S = 1.0


class Meter:
    """The times of a number's last messages, as many as it may have in a second."""

    __slots__ = ("_oldest", "_times", "kind", "unusable_until_s")

    def __init__(self, kind: Throughput) -> None:
        self.kind: Throughput = kind
        self.unusable_until_s = -inf
        self._times = [-inf] * THROUGHPUT_MPS[kind]
        self._oldest = 0

    def full(self, now_s: float) -> bool:
        """No message fits into the second that ends now."""
        return self._times[self._oldest] > now_s - SECOND_S

    def count(self, now_s: float) -> None:
        """A message went through, in or out. What comes in is counted even when the second is full."""
        self._times[self._oldest] = now_s
        self._oldest = (self._oldest + 1) % len(self._times)

    def change(self, now_s: float, kind: Throughput) -> None:
        """To another throughput; the number is unusable for as long as the platform may need [M]."""
        recent = self._times[self._oldest :] + self._times[: self._oldest]
        size = THROUGHPUT_MPS[kind]
        self.kind = kind
        self._times = ([-inf] * size + recent)[-size:]
        self._oldest = 0
        self.unusable_until_s = now_s + UPGRADE_S

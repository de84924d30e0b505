"""The spam rate limit (131048) of one number: too many of those reached lately blocked or reported it.

The platform says no more than that. Thresholds are assumed: reports alone bind at 0.5 % of deliveries, where
claim T025 sees a number in danger; blocks, which say less, at 2 %. A block or report counts with the delivery
that it is about: held against those that came later, the late ones of a large campaign would bind the next
day, when little is sent.
"""

from math import inf
from typing import NamedTuple

from server.network.rolling import Rolling
from server.network.rules import DAY_S, HOUR_S

DELIVERED, BLOCKED, REPORTED = range(3)


class SpamParameters(NamedTuple):
    """All assumed."""

    share: float = 0.02  # (blocks + weighted reports) / delivered in the last day
    report_weight: float = 4.0  # so that reports alone bind at 0.5 % (T025)
    least_judged: int = 1_000  # fewer are taken for so many: one report of 100 is chance
    hold_s: float = DAY_S  # how long the number is then held


class SpamGuard:
    """Blocks, reports and deliveries of a number in the last 24 hours, by the hour."""

    __slots__ = ("_counts", "held_until_s", "parameters")

    def __init__(self, parameters: SpamParameters | None = None) -> None:
        self.parameters = parameters or SpamParameters()
        self.held_until_s = -inf
        self._counts = Rolling(3, 24, HOUR_S)

    def delivered(self, now_s: float, count: int = 1) -> None:
        self._counts.add(now_s, DELIVERED, count)

    def complained(self, now_s: float, kind: int, delivered_s: float | None = None) -> bool:
        """`kind`: BLOCKED or REPORTED. True if this one makes the number held.

        `delivered_s`: when what it is about was delivered; None if it is about no message.
        """
        self._counts.add(now_s, kind, then_s=delivered_s)
        delivered, blocked, reported = self._counts.totals
        p = self.parameters
        if now_s < self.held_until_s:
            return False
        if blocked + p.report_weight * reported < p.share * max(delivered, p.least_judged):
            return False
        self.held_until_s = now_s + p.hold_s
        return True

"""Quality of numbers and templates, by what users do, and the events that tell of its changes.

The ratings, the pauses of a template (3 h, 6 h, disabled) and the events are the platform's [M]; that blocks
and reports of seven days decide is general knowledge; at which share they do is published nowhere. The
thresholds are assumed: reports alone make RED at 0.5 % of deliveries, where claim T025 sees a number in
danger; blocks, which say less, at 2 %; YELLOW is half way. As with the spam rate limit (`spam`), a block or
report counts with the delivery that it is about.
"""

from collections.abc import Iterable
from math import inf
from typing import Any, Literal, NamedTuple

from server.network.enforcement import Event, Ladder
from server.network.limits import Limits, Number, Portfolio, SpamParameters
from server.network.rolling import Rolling
from server.network.rules import DAY_S, HOUR_S
from server.network.spam import BLOCKED, DELIVERED, REPORTED
from server.network.tiers import Rating

__all__ = [
    "BLOCKED",
    "DELIVERED",
    "REPORTED",
    "Account",
    "Event",
    "Ladder",
    "Parameters",
    "Rating",
    "Ratings",
    "Template",
    "worst",
]

PAUSES_S = (3 * HOUR_S, 6 * HOUR_S)  # [M]; the third time is for good
PAUSED, DISABLED = 132015, 132016  # what a send with such a template is answered
PHONES_AT_FIRST_TIER, PHONES_A_WABA = 2, 25  # [M-copy], the values of the event's description
Status = Literal["APPROVED", "PAUSED", "DISABLED"]


class Parameters(NamedTuple):
    """All assumed; the reasons are above."""

    days: int = 7
    report_weight: float = SpamParameters().report_weight
    least_delivered: int = 100  # fewer tell nothing
    least_judged: int = SpamParameters().least_judged  # fewer are taken for so many
    yellow: float = 0.01  # (blocks + weighted reports) / delivered, from which on ...
    red: float = 0.02


class Ratings:
    """Deliveries, blocks and reports of the last days, and the rating they make."""

    __slots__ = ("_counts", "_since_s", "parameters", "rating")

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self.rating: Rating = "UNKNOWN"
        self._since_s = -inf
        self._counts = Rolling(3, parameters.days, DAY_S)

    def count(self, now_s: float, kind: int, count: int = 1, delivered_s: float | None = None) -> None:
        """`kind`: DELIVERED, BLOCKED or REPORTED; `count`: so many at once.

        `delivered_s`: when what a block or report is about was delivered; None if it is about no message.
        """
        if delivered_s is None or delivered_s >= self._since_s:
            self._counts.add(now_s, kind, count, delivered_s)

    def review(self, now_s: float) -> Rating | None:
        """The rating before, if it changed. With too few deliveries it stays what it was."""
        delivered, blocked, reported = self._counts.at(now_s)
        p, before = self.parameters, self.rating
        if delivered < p.least_delivered:
            return None
        share = (blocked + p.report_weight * reported) / max(delivered, p.least_judged)
        self.rating = "RED" if share >= p.red else "YELLOW" if share >= p.yellow else "GREEN"
        return before if self.rating != before else None

    def forget(self, now_s: float) -> None:
        """Starts counting anew, with an unknown rating."""
        self.rating = "UNKNOWN"
        self._since_s = now_s
        self._counts = Rolling(3, self.parameters.days, DAY_S)


class Template:
    """A template's quality and pauses. `identity`: id, name and language as the events carry them; `category`
    goes with those of its status.
    """

    __slots__ = ("_until_s", "category", "identity", "pauses", "ratings", "status")

    def __init__(
        self, identity: dict[str, Any], parameters: Parameters | None = None, category: str | None = None
    ) -> None:
        self.identity = identity
        self.category = category
        self.ratings = Ratings(parameters or Parameters())
        self.status: Status = "APPROVED"
        self.pauses = 0
        self._until_s = -inf

    def refusal(self, now_s: float) -> int | None:
        """The code for a send with it. Such a send is not charged and counts for nothing [M]."""
        if self.status == "PAUSED" and now_s < self._until_s:
            return PAUSED
        return DISABLED if self.status == "DISABLED" else None

    def review(self, now_s: float, *, is_held: bool = False) -> list[Event]:
        """Pauses, disables or lets go; the events that tell of it. Ask every few minutes.

        After a pause its quality is unknown again (assumed: else it would be paused at once anew). `is_held`:
        template pacing holds its messages back; a pause then ends by `unpause` alone [M], and counts as one
        (assumed).
        """
        if self.status == "DISABLED":
            return []
        if self.status == "PAUSED":
            return self._let_go(now_s) if now_s >= self._until_s else []
        before = self.ratings.review(now_s)
        if before is None:
            return []
        scores = {"previous_quality_score": before, "new_quality_score": self.ratings.rating}
        events = [Event("message_template_quality_update", {**scores, **self.identity})]
        if self.ratings.rating != "RED":
            return events
        return events + self._pause(now_s, is_held=is_held)

    def unpause(self, now_s: float) -> None:
        """By hand [M]; nothing to tell of is made here."""
        if self.status == "PAUSED":
            self._let_go(now_s)

    def _pause(self, now_s: float, *, is_held: bool) -> list[Event]:
        if self.pauses == len(PAUSES_S):
            self.status = "DISABLED"
            return [self.told("DISABLED", disable_info=disable_info(now_s))]
        self.status = "PAUSED"
        self._until_s = inf if is_held else now_s + PAUSES_S[self.pauses]
        self.pauses += 1
        title = "FIRST_PAUSE" if self.pauses == 1 else "SECOND_PAUSE"
        return [self.told("PAUSED", other_info={"title": title})]

    def _let_go(self, now_s: float) -> list[Event]:
        self.status = "APPROVED"
        self.ratings.forget(now_s)
        return [self.told("APPROVED", other_info={"title": "UNPAUSE"})]

    def told(self, event: str, reason: str = "NONE", **more: dict[str, str]) -> Event:
        """A change of its status. The titles in `more` are general knowledge, not in our facts."""
        category = {"message_template_category": self.category} if self.category is not None else {}
        value = {"event": event, **self.identity, **category, "reason": reason, **more}
        return Event("message_template_status_update", value)


class Account:
    """A business seen by the platform: its numbers, its standing, its limit.

    Tell it what users do besides telling `Limits`; `review` now and then. Both give events to deliver.
    """

    def __init__(self, limits: Limits, portfolio: Portfolio, parameters: Parameters | None = None) -> None:
        self.limits = limits
        self.portfolio = portfolio
        self.parameters = parameters or Parameters()
        self.ladder = Ladder(portfolio)
        self._numbers: dict[str, tuple[Number, Ratings]] = {}  # by display number

    def watch(self, display_phone_number: str, number: Number) -> Ratings:
        """From now on `review` looks at this number; its ratings."""
        ratings = Ratings(self.parameters)
        self._numbers[display_phone_number] = number, ratings
        return ratings

    def delivered(self, now_s: float, display_phone_number: str) -> None:
        """A message of the number reached a user."""
        self._numbers[display_phone_number][1].count(now_s, DELIVERED)

    def blocked(
        self, now_s: float, display_phone_number: str, delivered_s: float | None = None
    ) -> list[Event]:
        """A user blocked the number; `Limits` is told too.

        `delivered_s`: when the message that it is about was delivered; None if it is about none.
        """
        number, ratings = self._numbers[display_phone_number]
        ratings.count(now_s, BLOCKED, delivered_s=delivered_s)
        binds = self.limits.blocked(now_s, number, delivered_s)
        return self.ladder.spam_limit_bound(now_s) if binds else []

    def reported(
        self, now_s: float, display_phone_number: str, delivered_s: float | None = None
    ) -> list[Event]:
        """As `blocked`, a user reported the number."""
        number, ratings = self._numbers[display_phone_number]
        ratings.count(now_s, REPORTED, delivered_s=delivered_s)
        binds = self.limits.reported(now_s, number, delivered_s)
        return self.ladder.spam_limit_bound(now_s) if binds else []

    def review(self, now_s: float, *, verified: bool = False) -> list[Event]:
        """Rates the numbers and moves limit and throughput where that is due. Ask every hour or so."""
        events = [
            event
            for name, (number, ratings) in self._numbers.items()
            for event in self._rate(now_s, name, number, ratings)
        ]
        for names in self._by_limit():
            events += self._move(now_s, names, verified=verified)
        for name, (number, ratings) in self._numbers.items():
            events += self._upgrade(now_s, name, number, ratings)
        return events

    def _rate(self, now_s: float, name: str, number: Number, ratings: Ratings) -> list[Event]:
        """A number is flagged and cleared under the older rules only; now the rating just changes."""
        before = ratings.review(now_s)
        if before is None or self.limits.rules.flagged_days is None or "RED" not in (before, ratings.rating):
            return []
        return [_quality_event("FLAGGED" if ratings.rating == "RED" else "UNFLAGGED", name, number)]

    def _by_limit(self) -> Iterable[list[str]]:
        """Numbers that share a limit: all of a business, before 2025-10 each by itself."""
        names: dict[int, list[str]] = {}
        for name, (number, _) in self._numbers.items():
            names.setdefault(id(number.tier), []).append(name)
        return names.values()

    def _move(self, now_s: float, names: list[str], *, verified: bool) -> list[Event]:
        tier = self._numbers[names[0]][0].tier
        level, before = tier.level, tier.limit
        if not tier.review(now_s, worst(self._numbers[name][1].rating for name in names), verified=verified):
            return []
        event = "UPGRADE" if tier.level > level else "DOWNGRADE"
        old = {"old_limit": limit_name(before)}
        events = [_quality_event(event, name, self._numbers[name][0], **old) for name in names]
        return [*events, _capability_event(tier.limit)]

    def _upgrade(self, now_s: float, name: str, number: Number, ratings: Ratings) -> list[Event]:
        """To 1,000 a second: an unlimited number of medium quality or better [3P]."""
        if number.meter.kind != "standard" or number.tier.limit != inf:
            return []
        if ratings.rating not in ("GREEN", "YELLOW"):
            return []
        number.meter.change(now_s, "upgraded")
        return [_quality_event("THROUGHPUT_UPGRADE", name, number)]


def disable_info(now_s: float) -> dict[str, str]:
    """What goes with the event that a template was disabled now (Unix seconds) [M]."""
    return {"disable_date": str(int(now_s))}


def limit_name(limit: float) -> str:
    """TIER_250, TIER_2K, ..., TIER_UNLIMITED."""
    if limit == inf:
        return "TIER_UNLIMITED"
    return f"TIER_{limit:.0f}" if limit < 1000 else f"TIER_{limit / 1000:.0f}K"


def worst(ratings: Iterable[Rating]) -> Rating:
    """The worst number that is known speaks for all (assumed); at least one rating."""
    order: tuple[Rating, ...] = ("RED", "YELLOW", "GREEN", "UNKNOWN")
    return min(ratings, key=order.index)


def _quality_event(event: str, name: str, number: Number, **more: str) -> Event:
    """`current_limit` is the older name of the limit; both are sent [M-copy]. `more`: `old_limit`, of
    moves alone [M].
    """
    limit = limit_name(number.tier.limit)
    return Event(
        "phone_number_quality_update",
        {
            "display_phone_number": name,
            "event": event,
            **more,
            "current_limit": limit,
            "max_daily_conversations_per_business": limit,
        },
    )


def _capability_event(limit: float) -> Event:
    """The description says names (TIER_2K), its example a number [M-copy]: here it is the number."""
    value: dict[str, Any] = {"max_daily_conversations_per_business": -1 if limit == inf else int(limit)}
    if limit == 250:
        value["max_phone_numbers_per_business"] = PHONES_AT_FIRST_TIER
    else:
        value["max_phone_numbers_per_waba"] = PHONES_A_WABA
    return Event("business_capability_update", value)

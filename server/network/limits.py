"""The platform's limits, enforced by state: one decision a message, the clock given by the caller.

>>> limits = Limits(rules_at(now_s).limits)                                    # doctest: +SKIP
>>> number = limits.number(limits.portfolio(level=1))                          # doctest: +SKIP
>>> decision = limits.decide(now_s, number, "491701234567", "marketing")       # doctest: +SKIP
>>> if decision.code is None:                                                  # doctest: +SKIP
...     limits.delivered(later_s, number, "491701234567", "marketing", decision.window)

Every accepted message must end in `delivered` or `failed`, with the window it was decided in. Times are
seconds on any clock, and must not run backwards. Nothing here reads a clock, draws a number or does I/O.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import inf
from types import MappingProxyType
from typing import NamedTuple

from server.network.batches import Batch, Columns, allowances, give_back, refuse
from server.network.errors import (
    LOCKED,
    MAINTENANCE,
    MARKETING_CAPPED,
    MARKETING_STOPPED,
    PAIR_RATE,
    RE_ENGAGEMENT,
    RESTRICTED,
    SPAM_RATE,
    THROUGHPUT,
)
from server.network.marketing_cap import CapParameters, MarketingCap, allowance
from server.network.pair_rate import BucketPairs, LiteralPairs, Reading, User, new_pairs
from server.network.rules import Category, LimitRules, Throughput
from server.network.spam import BLOCKED, REPORTED, SpamGuard, SpamParameters
from server.network.throughput import Meter
from server.network.tiers import Tier
from server.network.windows import IN_SERVICE, OUTSIDE, Window, Windows

__all__ = [
    "IN_SERVICE",
    "OUTSIDE",
    "Assumed",
    "Batch",
    "CapParameters",
    "Columns",
    "Decision",
    "Limits",
    "Number",
    "Portfolio",
    "Reading",
    "SpamParameters",
    "User",
    "Window",
    "allowance",
    "allowances",
    "give_back",
    "refuse",
]


class Assumed(NamedTuple):
    """What the platform does not publish, or says in a way that can be read twice."""

    pair_reading: Reading = "literal"
    # No code is documented for the messaging limit; assumed: the one that also says "pause the campaign".
    tier_code: int = SPAM_RATE
    cap: CapParameters = CapParameters()
    spam: SpamParameters = SpamParameters()


class Decision(NamedTuple):
    """`code` None: accepted. `window`: what was open; it goes back into `delivered` or `failed`."""

    code: int | None
    window: Window


@dataclass(slots=True)
class Portfolio:
    """A business. Until the times given, the enforcement ladder refuses its messages."""

    key: int
    tier: Tier
    initiated_restricted_until_s: float = -inf  # messages outside a service window
    all_restricted_until_s: float = -inf
    disabled: bool = False


@dataclass(slots=True)
class Number:
    """A sending number and all that is known of it."""

    portfolio: Portfolio
    tier: Tier  # the portfolio's; before 2025-10 its own
    meter: Meter
    pairs: LiteralPairs | BucketPairs
    spam: SpamGuard
    windows: Windows = field(default_factory=Windows)
    stopped: set[User] = field(default_factory=set)  # users who stopped its marketing


_ACCEPTED: Mapping[Window, Decision] = MappingProxyType(
    {
        window: Decision(None, window)
        for window in (OUTSIDE, IN_SERVICE, Window(False, True), Window(True, True))
    }
)


class Limits:
    """One emulated network: its portfolios, numbers, and what its users got from all of them."""

    def __init__(self, rules: LimitRules, assumed: Assumed | None = None) -> None:
        self.rules = rules
        self.assumed = assumed or Assumed()
        self.cap = MarketingCap(self.assumed.cap)
        self._portfolios = 0

    def portfolio(self, level: int = 0) -> Portfolio:
        """A new business. `level`: its messaging limit, an index into `rules.tiers`."""
        self._portfolios += 1
        return Portfolio(self._portfolios, Tier(self.rules, level))

    def number(self, portfolio: Portfolio, throughput: Throughput = "standard") -> Number:
        """A new number of a business."""
        own = self.rules.tier_scope == "number"
        return Number(
            portfolio,
            Tier(self.rules, portfolio.tier.level) if own else portfolio.tier,
            Meter(throughput),
            new_pairs(self.assumed.pair_reading),
            SpamGuard(self.assumed.spam),
        )

    def change_rules(self, rules: LimitRules, numbers: Iterable[Number]) -> None:
        """From now on `rules` hold, for `numbers`: all that there are. Their users stay in the day's count.

        A portfolio gets the highest level among its numbers (`Tier.following`). ValueError for rules under
        which numbers do not share a limit: none ever followed others.
        """
        if rules.tier_scope != "portfolio":
            raise ValueError(f"{rules.name}: numbers that shared a limit cannot be parted")
        self.rules = rules
        shared: dict[int, list[Number]] = {}
        for number in numbers:
            shared.setdefault(number.portfolio.key, []).append(number)
        for together in shared.values():
            before = {id(one.tier): one.tier for one in together}
            after = together[0].portfolio.tier = Tier.following(rules, list(before.values()))
            for one in together:
                one.tier = after

    def decide(
        self, now_s: float, number: Number, user: User, category: Category, region: str | None = None
    ) -> Decision:
        """Accepts or refuses one message, and books it if accepted.

        `category` "service" is free text, the others are templates. `region` (ISO 3166) of the user, for
        regions without marketing. A message refused by throughput or pair rate leaves no trace; one refused
        after them has used both: the request reached the number.
        """
        window = number.windows.at(now_s, user)
        code = self._at_the_gate(now_s, number, user, window) or self._refusal(
            now_s, number, user, category, region, window
        )
        if code is not None:
            return Decision(code, window)
        number.windows.answered(now_s, user)
        if not window.service:
            number.tier.accepted(now_s, user)
        return _ACCEPTED[window]

    def _at_the_gate(self, now_s: float, number: Number, user: User, window: Window) -> int | None:
        """Restrictions of the business, then the two limits of rate."""
        portfolio = number.portfolio
        if portfolio.disabled:
            return LOCKED
        if now_s < portfolio.all_restricted_until_s:
            return RESTRICTED
        if now_s < portfolio.initiated_restricted_until_s and not window.service:
            return RESTRICTED
        if now_s < number.meter.unusable_until_s:
            return MAINTENANCE
        if number.meter.full(now_s):
            return THROUGHPUT
        if not number.pairs.take(now_s, user):
            return PAIR_RATE
        number.meter.count(now_s)
        return None

    def _refusal(
        self, now_s: float, number: Number, user: User, category: Category, region: str | None, window: Window
    ) -> int | None:
        """What stops a message that is through the gate. A marketing message that passes is booked."""
        if category == "service":
            return None if window.service else RE_ENGAGEMENT
        marketing = category == "marketing"
        if marketing and user in number.stopped:
            return MARKETING_STOPPED
        if marketing and region in self.rules.marketing_paused_in:
            return MARKETING_CAPPED
        if window.service:
            return None
        if now_s < number.spam.held_until_s:
            return SPAM_RATE
        if marketing and not self.cap.take(now_s, number.portfolio.key, user):
            return MARKETING_CAPPED
        if number.tier.full(now_s, user):
            if marketing:
                self.cap.give_back(now_s, user)
            return self.assumed.tier_code
        return None

    def heard(self, now_s: float, number: Number, user: User, *, from_ad: bool = False) -> None:
        """A message or call of the user came in; `from_ad`: by a click-to-WhatsApp ad or page button."""
        number.meter.count(now_s)
        number.windows.heard(now_s, user, from_ad=from_ad)

    def delivered(self, now_s: float, number: Number, user: User, category: Category, window: Window) -> None:
        """An accepted message reached the user."""
        number.spam.delivered(now_s)
        if not window.service:
            number.tier.delivered(now_s, user)
        if category == "marketing":
            self.cap.delivered(now_s, user)

    def failed(
        self, accepted_s: float, number: Number, user: User, category: Category, window: Window
    ) -> None:
        """The message accepted at this time will not reach the user: what it holds is given back."""
        if not window.service:
            number.tier.failed(user)
            if category == "marketing":
                self.cap.give_back(accepted_s, user)

    def read(self, now_s: float, user: User, category: Category) -> None:
        """The user read a delivered message."""
        if category == "marketing":
            self.cap.read(now_s, user)

    def blocked(self, now_s: float, number: Number, delivered_s: float | None = None) -> bool:
        """A user blocked the number. True if that makes the spam rate limit bind.

        `delivered_s`: when the message that it is about was delivered; None if it is about none.
        """
        return number.spam.complained(now_s, BLOCKED, delivered_s)

    def reported(self, now_s: float, number: Number, delivered_s: float | None = None) -> bool:
        """As `blocked`, a user reported the number."""
        return number.spam.complained(now_s, REPORTED, delivered_s)

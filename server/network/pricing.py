"""What a delivered message costs: by category, open window and date.

Rules and prices are dated: per conversation until 2025-06-30, per delivered message since (platform facts
1.7). Left out, because our facts have no thresholds or rates: volume discounts for utility and
authentication, and authentication across borders.
"""

from collections import OrderedDict
from datetime import UTC, date, datetime
from typing import Any, Literal, NamedTuple

from server.network.pair_rate import User
from server.network.rules import DAY_S, Category, PricingRules
from server.network.windows import Window

ChargeType = Literal["regular", "free_customer_service", "free_entry_point"]
OTHER = "other"  # the market of a region that has no rate of its own
CONVERSATION_S = DAY_S  # a conversation of one category lasts so long [M-copy]


class Charge(NamedTuple):
    """What a status webhook says of the price; see `pricing_object`."""

    billable: bool
    model: Literal["CBP", "PMP"]
    type: ChargeType
    category: str


class Rate(NamedTuple):
    """USD a message (a conversation before 2025-07) in a market, from a day on."""

    since: date
    market: str  # region code (ISO 3166), or OTHER
    marketing: float
    utility: float
    authentication: float


_BY_CONVERSATION, _BY_MESSAGE = date.min, date(2025, 7, 1)
_JANUARY, _OCTOBER = date(2026, 1, 1), date(2026, 10, 1)
# A few markets, to show that the market decides. None is read from the platform's own rate card: [3P] are
# lists of providers, (a) with a tenth of their own taken off, (b) converted from AED at its peg of 3.6725.
RATES = (
    Rate(_BY_CONVERSATION, "AR", 0.0618, 0.0340, 0.0367),  # [3P]
    Rate(_BY_CONVERSATION, "BR", 0.0625, 0.0080, 0.0315),  # [3P]
    Rate(_BY_CONVERSATION, "DE", 0.1365, 0.0550, 0.0550),  # assumed: as from 2025-07
    Rate(_BY_CONVERSATION, "IN", 0.0107, 0.0014, 0.0014),  # [3P]
    Rate(_BY_CONVERSATION, "US", 0.0250, 0.0040, 0.0135),  # [3P]
    Rate(_BY_CONVERSATION, OTHER, 0.0604, 0.0077, 0.0077),  # assumed: as from 2025-07
    Rate(_BY_MESSAGE, "AR", 0.0618, 0.0289, 0.0289),  # [3P]
    Rate(_BY_MESSAGE, "BR", 0.0625, 0.0068, 0.0068),  # [3P] (b)
    Rate(_BY_MESSAGE, "DE", 0.1365, 0.0550, 0.0550),  # [3P] (a)
    Rate(_BY_MESSAGE, "IN", 0.0107, 0.0014, 0.0014),  # [3P]: before the rise of 2026
    Rate(_BY_MESSAGE, "US", 0.0250, 0.0040, 0.0040),  # [3P] (a)
    Rate(_BY_MESSAGE, OTHER, 0.0604, 0.0077, 0.0077),  # [3P]
    Rate(_JANUARY, "IN", 0.0118, 0.0014, 0.0014),  # [3P]
    Rate(_JANUARY, "US", 0.0250, 0.0034, 0.0034),  # [3P]
    Rate(_OCTOBER, "AR", 0.0618, 0.0260, 0.0260),  # [3P] (b)
)


def charge(rules: PricingRules, category: Category, window: Window, service_sent: int = 0) -> Charge:
    """How a delivered message is charged.

    `window`: what was open when it was sent (`limits.Decision.window`).
    `service_sent`: service messages of its number earlier in the month (`MonthlyCount.add`).
    """
    if window.free_entry:
        # The category's name is general knowledge, not in our facts.
        return Charge(False, rules.model, "free_entry_point", "referral_conversion")
    free = window.service and (
        (category == "service" and service_sent < rules.service_free_a_month)
        or (category == "utility" and rules.utility_free_in_window)
    )
    return Charge(not free, rules.model, "free_customer_service" if free else "regular", category)


def pricing_object(charge: Charge) -> dict[str, Any]:
    """The `pricing` of a status webhook; by conversation it has no type (assumed)."""
    pricing: dict[str, Any] = {"billable": charge.billable, "pricing_model": charge.model}
    if charge.model == "PMP":
        pricing["type"] = charge.type
    return {**pricing, "category": charge.category}


def price_usd(charge: Charge, market: str, day: date) -> float:
    """USD for a delivered message, or for the conversation that it opens (`Conversations.opens`).

    A market without a rate of its own has that of OTHER. Service costs the utility rate [3P].
    """
    if not charge.billable:
        return 0.0
    price: float = getattr(_rate(market, day), "utility" if charge.category == "service" else charge.category)
    return price


def _rate(market: str, day: date) -> Rate:
    """The newest that is in force; the table is in order of time, and OTHER has a rate for every day."""
    in_force = [rate for rate in reversed(RATES) if rate.since <= day]
    return next(rate for wanted in (market, OTHER) for rate in in_force if rate.market == wanted)


class MonthlyCount:
    """One number's service messages of the running month (UTC; the platform counts in the account's zone)."""

    __slots__ = ("_month", "_sent")

    def __init__(self) -> None:
        self._month, self._sent = (0, 0), 0

    def add(self, now_s: float) -> int:
        """How many there were before this one."""
        now = datetime.fromtimestamp(now_s, UTC)
        if (now.year, now.month) != self._month:
            self._month, self._sent = (now.year, now.month), 0
        self._sent += 1
        return self._sent - 1


class Conversations:
    """One number's open conversations, for charging by conversation. Time must not run backwards."""

    __slots__ = ("_open",)

    def __init__(self) -> None:
        self._open: OrderedDict[tuple[User, str], float] = OrderedDict()  # ends; in order of them

    def opens(self, now_s: float, user: User, category: str) -> bool:
        """This delivered message opens a conversation, and is charged; the others in it are not."""
        if self._open.get((user, category), now_s) > now_s:
            return False
        self._open[user, category] = now_s + CONVERSATION_S
        self._open.move_to_end((user, category))
        for _ in range(2):
            first = next(iter(self._open))
            if self._open[first] > now_s:
                break
            del self._open[first]
        return True

"""The platform's published rules as dated sets: limits (changed 2025-10) and pricing (2025-07, 2026-10).

Numbers marked [M] are the platform's own page, [M-copy] a verbatim copy of one, [3P] a third party's claim
(platform facts 1.6 and 1.7). What nobody publishes is not here but among the assumed parameters of
`marketing_cap`, `spam` and `quality`.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from math import inf
from types import MappingProxyType
from typing import Literal, NamedTuple

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S

SERVICE_WINDOW_S = DAY_S  # from the user's last message or call [M: send-messages]
FREE_ENTRY_ANSWER_S = DAY_S  # an answer within this time of the ad's message opens ... [M]
FREE_ENTRY_WINDOW_S = 3 * DAY_S  # ... a free entry window of this length [M]

PAIR_GAP_S = 6.0  # one message to a user in 6 s: 10 a minute, 600 an hour [M-copy]
PAIR_BURST = 45  # a burst may borrow up to this many within 6 s [M-copy]
PAIR_RETRY_BASE = 4  # retry after 4^X s, X = 0, 1, 2, ... [M-copy]

TIER_WINDOW_S = DAY_S  # unique users in a moving day [M]

Throughput = Literal["standard", "upgraded", "coexistence"]
# Messages a second of a number, inbound and outbound together [M: throughput, May 2026].
THROUGHPUT_MPS = MappingProxyType({"standard": 80, "upgraded": 1000, "coexistence": 20})
UPGRADE_S = 60.0  # an upgrade takes up to this long, the number unusable meanwhile [M]

Category = Literal["marketing", "utility", "authentication", "service"]
CATEGORIES: tuple[Category, ...] = ("marketing", "utility", "authentication", "service")


@dataclass(frozen=True, slots=True)
class LimitRules:
    """The messaging limit and how it moves, from `since` on."""

    name: str
    since: date
    tiers: tuple[float, ...]  # unique users a day, each level
    tier_scope: Literal["portfolio", "number"]
    first_rise_users: int  # unique users in `first_rise_days` that lift the first level
    first_rise_days: float
    rise_share: float  # of the limit that must have been used ...
    rise_days: float  # ... in the last days, for the next level
    rise_after_s: float  # from the conditions being met to the new limit
    flagged_days: float | None  # low quality for so long costs one level; None: never does
    marketing_paused_in: frozenset[str]  # regions without marketing messages (ISO 3166)


@dataclass(frozen=True, slots=True)
class PricingRules:
    """What is charged, from `since` on."""

    name: str
    since: date
    model: Literal["CBP", "PMP"]  # `pricing_model` of a status webhook
    utility_free_in_window: bool
    service_free_a_month: float  # service messages of a number; those beyond cost the utility rate


class Rules(NamedTuple):
    limits: LimitRules
    pricing: PricingRules


@dataclass(frozen=True, slots=True)
class BusinessAccount:
    """A number of a business as a parameter set: what a plan for it has to respect."""

    rules: Rules
    messages_per_s: int  # in and out together
    users_per_day: float  # unique, outside service windows, shared as `rules.limits.tier_scope` says
    pair_gap_s: float = PAIR_GAP_S
    pair_burst: int = PAIR_BURST
    service_window_s: float = SERVICE_WINDOW_S
    free_entry_window_s: float = FREE_ENTRY_WINDOW_S


LIMITS = (
    LimitRules(
        name="limits before 2025-10",
        since=date.min,
        tiers=(250, 1_000, 10_000, 100_000, inf),  # [M-copy]: a 1K step
        tier_scope="number",  # [M-copy]
        first_rise_users=1_000,  # assumed: as later, with the level of its time
        first_rise_days=30,  # assumed: as later
        rise_share=0.5,  # assumed: as later
        rise_days=7,  # assumed: as later
        rise_after_s=24 * HOUR_S,  # [M-copy]
        flagged_days=7,  # [M-copy]: seven days Flagged, one level down
        marketing_paused_in=frozenset(("US",)),  # [M]; since when is not in our facts
    ),
    LimitRules(
        name="limits from 2025-10",
        since=date(2025, 10, 7),  # [M]: upcoming-messaging-limits-changes; facts 1.6 give but the month
        tiers=(250, 2_000, 10_000, 100_000, inf),  # [M]
        tier_scope="portfolio",  # [M]
        first_rise_users=2_000,  # [M-copy], with high-quality templates; or a verified business
        first_rise_days=30,  # [M-copy]
        rise_share=0.5,  # [M-copy]
        rise_days=7,  # [M-copy]
        rise_after_s=6 * HOUR_S,  # [M-copy]: "within 6 h"; assumed: after all of it
        flagged_days=None,  # [M-copy]: lower quality no longer lowers the limit
        marketing_paused_in=frozenset(("US",)),  # [M]
    ),
)

PRICING = (
    PricingRules(
        name="by conversation",
        since=date.min,
        model="CBP",
        utility_free_in_window=False,  # assumed: the conversation of a category is charged
        service_free_a_month=inf,  # assumed: as since 2024-11; older charges are not modelled
    ),
    PricingRules(
        name="by message",
        since=date(2025, 7, 1),  # [M]
        model="PMP",
        utility_free_in_window=True,  # [M]
        service_free_a_month=inf,  # [M]
    ),
    PricingRules(
        name="by message, utility and service charged",
        since=date(2026, 10, 1),  # [3P], reported
        model="PMP",
        utility_free_in_window=False,  # [3P], reported
        service_free_a_month=1_000,  # [3P], reported
    ),
)


def rules_on(day: date) -> Rules:
    """The sets in force on a day (UTC; the platform uses the account's zone, which is not modelled)."""
    return Rules(
        next(rules for rules in reversed(LIMITS) if rules.since <= day),
        next(rules for rules in reversed(PRICING) if rules.since <= day),
    )


def rules_at(now_s: float) -> Rules:
    """The sets in force at a time (Unix seconds)."""
    return rules_on(datetime.fromtimestamp(now_s, UTC).date())


def next_limits(after_s: float) -> tuple[float, LimitRules] | None:
    """The limits that follow those of a time (Unix seconds), and from when; None: none are known."""
    coming = next((rules for rules in LIMITS if rules.since > rules_at(after_s).limits.since), None)
    if coming is None:
        return None
    return datetime(coming.since.year, coming.since.month, coming.since.day, tzinfo=UTC).timestamp(), coming


def business_account(day: date, throughput: Throughput = "standard", level: int = 0) -> BusinessAccount:
    """A number under the rules of a day. `level`: its messaging limit, an index into the limits' `tiers`.

    ValueError for a level that is none.
    """
    rules = rules_on(day)
    if not 0 <= level < len(rules.limits.tiers):
        raise ValueError(f"messaging limit level {level}: must be 0 to {len(rules.limits.tiers) - 1}")
    return BusinessAccount(rules, THROUGHPUT_MPS[throughput], rules.limits.tiers[level])

"""Which figures of the last hour are healthy, and what is likely wrong where they are not.

Limits are those of the claims; a limit that no claim states is marked as assumed. "More than" is exclusive.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from server.dispatch.import_pace import MOST

State = Literal["healthy", "warning", "alarm", "unknown"]

FEWEST = 20  # events below which a share says nothing (assumed: its 95 % interval would span 0.4)


@dataclass(frozen=True, slots=True)
class Observed:
    """What is seen; None: not known. Shares are in [0, 1], times in seconds."""

    delivery_rate: float | None = None  # delivered / attempts whose outcome is known, of the last hour
    invalid_number_share: float | None = (
        None  # attempts at numbers that are none or not registered / the same
    )
    hourly_cap_share: float | None = None  # sends of the busiest account in the last hour / its cap
    sends_per_minute: float | None = None  # of the busiest account in the last minute
    response_time_s: float | None = None  # mean, of the last hour
    longest_wait_s: float | None = None  # of the conversations that wait for a person
    top_keyword_share: float | None = None  # of a week's messages: with the five keywords met most / with any
    unmatched_share: float | None = None  # customer messages that no rule understood / those of the last hour
    completion_share: float | None = None  # customer messages answered without a person / the same
    banned_share: float | None = None  # accounts banned in the last 30 days / accounts
    sends_after_stop: float | None = None  # messages sent to customers after they opted out
    dispatch_lag_s: float | None = None  # from the planned instant of the last message to its hand-over
    network_delay_s: float | None = None  # from hand-over to the network's confirmation: the longest
    large_imports: float | None = None  # large files of tags taken in the last hour
    tag_rule_delay_s: float | None = None  # from an event to its tag rules: the longest of the last hour
    fleet_open_rate: float | None = None  # that numbers of the open accounts' ages get


class Check(NamedTuple):
    """`limit` is the nearest one that is broken, or the one that would raise the alarm."""

    name: str
    state: State
    value: float | None
    limit: float
    unit: str
    claims: Sequence[str]
    cause: str | None  # likely; None while healthy


class _Rule(NamedTuple):
    """`sign` 1: too much is bad, -1: too little is. At the limit itself all is well unless `touching`.

    `alarm` None: it is worth no more than a warning. `other`: the limit of a warning on the other side.
    """

    name: str
    unit: str
    sign: int
    warning: float | None
    alarm: float | None
    claims: tuple[str, ...]
    cause: str
    touching: bool = False
    other: float | None = None

    def broken(self, value: float) -> tuple[State, float]:
        """The state, with the limit that is broken or would be."""
        limits: tuple[tuple[State, int, float | None], ...] = (
            ("alarm", self.sign, self.alarm),
            ("warning", self.sign, self.warning),
            ("warning", -self.sign, self.other),
        )
        for state, sign, limit in limits:
            over = 0.0 if limit is None else sign * (value - limit)
            if limit is not None and (over > 0 or (self.touching and over == 0)):
                return state, limit
        return "healthy", self.limit

    @property
    def limit(self) -> float:
        """The highest one that there is."""
        found = self.alarm if self.alarm is not None else self.warning
        assert found is not None
        return found


_RULES = (
    # C154: 0.92 to 0.97 is healthy; between it and the alarm of C155 lies the warning (assumed).
    _Rule("delivery_rate", "fraction", -1, 0.92, 0.90, ("C154", "C155"), "poor numbers or too many sends"),
    _Rule("invalid_number_share", "fraction", 1, None, 0.05, ("C156",), "a list that is old or was bought"),
    # C101 is the cap; 90 % of it as a warning is assumed.
    _Rule("hourly_cap_share", "fraction", 1, 0.90, 1.0, ("C101", "C157"), "one account carries too much"),
    _Rule("sends_per_minute", "messages/min", 1, 15, 20, ("C018", "C020"), "pacing.rate_per_min is too high"),
    _Rule("response_time_s", "s", 1, None, 480, ("C161",), "too few people for what is escalated"),
    _Rule("longest_wait_s", "s", 1, None, 300, ("C111",), "nobody reads what was handed over"),
    # C063, C064: the five met most bring 0.60 to 0.80; a benchmark, so no more than a warning (assumed).
    _Rule(
        "top_keyword_share",
        "fraction",
        1,
        0.80,
        None,
        ("C063", "C064"),
        "customers ask about few things, or about more than the rules are made for",
        other=0.60,
    ),
    # C065: 0.15 to 0.20 unmatched is usual and feeds new rules.
    _Rule(
        "unmatched_share", "fraction", 1, None, 0.20, ("C065",), "rules are missing; see what was not matched"
    ),
    _Rule(
        "completion_share", "fraction", -1, None, 0.85, ("C066",), "too much goes to people", touching=True
    ),
    _Rule("banned_share", "fraction", 1, None, 0.012, ("C106",), "a rule of pacing or consent is broken"),
    _Rule("sends_after_stop", "messages", 1, None, 0, ("C033",), "a fault of this server; report it"),
    _Rule("dispatch_lag_s", "s", 1, None, 3, ("C098",), "the machine or its disk is too slow", touching=True),
    _Rule(
        "network_delay_s",
        "s",
        1,
        None,
        5,
        ("C131",),
        "the network is slow or loses messages; they are sent again",
    ),
    # T045: the risk control that may follow holds later operations for 1 to 2 h.
    _Rule(
        "large_imports",
        "imports/h",
        1,
        None,
        MOST,
        ("T044", "T045"),
        "files come too fast: from the fourth on leave 20 minutes between them",
    ),
    _Rule("tag_rule_delay_s", "s", 1, 300, 3_600, ("T110", "T111"), "events are told late"),
    _Rule("fleet_open_rate", "fraction", -1, None, 0.80, ("C143",), "old numbers: see GET /accounts"),
)


def check(observed: Observed) -> list[Check]:
    """Every figure with its state, in a fixed order."""
    return [_check(rule, getattr(observed, rule.name), observed) for rule in _RULES]


def _check(rule: _Rule, value: float | None, observed: Observed) -> Check:
    state: State
    state, limit = ("unknown", rule.limit) if value is None else rule.broken(value)
    cause = _cause(rule, observed) if state in ("alarm", "warning") else None
    return Check(rule.name, state, value, limit, rule.unit, rule.claims, cause)


def _cause(rule: _Rule, observed: Observed) -> str:
    """Of poor delivery the one of its two causes that is seen (C156, C157)."""
    if rule.name == "delivery_rate":
        if (observed.invalid_number_share or 0) > 0.05:
            return "poor numbers: clean the list"
        if (observed.hourly_cap_share or 0) > 1:
            return "too many sends: an account is above its hourly cap"
    return rule.cause


def share(part: int, whole: int) -> float | None:
    """part / whole; None where the whole is too little to say anything."""
    return part / whole if whole >= FEWEST else None

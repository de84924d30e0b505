"""The enforcement ladder of a business, and the account events that tell of each step.

Warning, then 1 and 3 days without business-initiated messages or new numbers, then 5 and 7 days without any,
then disabled [3P]. What counts as a violation is not published. Assumed: that the spam rate limit binds, once
a day however many numbers it strikes; and how long a step is remembered.
"""

from datetime import UTC, datetime
from math import inf
from typing import Any, NamedTuple

from server.network.limits import Portfolio
from server.network.rules import DAY_S

INITIATED = "RESTRICTED_BIZ_INITIATED_MESSAGING"
ANSWERS = "RESTRICTED_CUSTOMER_INITIATED_MESSAGING"
NEW_NUMBERS = "RESTRICTED_ADD_PHONE_NUMBER_ACTION"


class Event(NamedTuple):
    """One change of an account webhook: its `field` and `value`."""

    field: str
    value: dict[str, Any]


class Step(NamedTuple):
    """What a violation brings."""

    days: float  # 0: a warning only
    restrictions: tuple[str, ...] = ()


_MILD, _SEVERE = (INITIATED, NEW_NUMBERS), (INITIATED, ANSWERS, NEW_NUMBERS)
STEPS = (Step(0), Step(1, _MILD), Step(3, _MILD), Step(5, _SEVERE), Step(7, _SEVERE))  # [3P], then disabled
FORGIVEN_S = 90 * DAY_S  # assumed: after so long without a violation the ladder starts anew
ONE_VIOLATION_S = DAY_S  # assumed: all numbers that the spam rate limit strikes within


class Ladder:
    """Where a business stands."""

    __slots__ = ("_bound_s", "_last_s", "portfolio", "steps_taken")

    def __init__(self, portfolio: Portfolio) -> None:
        self.portfolio = portfolio
        self.steps_taken = 0
        self._last_s = 0.0
        self._bound_s = -inf

    def spam_limit_bound(self, now_s: float) -> list[Event]:
        """The spam rate limit strikes one of the numbers; what that brings, as `violate`.

        One campaign that leaves by twenty numbers would else disable a business within an hour.
        """
        if now_s - self._bound_s < ONE_VIOLATION_S:
            return []
        self._bound_s = now_s
        return self.violate(now_s)

    def violate(self, now_s: float, violation: str = "SPAM") -> list[Event]:
        """The next step: restricts the portfolio, and gives the events that tell of it.

        `now_s` in Unix seconds: events carry it. `violation`: the platform's name of what was done.
        """
        if self.portfolio.disabled:
            return []
        if now_s - self._last_s >= FORGIVEN_S:
            self.steps_taken = 0
        self._last_s = now_s
        events = [_account(event="ACCOUNT_VIOLATION", violation_info={"violation_type": violation})]
        if self.steps_taken == len(STEPS):
            events.append(self._disable(now_s))
        elif (step := STEPS[self.steps_taken]).days:
            events.append(self._restrict(now_s + step.days * DAY_S, step.restrictions))
        self.steps_taken = min(self.steps_taken + 1, len(STEPS))
        return events

    def _restrict(self, until_s: float, restrictions: tuple[str, ...]) -> Event:
        portfolio = self.portfolio
        portfolio.initiated_restricted_until_s = max(portfolio.initiated_restricted_until_s, until_s)
        if ANSWERS in restrictions:
            portfolio.all_restricted_until_s = max(portfolio.all_restricted_until_s, until_s)
        info = [{"restriction_type": name, "expiration": int(until_s)} for name in restrictions]
        return _account(event="ACCOUNT_RESTRICTION", restriction_info=info)

    def _disable(self, now_s: float) -> Event:
        self.portfolio.disabled = True
        day = datetime.fromtimestamp(now_s, UTC)
        return _account(
            event="DISABLED_UPDATE",
            ban_info={"waba_ban_state": "DISABLE", "waba_ban_date": f"{day:%B} {day.day}, {day.year}"},
        )


def _account(**value: Any) -> Event:
    return Event("account_update", value)

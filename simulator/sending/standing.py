"""How the platform sees a business: quality of its numbers and template, spam rate, restrictions, limit.

The state machines are those of `server.network`, told of deliveries by the count and of each block and report
by itself. Times are in s from the start.
"""

import numpy as np
from numpy.typing import NDArray

from scenarios.schema.business import Business
from server.network.errors import LOCKED, RESTRICTED
from server.network.limits import Assumed, Limits, SpamParameters
from server.network.quality import BLOCKED, DELIVERED, REPORTED, Ladder, Parameters, Ratings, Template, worst
from server.network.rules import rules_at
from simulator.sending.happenings import Complaints, Happenings, in_order
from simulator.sending.network import DAY_S

Codes = NDArray[np.int32]
Flags = NDArray[np.bool_]
Times = NDArray[np.float64]


class Standing:
    """One portfolio with its numbers, one a sending account, and one template."""

    def __init__(self, business: Business, numbers: int, epoch_s: float) -> None:
        """Under the rules of the day of `epoch_s` (Unix), by which all times are moved."""
        self._epoch_s, self._verified = epoch_s, business.verified
        spam = SpamParameters(share=business.spam_share, report_weight=business.report_weight)
        quality = Parameters(
            report_weight=business.report_weight, yellow=business.quality_yellow, red=business.quality_red
        )
        self._limits = Limits(rules_at(epoch_s).limits, Assumed(spam=spam))
        self._portfolio = self._limits.portfolio(business.limit_level)
        self._numbers = [self._limits.number(self._portfolio) for _ in range(numbers)]
        self._ratings = [Ratings(quality) for _ in self._numbers]
        self._template = Template({}, quality)
        self._ladder = Ladder(self._portfolio)

    @property
    def level(self) -> int:
        """Of the messaging limit."""
        return self._portfolio.tier.level

    @property
    def limit(self) -> float:
        """Unique users a day; infinity: any number."""
        return self._portfolio.tier.limit

    @property
    def month_s(self) -> float:
        """In which so many users lift the lowest limit."""
        return self._portfolio.tier.rules.first_rise_days * DAY_S

    def stops(self, now_s: float) -> bool:
        """No conversation may be begun."""
        return bool(self.stopped(np.array([now_s]), np.ones(1, np.bool_))[0])

    def stopped(self, at_s: Times, outside: Flags) -> Codes:
        """The code for each message of a quarter of an hour, 0 for none; `outside` a service window."""
        unix_s = at_s + self._epoch_s
        codes = np.zeros(len(unix_s), np.int32)
        codes[outside & (unix_s < self._portfolio.initiated_restricted_until_s)] = RESTRICTED
        codes[unix_s < self._portfolio.all_restricted_until_s] = RESTRICTED
        if self._portfolio.disabled:
            codes[:] = LOCKED
        if (paused := self._template.refusal(float(unix_s[0]))) is not None:
            codes[:] = paused
        return codes

    def held(self, at_s: Times, account: NDArray[np.int32]) -> Flags:
        """Whose number the spam rate limit holds: it begins no conversation."""
        until_s = np.array([number.spam.held_until_s for number in self._numbers])
        held: Flags = at_s + self._epoch_s < until_s[account]
        return held

    def used(self, at_s: float, users: int) -> None:
        """So many places of the messaging limit are taken."""
        self._portfolio.tier.counted(at_s + self._epoch_s, users)

    def see(self, delivered: Happenings, complaints: Complaints) -> None:
        """All that happened in one bin, in any order; something did."""
        complaints = in_order(complaints)
        times = np.concatenate((delivered.at_s, complaints.at_s))
        first_s, last_s = float(times.min()), float(times.max())
        self._count(first_s, delivered)
        arrived = _arrived_before(complaints, delivered, len(self._numbers))
        told = np.zeros(len(self._numbers), np.int64)
        for row, number in enumerate(complaints.account.tolist()):
            at_s = float(complaints.at_s[row])
            self._deliver(number, at_s, int(arrived[row, number] - told[number]))
            told[number] = arrived[row, number]
            self._complain(number, at_s, float(complaints.delivered_s[row]), bool(complaints.is_report[row]))
        for number, count in enumerate((arrived[-1] - told).tolist()):
            self._deliver(number, last_s, count)

    def review(self, now_s: float, month_users: int) -> None:
        """What the platform does now and then; `month_users`: delivered to in the last `month_s`."""
        unix_s = now_s + self._epoch_s
        for ratings in self._ratings:
            ratings.review(unix_s)
        rating = worst(one.rating for one in self._ratings)
        self._portfolio.tier.move(unix_s, rating, month_users, verified=self._verified)
        self._template.review(unix_s)

    def _count(self, first_s: float, delivered: Happenings) -> None:
        """For the ratings, which are made later, it does not matter what came first."""
        unix_s = first_s + self._epoch_s
        for number, count in enumerate(np.bincount(delivered.account).tolist()):
            for ratings in (self._ratings[number], self._template.ratings):
                ratings.count(unix_s, DELIVERED, count)

    def _deliver(self, number: int, at_s: float, count: int) -> None:
        if count:
            self._numbers[number].spam.delivered(at_s + self._epoch_s, count)

    def _complain(self, number: int, at_s: float, delivered_s: float, is_report: bool) -> None:
        kind, tell = (REPORTED, self._limits.reported) if is_report else (BLOCKED, self._limits.blocked)
        now_s, then_s = at_s + self._epoch_s, delivered_s + self._epoch_s
        for ratings in (self._ratings[number], self._template.ratings):
            ratings.count(now_s, kind, delivered_s=then_s)
        if tell(now_s, self._numbers[number], then_s):
            self._ladder.spam_limit_bound(now_s)


def _arrived_before(complaints: Complaints, delivered: Happenings, numbers: int) -> NDArray[np.int64]:
    """How many messages of each number arrive before each complaint, in the last row all: (complaints + 1,
    numbers).
    """
    following = np.searchsorted(complaints.at_s, delivered.at_s)
    cell = following * numbers + delivered.account
    counts = np.bincount(cell, minlength=(len(complaints.at_s) + 1) * numbers)
    return counts.reshape(-1, numbers).cumsum(axis=0)

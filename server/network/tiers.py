"""The messaging limit: unique users delivered to outside a service window in a moving day, and its rise.

A slot is held from acceptance, so that no day ever holds more users than the limit; it counts from delivery,
for 24 h, and is given back on failure. A message still on its way after 24 h gives its slot back too
(assumed); if it is delivered later it counts then, whatever the limit. Messages to one user are not told
apart: the last acceptance speaks for all.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from math import inf
from typing import Literal

from server.network.pair_rate import User
from server.network.rules import DAY_S, TIER_WINDOW_S, LimitRules

Rating = Literal["GREEN", "YELLOW", "RED", "UNKNOWN"]


class Tier:
    """One portfolio's limit (one number's, before 2025-10). Time must not run backwards.

    Memory: the users of a day up to the limit (none when unlimited), at the first level those of a month.
    """

    __slots__ = (
        "_delivered",
        "_flagged_s",
        "_half",
        "_half_used_s",
        "_in_both",
        "_month",
        "_on_the_way",
        "_qualified_s",
        "level",
        "limit",
        "rules",
    )

    def __init__(self, rules: LimitRules, level: int = 0) -> None:
        """`level`: index into `rules.tiers`."""
        self.rules = rules
        self._delivered: OrderedDict[User, float] = OrderedDict()  # last delivery, in order of time
        self._on_the_way: OrderedDict[User, tuple[float, int]] = (
            OrderedDict()
        )  # last acceptance, how many; in order
        self._in_both = 0  # users in both
        self._month: OrderedDict[User, float] = OrderedDict()
        self._half_used_s = -inf
        self._qualified_s: float | None = None
        self._flagged_s: float | None = None
        self.set_level(level)

    @classmethod
    def following(cls, rules: LimitRules, tiers: Sequence["Tier"]) -> "Tier":
        """One limit under other rules in place of some: the highest of their levels, and the users of all.

        At least one. What counted towards a rise or a fall begins anew, but for the users of the month.
        """
        made = cls(rules, max(tier.level for tier in tiers))
        if made.limit == inf:
            return made
        on_the_way: dict[User, tuple[float, int]] = {}
        for tier in tiers:
            for user, (at_s, count) in tier._on_the_way.items():
                before_s, more = on_the_way.get(user, (-inf, 0))
                on_the_way[user] = max(at_s, before_s), count + more
        made._on_the_way.update(sorted(on_the_way.items(), key=lambda item: item[1][0]))
        made._delivered.update(_latest([tier._delivered for tier in tiers]))
        made._in_both = len(made._delivered.keys() & made._on_the_way.keys())
        if made.level == 0:
            made._month.update(_latest([tier._month for tier in tiers]))
        return made

    def used(self, now_s: float) -> int:
        """Unique users that hold a slot."""
        self._prune(now_s)
        return len(self._delivered) + len(self._on_the_way) - self._in_both

    def full(self, now_s: float, user: User) -> bool:
        """No slot for a message to this user outside a service window."""
        if self.limit == inf or len(self._delivered) + len(self._on_the_way) - self._in_both < self.limit:
            return False  # without looking who has run out: memory is bounded by the limit
        self._prune(now_s)
        if user in self._delivered or user in self._on_the_way:
            return False
        return len(self._delivered) + len(self._on_the_way) - self._in_both >= self.limit

    def accepted(self, now_s: float, user: User) -> None:
        """Outside a service window, and not `full`."""
        if self.limit == inf:
            return
        before = self._on_the_way.get(user)
        if before is None:
            self._in_both += user in self._delivered
        count = before[1] if before and before[0] > now_s - TIER_WINDOW_S else 0
        self._on_the_way[user] = now_s, count + 1
        self._on_the_way.move_to_end(user)

    def delivered(self, now_s: float, user: User) -> None:
        """A message that was accepted outside a service window."""
        if self.limit == inf:
            return
        self._arrived(user)
        if user not in self._delivered and user in self._on_the_way:
            self._in_both += 1
        self._delivered[user] = now_s
        self._delivered.move_to_end(user)
        if len(self._delivered) >= self._half:
            self._prune(now_s)
            self.counted(now_s, len(self._delivered))
        if self.level == 0:
            self._month[user] = now_s
            self._month.move_to_end(user)
            _drop_before(self._month, now_s - self.rules.first_rise_days * DAY_S)

    def failed(self, user: User) -> None:
        """A message that was accepted outside a service window is lost."""
        if self.limit != inf:
            self._arrived(user)

    def review(self, now_s: float, rating: Rating, *, verified: bool = False) -> bool:
        """Moves the limit if it is due; True if it moved. The platform looks by itself: ask every hour or so.

        `rating`: the number's quality; "high quality" is GREEN (assumed). `verified`: the business is.
        """
        _drop_before(self._month, now_s - self.rules.first_rise_days * DAY_S)
        return self.move(now_s, rating, len(self._month), verified=verified)

    def counted(self, now_s: float, users: int) -> None:
        """So many users were delivered to in the day before; who counts them in columns says so."""
        if users >= self._half:
            self._half_used_s = now_s

    def move(self, now_s: float, rating: Rating, month_users: int, *, verified: bool = False) -> bool:
        """`review` for who counts users in columns: `month_users` got messages in `first_rise_days`."""
        if self._falls(now_s, rating):
            self.set_level(self.level - 1)
            return True
        if not self._qualifies(now_s, month_users, high=rating == "GREEN", verified=verified):
            self._qualified_s = None
            return False
        if self._qualified_s is None:
            self._qualified_s = now_s
        if now_s - self._qualified_s < self.rules.rise_after_s:
            return False
        self.set_level(self.level + 1)
        return True

    def _falls(self, now_s: float, rating: Rating) -> bool:
        if self.rules.flagged_days is None or rating != "RED":
            self._flagged_s = None
            return False
        if self._flagged_s is None:
            self._flagged_s = now_s
        return self.level > 0 and now_s - self._flagged_s >= self.rules.flagged_days * DAY_S

    def _qualifies(self, now_s: float, month_users: int, *, high: bool, verified: bool) -> bool:
        if self.limit == inf:
            return False
        if self.level == 0:
            return verified or (high and month_users >= self.rules.first_rise_users)
        return high and now_s - self._half_used_s < self.rules.rise_days * DAY_S

    def set_level(self, level: int) -> None:
        """Moves the limit at once. `level`: index into `rules.tiers`."""
        self.level = level
        self.limit = self.rules.tiers[level]
        self._half = self.rules.rise_share * self.limit
        self._half_used_s = -inf
        self._qualified_s = self._flagged_s = None
        if level:
            self._month.clear()
        if self.limit == inf:
            self._delivered.clear()
            self._on_the_way.clear()
            self._in_both = 0

    def _arrived(self, user: User) -> None:
        last_s, count = self._on_the_way.get(user, (0.0, 0))
        if count > 1:
            self._on_the_way[user] = last_s, count - 1
        elif count:
            del self._on_the_way[user]
            self._in_both -= user in self._delivered

    def _prune(self, now_s: float) -> None:
        before_s = now_s - TIER_WINDOW_S
        while self._delivered:
            user = next(iter(self._delivered))
            if self._delivered[user] > before_s:
                break
            del self._delivered[user]
            self._in_both -= user in self._on_the_way
        while self._on_the_way:
            user = next(iter(self._on_the_way))
            if self._on_the_way[user][0] > before_s:
                return
            del self._on_the_way[user]
            self._in_both -= user in self._delivered


def _latest(times: Sequence[Mapping[User, float]]) -> list[tuple[User, float]]:
    """The latest time of each user, in order of time."""
    latest: dict[User, float] = {}
    for one in times:
        for user, at_s in one.items():
            latest[user] = max(at_s, latest.get(user, -inf))
    return sorted(latest.items(), key=lambda item: item[1])


def _drop_before(times: OrderedDict[User, float], before_s: float) -> None:
    """Forgets times at or before `before_s`; the dictionary is in order of time."""
    while times:
        user = next(iter(times))
        if times[user] > before_s:
            return
        del times[user]

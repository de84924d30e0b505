"""The limits against a plain network that remembers everything and counts anew for each decision."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.network import errors, pair_rate
from server.network.limits import Assumed, CapParameters, Decision, Limits, Number, SpamParameters
from server.network.rules import rules_on

RULES = rules_on(date(2026, 11, 1)).limits
HOUR, DAY = 3_600.0, 86_400.0
MPS, BURST, LIMIT = 3, 4, 3  # small, so that short traffic meets them
CAP = CapParameters(least=2, most=2, read_weight=0.0, hammer_tries=2)
SPAM = SpamParameters(share=0.25, report_weight=2.0, least_judged=4)


@dataclass
class Message:
    time_s: float
    number: int
    user: int
    category: str
    in_service: bool
    state: str  # refused, sent, delivered, failed
    delivered_s: float = 0.0


@dataclass
class PlainNetwork:
    """Two numbers of one business. Nothing is forgotten and nothing kept up to date but the log."""

    passed: list[Message] = field(default_factory=list)  # all that got through the gate
    heard: list[tuple[float, int, int, bool]] = field(default_factory=list)
    complaints: list[tuple[float, int, float]] = field(default_factory=list)
    tries: list[tuple[float, int, bool]] = field(default_factory=list)  # marketing tries: refused by the cap?
    held_until_s: dict[int, float] = field(default_factory=dict)

    def decide(self, now_s: float, number: int, user: int, category: str) -> int | None:
        service = any(t > now_s - DAY for t, n, u, _ in self.heard if (n, u) == (number, user))
        if self._in_last_second(now_s, number) >= MPS:
            return errors.THROUGHPUT
        if not self._pair_is_free(now_s, number, user):
            return errors.PAIR_RATE
        code = self._later(now_s, number, user, category, service)
        state = "refused" if code else "sent"
        self.passed.append(Message(now_s, number, user, category, service, state))
        return code

    def _in_last_second(self, now_s: float, number: int) -> int:
        out = [m.time_s for m in self.passed if m.number == number]
        into = [t for t, n, _, _ in self.heard if n == number]
        return sum(t > now_s - 1.0 for t in out + into)

    def _pair_is_free(self, now_s: float, number: int, user: int) -> bool:
        """Cuts the pair's messages into bursts, and looks at the last."""
        start_s, count = 0.0, 0
        for message in self.passed:
            if (message.number, message.user) == (number, user):
                start_s, count = (
                    (start_s, count + 1) if count and message.time_s < start_s + 6 else (message.time_s, 1)
                )
        if not count or now_s >= start_s + 6 * count:
            return True
        return now_s < start_s + 6 and count < BURST

    def _later(self, now_s: float, number: int, user: int, category: str, service: bool) -> int | None:
        if category == "service":
            return None if service else errors.RE_ENGAGEMENT
        if service:
            return None
        if now_s < self.held_until_s.get(number, -1.0):
            return errors.SPAM_RATE
        if category == "marketing" and self._is_capped(now_s, user):
            return errors.MARKETING_CAPPED
        holders = self._holders(now_s)
        return errors.SPAM_RATE if user not in holders and len(holders) >= LIMIT else None

    def _is_capped(self, now_s: float, user: int) -> bool:
        until_s, hammered = -1.0, 0
        for time_s, who, fresh in self.tries:
            if who == user and fresh:
                until_s, hammered = time_s + DAY, 0
            elif who == user:
                hammered += 1
                if hammered == CAP.hammer_tries:
                    until_s = max(until_s, time_s + DAY)
        if now_s < until_s:
            self.tries.append((now_s, user, False))
            return True
        got = [m for m in self.passed if m.user == user and m.category == "marketing" and not m.in_service]
        if sum(m.state in ("sent", "delivered") and m.time_s > now_s - DAY for m in got) < CAP.most:
            return False
        self.tries.append((now_s, user, True))
        return True

    def _holders(self, now_s: float) -> set[int]:
        outside = [m for m in self.passed if not m.in_service]
        sent = {m.user for m in outside if m.state == "sent" and m.time_s > now_s - DAY}
        return sent | {m.user for m in outside if m.state == "delivered" and m.delivered_s > now_s - DAY}

    def last_delivery_s(self, number: int) -> float | None:
        """What a user complains about, if there is anything."""
        arrived = [m.delivered_s for m in self.passed if m.number == number and m.state == "delivered"]
        return max(arrived, default=None)

    def complain(self, now_s: float, number: int, weight: float, delivered_s: float | None) -> None:
        self.complaints.append((now_s if delivered_s is None else delivered_s, number, weight))
        first_hour = now_s // HOUR - 23
        delivered = sum(
            m.state == "delivered" and m.number == number and m.delivered_s // HOUR >= first_hour
            for m in self.passed
        )
        bad = sum(w for t, n, w in self.complaints if n == number and t // HOUR >= first_hour)
        free = now_s >= self.held_until_s.get(number, -1.0)
        if free and bad >= SPAM.share * max(delivered, SPAM.least_judged):
            self.held_until_s[number] = now_s + SPAM.hold_s


steps = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.0, 0.25, 0.5, 1.0, 5.0, 6.0, 18.0, 300.0, HOUR, 6 * HOUR, 23 * HOUR, DAY]),
        st.sampled_from(
            [
                "marketing",
                "marketing",
                "utility",
                "utility",
                "service",
                "heard",
                "delivered",
                "failed",
                "block",
                "report",
            ]
        ),
        st.integers(0, 1),  # number
        st.integers(0, 4),  # user
    ),
    max_size=150,
)


@given(steps)
@settings(max_examples=150)
def test_the_limits_decide_as_a_network_that_counts_everything_anew(
    steps: list[tuple[float, str, int, int]],
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pair_rate, "PAIR_BURST", BURST)
        compare(steps)


def compare(steps: list[tuple[float, str, int, int]]) -> None:
    limits, plain = Limits(RULES, Assumed(cap=CAP, spam=SPAM)), PlainNetwork()
    portfolio = limits.portfolio(0)
    numbers = [limits.number(portfolio), limits.number(portfolio)]
    portfolio.tier.limit = LIMIT
    for number in numbers:
        number.meter._times = number.meter._times[:MPS]
    under_way: list[tuple[Message, Decision]] = []
    now_s = 0.0
    for step_s, what, at, user in steps:
        now_s += step_s
        if what in ("delivered", "failed"):
            if under_way:
                settle(limits, numbers, now_s, what, *under_way.pop(0))
        elif what == "heard":
            limits.heard(now_s, numbers[at], user)
            plain.heard.append((now_s, at, user, False))
        elif what == "block":
            about_s = plain.last_delivery_s(at)
            limits.blocked(now_s, numbers[at], about_s)
            plain.complain(now_s, at, 1.0, about_s)
        elif what == "report":
            limits.reported(now_s, numbers[at])
            plain.complain(now_s, at, SPAM.report_weight, None)
        else:
            category: Any = what
            decision = limits.decide(now_s, numbers[at], user, category)
            assert decision.code == plain.decide(now_s, at, user, category)
            if decision.code is None:
                under_way.append((plain.passed[-1], decision))
        # Messages to one user are not told apart when one is under way for a day: see `tiers`.
        while under_way and under_way[0][0].time_s <= now_s - 12 * HOUR:
            settle(limits, numbers, now_s, "delivered", *under_way.pop(0))


def settle(
    limits: Limits, numbers: list[Number], now_s: float, state: str, message: Message, decision: Decision
) -> None:
    category: Any = message.category
    number = numbers[message.number]
    message.state, message.delivered_s = state, now_s
    if state == "delivered":
        limits.delivered(now_s, number, message.user, category, decision.window)
    else:
        limits.failed(message.time_s, number, message.user, category, decision.window)

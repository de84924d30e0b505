"""What is to be sent later because of what happened: retries, follow-ups, what a frequency cap holds back."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenarios.programme import FollowUp
from scenarios.schema import Scenario
from simulator.funnel import Funnel
from simulator.waves import FOLLOW_UPS, Exposure, Wave

HOUR_S, DAY_S = 3600.0, 86_400.0

Times = NDArray[np.float64]
Customers = NDArray[np.int32]
Turns = NDArray[np.int32] | None


class Wanted(NamedTuple):
    """Messages of one exposure that want an account and a time; `turn` as in a Wave."""

    exposure: Exposure
    customer: Customers
    turn: Turns = None

    def rows(self, rows: NDArray[np.bool_]) -> "Wanted":
        return Wanted(self.exposure, self.customer[rows], None if self.turn is None else self.turn[rows])


class Pending:
    """Messages by the time from which they may be planned; a scan every `scan_every_h` takes them out."""

    def __init__(self, scenario: Scenario, customers: int, retries: dict[int, int]) -> None:
        """`retries`: how often a failed message of each campaign is tried again, by its number."""
        self._retries = retries
        self._retry_after_s = scenario.campaign.retry_after_h * HOUR_S
        self._rules: tuple[FollowUp, ...] = scenario.programme.follow_ups
        self._scan_s = scenario.programme.scan_every_h * HOUR_S
        waits_s = [rule.after_h * HOUR_S for rule in self._rules]
        if any(retries.values()):
            waits_s.append(self._retry_after_s)
        self._shortest_s = min(waits_s, default=np.inf)
        self._last_s = [np.full(customers, -np.inf, np.float32) for _ in self._rules]
        self._messages: list[tuple[Wanted, Times]] = []
        self._triggered: list[list[tuple[Customers, Times]]] = [[] for _ in self._rules]
        self._first_s = np.inf
        self.begun = 0  # follow-ups handed out so far

    @property
    def messages(self) -> int:
        """Messages already begun: retries, and what a cap holds back."""
        return sum(len(wanted.customer) for wanted, _ in self._messages)

    def add(self, wanted: Wanted, release_s: Times) -> None:
        if len(release_s):
            self._messages.append((wanted, release_s))
            self._first_s = min(self._first_s, float(release_s.min()))

    def is_tried_again(self, exposure: Exposure) -> bool:
        """Whether a message of this exposure that fails gets another try."""
        return exposure.attempt < self._retries.get(exposure.campaign, 0)

    def note(self, wave: Wave, happened: Funnel, failed: NDArray[np.intp]) -> None:
        """What follows from some sends; `failed` are those to be tried again."""
        exposure = wave.exposure
        if len(failed):
            again = exposure._replace(attempt=exposure.attempt + 1)
            wanted = Wanted(again, wave.customer.take(failed))
            self.add(wanted, wave.due_s.take(failed) + self._retry_after_s)
        if exposure.kind == "follow_up":
            return
        for number, rule in enumerate(self._rules):
            if rule.when == "no_order":
                self._trigger(number, rule, wave, *_unordered(happened, rule.after_h * HOUR_S))
            elif exposure.kind == "message":
                self._trigger(number, rule, wave, *_unread(happened, rule.after_h * HOUR_S))

    def _trigger(
        self, number: int, rule: FollowUp, wave: Wave, rows: NDArray[np.intp], release_s: Times
    ) -> None:
        customer, last_s = wave.customer.take(rows), self._last_s[number]
        due = release_s - last_s.take(customer) >= rule.pause_days * DAY_S
        customer, release_s = customer[due], release_s[due]
        if len(customer):
            last_s[customer] = release_s
            self._triggered[number].append((customer, release_s))
            self._first_s = min(self._first_s, float(release_s.min()))

    def next_scan_s(self, now_s: float, next_send_s: float) -> float:
        """When to scan next: for what waits, and early enough for what the sends to come may set off."""
        for_waiting = math.ceil(self._first_s / self._scan_s) if self._first_s < np.inf else np.inf
        for_sends = np.inf
        if next_send_s + self._shortest_s < np.inf:
            for_sends = (next_send_s + self._shortest_s) // self._scan_s
        following = now_s // self._scan_s + 1
        return float(max(following, min(for_waiting, for_sends)) * self._scan_s)

    def take(self, now_s: float) -> list[Wanted]:
        """All that may be planned now, taken out."""
        if self._first_s > now_s:
            return []
        waiting, self._messages = self._messages, []
        taken, self._first_s = [], np.inf
        for wanted, release_s in waiting:
            ready = release_s <= now_s
            self.add(wanted.rows(~ready), release_s[~ready])
            taken.append(wanted.rows(ready))
        for number, rule in enumerate(self._rules):
            exposure = Exposure(FOLLOW_UPS + number, kind="follow_up", order_odds=rule.order_odds)
            customer = self._ready(number, now_s)
            turn = np.full(len(customer), round(now_s / self._scan_s), np.int32)
            taken.append(Wanted(exposure, customer, turn))
            self.begun += len(customer)
        return [wanted for wanted in taken if len(wanted.customer)]

    def _ready(self, number: int, now_s: float) -> Customers:
        """Whom a rule's time has come for, in order of time, each once."""
        if not self._triggered[number]:
            return np.empty(0, np.int32)
        customer, release_s = (np.concatenate(part) for part in zip(*self._triggered[number], strict=True))
        ready = release_s <= now_s
        self._triggered[number] = []
        if not ready.all():
            self._triggered[number] = [(customer[~ready], release_s[~ready])]
            self._first_s = min(self._first_s, float(release_s[~ready].min()))
        due = customer[ready][np.argsort(release_s[ready], kind="stable")]
        first = np.unique(due, return_index=True)[1]
        return due if len(first) == len(due) else due[np.sort(first)]


def _unordered(happened: Funnel, after_s: float) -> tuple[NDArray[np.intp], Times]:
    """Who clicked and does not order within that time, and when it is over."""
    clicked, ordered = happened.clicked, happened.ordered
    waits = np.ones(len(clicked.rows), np.bool_)
    waits[happened.bought[ordered.at_s <= clicked.at_s.take(happened.bought) + after_s]] = False
    return clicked.rows[waits], clicked.at_s[waits] + after_s


def _unread(happened: Funnel, after_s: float) -> tuple[NDArray[np.intp], Times]:
    """Whose message arrived and is not read within that time, and when it is over."""
    delivered, read = happened.delivered, happened.read
    waits = np.ones(len(delivered.rows), np.bool_)
    waits[happened.seen[read.at_s <= delivered.at_s.take(happened.seen) + after_s]] = False
    return delivered.rows[waits], delivered.at_s[waits] + after_s

"""What is to be sent later because of what happened: retries, follow-ups, what a frequency cap holds back."""

from collections import defaultdict, deque
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from scenarios.schema import Scenario
from simulator.customers.funnel import Event, Rows
from simulator.engine.exposures import FOLLOW_UPS, LAST, Exposures
from simulator.engine.plain import Consequences
from simulator.sending.network import DAY_S
from simulator.sending.waves import Wave, constant, grouped, taken

HOUR_S = 3600.0
CLOSE = 1e-9  # of the time between scans: at one moment

Times = NDArray[np.float64]
Flags = NDArray[np.bool_]
Part = TypeVar("Part")


class Wanted(NamedTuple):
    """Messages that want an account and a time; columns as in a Wave."""

    customer: NDArray[np.int32]
    exposure: NDArray[np.int32]
    turn: NDArray[np.int32]

    def rows(self, rows: Rows | slice) -> "Wanted":
        return Wanted._make(taken(column, rows) for column in self)


class Waiting(NamedTuple):
    """Follow-ups of one rule."""

    customer: NDArray[np.int32]
    release_s: Times


def together(parts: Sequence[Wanted]) -> Wanted:
    """One after the other."""
    if not parts:
        return Wanted(*(np.empty(0, np.int32) for _ in Wanted._fields))
    return Wanted._make(np.concatenate(columns) for columns in zip(*parts, strict=True))


class Held:
    """Messages that wait for room under a messaging limit, in the order in which they came."""

    def __init__(self) -> None:
        self.parts: deque[Wanted] = deque()

    def __len__(self) -> int:
        return sum(len(part.customer) for part in self.parts)

    def add(self, wanted: Wanted) -> None:
        if len(wanted.customer):
            self.parts.append(wanted)

    def take(self, most: int) -> Wanted:
        """The first ones, `most` of them, taken out; none if that is 0 or less."""
        taken_out = []
        while self.parts and most > 0:
            part = self.parts.popleft()
            taken_out.append(part.rows(slice(None, most)))
            if len(part.customer) > most:
                self.parts.appendleft(part.rows(slice(most, None)))
            most -= len(part.customer)
        return together(taken_out)


class Pending:
    """Messages by the scan that takes them out, one every `scan_every_h`: the first from their release on."""

    def __init__(self, scenario: Scenario, exposures: Exposures, malformed: Flags) -> None:
        """`malformed` (customers,): numbers that can never be reached."""
        self._exposures, self._malformed = exposures, malformed
        self._retry_after_s = scenario.campaign.retry_after_h * HOUR_S
        self._scan_s = scenario.programme.scan_every_h * HOUR_S
        self._never = scenario.experiment.horizon_days * DAY_S // self._scan_s + 1
        waits_s = [rule.after_h * HOUR_S for rule in scenario.programme.follow_ups]
        if np.any(exposures.next_try != LAST):
            waits_s.append(self._retry_after_s)
        self._shortest_s = min(waits_s, default=np.inf)
        self._messages: defaultdict[int, list[Wanted]] = defaultdict(list)
        self._follow_ups: list[defaultdict[int, list[Waiting]]] = [
            defaultdict(list) for _ in scenario.programme.follow_ups
        ]
        self._scratch = np.zeros(len(malformed), np.int32)
        self._scanned = 0  # the latest scan
        self.begun = 0  # follow-ups handed out so far

    @property
    def messages(self) -> int:
        """Messages already begun: retries, and what a cap holds back."""
        return sum(len(part.customer) for parts in self._messages.values() for part in parts)

    def add(self, wanted: Wanted, release_s: Times) -> None:
        for scan, rows in self._scans(release_s):
            self._messages[scan].append(wanted.rows(rows))

    def note(self, wave: Wave, found: Consequences) -> int:
        """What follows from some sends; returns how many of the failed are not tried again.

        A sender sees that a message failed, not why: numbers that are not on WhatsApp are tried again like
        the rest. Only a malformed number is told at once, and dropped.
        """
        again = self._exposures.next_try.take(wave.exposure.take(found.failed))
        tried = (again != LAST) & ~self._malformed.take(wave.customer.take(found.failed))
        rows = found.failed[tried]
        wanted = Wanted(wave.customer.take(rows), again[tried], constant(0, len(rows)))
        self.add(wanted, wave.due_s.take(rows) + self._retry_after_s)
        for scans, event in zip(self._follow_ups, found.begun, strict=True):
            self._wait(scans, wave.customer.take(event.rows), event)
        return len(again) - len(rows)

    def _wait(
        self, scans: defaultdict[int, list[Waiting]], customer: NDArray[np.int32], event: Event
    ) -> None:
        for scan, rows in self._scans(event.at_s):
            scans[scan].append(Waiting(customer[rows], event.at_s[rows]))

    def _scans(self, release_s: Times) -> list[tuple[int, Rows | slice]]:
        """The scans that take these out, ascending, and the rows of each; all after the horizon in one."""
        return grouped(np.minimum(np.ceil(release_s / self._scan_s), self._never).astype(np.int64))

    def next_scan_s(self, now_s: float, next_send_s: float, look_s: float = np.inf) -> float:
        """When to scan next: for what waits, and early enough for what the sends to come may set off.

        `look_s`: a moment after which somebody else wants the next scan.
        """
        waiting = [*self._messages, *(scan for scans in self._follow_ups for scan in scans)]
        for_waiting, for_sends = min(waiting, default=np.inf), np.inf
        if next_send_s + self._shortest_s < np.inf:
            for_sends = (next_send_s + self._shortest_s) // self._scan_s
        # A scan's time is a rounded product: this moment may be that of a scan to come, by the last digit.
        following = max(self._scanned, np.floor(now_s / self._scan_s - CLOSE)) + 1
        for_look = look_s // self._scan_s + 1 if look_s < np.inf else np.inf
        return float(max(following, min(for_waiting, for_sends, for_look)) * self._scan_s)

    def take(self, now_s: float) -> Wanted:
        """All that may be planned now, taken out."""
        now = self._scanned = round(now_s / self._scan_s)
        parts = [part for parts in _ready(self._messages, now) for part in parts]
        for number, scans in enumerate(self._follow_ups):
            waiting = [part for parts in _ready(scans, now) for part in parts]
            if waiting:
                customer = _first_of_each(waiting, self._scratch)
                what = self._exposures.first_try[FOLLOW_UPS + number]
                parts.append(Wanted(customer, constant(what, len(customer)), constant(now, len(customer))))
                self.begun += len(customer)
        return together(parts)


def _ready(scans: defaultdict[int, list[Part]], now: int) -> list[list[Part]]:
    return [scans.pop(scan) for scan in sorted(scans) if scan <= now]


def _first_of_each(waiting: Sequence[Waiting], scratch: NDArray[np.int32]) -> NDArray[np.int32]:
    """Customers in order of time, each once. `scratch` (customers,) may hold anything before and after."""
    customer = np.concatenate([part.customer for part in waiting])
    release_s = np.concatenate([part.release_s for part in waiting])
    due = customer[np.argsort(release_s, kind="stable")]
    place = np.arange(len(due), dtype=np.int32)
    scratch[due[::-1]] = place[::-1]  # the first of each is written last
    return due.take(np.flatnonzero(scratch.take(due) == place))

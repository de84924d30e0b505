"""The platform that a business sends through: what it lets through, and what it asks for that.

The rules are those of `server.network`, on columns. What happens is seen at the end of its quarter of an hour
(`BIN_S`) and reviewed by the hour, so it does not matter how often a replication wakes. Times are in s from
the start.
"""

import sys
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from server.network.errors import MARKETING_CAPPED, PAIR_RATE, SPAM_RATE
from server.network.limits import Batch, CapParameters, Columns, allowances, give_back, refuse
from server.network.rules import PAIR_GAP_S, SERVICE_WINDOW_S, TIER_WINDOW_S, rules_at
from simulator.customers.funnel import Event
from simulator.engine.inbox import Answers
from simulator.engine.plain import Seen
from simulator.sending.happenings import (
    Calendar,
    Complaints,
    Happenings,
    in_order,
)
from simulator.sending.markets import Markets, Prices
from simulator.sending.network import BIN_S, DAY_S
from simulator.sending.reading import Reading
from simulator.sending.standing import Codes, Flags, Standing, Times
from simulator.sending.waves import Wave, in_turns
from simulator.world import World

REVIEW_BINS = 4  # the platform looks at quality and limits every hour


class Users(NamedTuple):
    """What the platform remembers of each customer beside `Columns`."""

    before_s: Times  # last delivery outside a service window but the latest
    sent_s: Times  # last message of any kind
    heard_s: Times  # last message of the customer ...
    heard_by: NDArray[np.int32]  # ... and the number that it went to
    allowance: NDArray[np.int8]  # marketing messages a day, of whom it was asked lately


class Calendars(NamedTuple):
    """What is to be seen in its time."""

    lost: Calendar[Happenings]  # accepted, and will not arrive
    delivered: Calendar[Happenings]
    read: Calendar[Happenings]
    heard: Calendar[Happenings]  # customers wrote to a number
    complaints: Calendar[Complaints]


class Platform:
    """As one business meets it in one replication."""

    def __init__(self, world: World, markets: Markets) -> None:
        business, accounts = world.scenario.business, world.scenario.accounts.count
        self._horizon_s, self._is_marketing = world.horizon_s, business.category == "marketing"
        self._standing = Standing(business, accounts, world.epoch_s)
        self._cap = CapParameters(
            least=business.cap_least, most=business.cap_most, others_per_day=business.others_per_day
        )
        size = world.customers.size
        self._columns = Columns.new(size, max(1, business.cap_most))
        self._reading = Reading(size, self._cap.read_prior, self._cap.read_weight)
        self._users = Users(
            before_s=np.full(size, -np.inf),
            sent_s=np.full(size, -np.inf),
            heard_s=np.full(size, -np.inf),
            heard_by=np.full(size, -1, np.int32),
            allowance=allowances(self._cap, self._reading.rate),
        )
        without = rules_at(world.epoch_s).limits.marketing_paused_in if self._is_marketing else frozenset()
        self._paused = np.array([name in without for name in markets.names])[markets.of]
        self._prices = Prices(business.category, markets, world.epoch_s, world.horizon_s)
        self._service_prices = Prices("service", markets, world.epoch_s, world.horizon_s)
        self._calendars = Calendars(
            lost=Calendar(world.horizon_s, Happenings),
            delivered=Calendar(world.horizon_s, Happenings),
            read=Calendar(world.horizon_s, Happenings),
            heard=Calendar(world.horizon_s, Happenings),
            complaints=Calendar(world.horizon_s, Complaints),
        )
        self._bin = 0  # all before it is seen
        self._scratch = np.zeros(size, np.int32)
        self._stopped_reviews = 0
        # in UNIT_USD, (bins, numbers), when it is delivered
        self.charged = np.zeros((int(np.ceil(world.horizon_s / BIN_S)), accounts), np.int64)

    # what it lets through

    def room(self, now_s: float) -> int:
        """How many more conversations the business may begin now; 0 while none may be begun."""
        self._advance(int(now_s // BIN_S))
        if self._standing.stops(now_s):
            return 0
        limit = self._standing.limit
        return sys.maxsize if limit == np.inf else max(0, int(limit) - self._used(now_s))

    def admit(self, wave: Wave) -> Codes:
        """The error code of each message of one bin, ascending in time; 0: it is accepted, and booked."""
        self._advance(int(wave.due_s[0] // BIN_S))
        codes = self._at_the_gate(wave)
        left = np.flatnonzero(codes == 0)
        codes[left] = self._book(wave.rows(left))
        return codes

    def _at_the_gate(self, wave: Wave) -> Codes:
        """All but messaging limit and marketing cap: what `Limits.decide` asks first overrules the rest."""
        outside = ~self._in_service(wave)
        codes = np.zeros(len(wave.due_s), np.int32)
        codes[outside & self._standing.held(wave.due_s, wave.account)] = SPAM_RATE
        codes[self._paused.take(wave.customer)] = MARKETING_CAPPED
        codes[self._too_soon(wave)] = PAIR_RATE
        stopped = self._standing.stopped(wave.due_s, outside)
        return np.where(stopped != 0, stopped, codes)

    def _too_soon(self, wave: Wave) -> Flags:
        """Who was written to within the gap of the pair rate: the sender borrows no burst."""
        soon: Flags = wave.due_s < self._users.sent_s.take(wave.customer) + PAIR_GAP_S
        order = np.argsort(wave.customer, kind="stable")
        gap_s = np.diff(wave.due_s[order])
        soon[order[1:]] |= (np.diff(wave.customer[order]) == 0) & (gap_s < PAIR_GAP_S)
        return soon

    def _book(self, wave: Wave) -> Codes:
        """Messaging limit and marketing cap."""
        columns, users, limit = self._columns, self._users, self._standing.limit
        service, who = self._in_service(wave), wave.customer.astype(np.int64)
        before_s = columns.delivered_s[who]
        marketing = np.full(len(who), self._is_marketing)
        if self._is_marketing:
            users.allowance[who] = allowances(self._cap, self._reading.rate[who])
        codes = refuse(columns, Batch(who, wave.due_s, marketing, service), limit, users.allowance, self._cap)
        begun = np.flatnonzero((codes == 0) & ~service)
        users.before_s[who[begun]] = before_s[begun]
        users.sent_s[who[codes == 0]] = wave.due_s[codes == 0]
        if len(begun) and limit < np.inf:
            last_s = float(wave.due_s[begun[-1]])
            self._standing.used(last_s, self._used(last_s))
        return codes

    def _in_service(self, wave: Wave) -> Flags:
        """Whose service window with the message's number is open, as far as is seen."""
        open_ = wave.due_s < self._users.heard_s.take(wave.customer) + SERVICE_WINDOW_S
        service: Flags = open_ & (self._users.heard_by.take(wave.customer) == wave.account)
        return service

    def _used(self, now_s: float, within_s: float = TIER_WINDOW_S) -> int:
        return int(np.count_nonzero(self._columns.delivered_s > now_s - within_s))

    # what it sees

    def saw(self, wave: Wave, seen: Seen) -> None:
        """What comes of messages that were accepted: charged at once, all else in its time."""
        service = self._in_service(wave)
        self._charge(wave, seen.delivered, service)
        delivered_s = np.full(len(wave.due_s), np.nan)
        delivered_s[seen.delivered.rows] = seen.delivered.at_s
        lost = np.flatnonzero(np.isnan(delivered_s) & ~service)
        calendars = self._calendars
        calendars.lost.add(_happenings(wave, Event(lost, wave.due_s.take(lost))))
        calendars.delivered.add(_happenings(wave, seen.delivered))
        calendars.read.add(_happenings(wave, seen.read))
        calendars.heard.add(_happenings(wave, seen.replied))
        for event, is_report in ((seen.blocked, False), (seen.complained, True)):
            rows, at_s = event
            about = np.full(len(rows), is_report)
            calendars.complaints.add(Complaints(at_s, wave.account.take(rows), delivered_s.take(rows), about))

    def _charge(self, wave: Wave, delivered: Event, service: Flags) -> None:
        within = np.flatnonzero(delivered.at_s < self._horizon_s)
        rows, at_s = delivered.rows.take(within), delivered.at_s.take(within)
        price = self._prices.templates(wave.customer.take(rows), at_s, service.take(rows))
        np.add.at(self.charged, ((at_s / BIN_S).astype(np.int64), wave.account.take(rows)), price)

    def _advance(self, until: int) -> None:
        """See all that happened before this bin."""
        for number in range(self._bin, until):
            self._see(number)
            if (number + 1) % REVIEW_BINS == 0:
                self._review((number + 1) * BIN_S)
        self._bin = max(self._bin, until)

    def _see(self, number: int) -> None:
        """All that happened in one bin."""
        calendars = self._calendars
        lost, delivered, read = (
            calendar.take(number) for calendar in (calendars.lost, calendars.delivered, calendars.read)
        )
        complaints, heard = calendars.complaints.take(number), in_order(calendars.heard.take(number))
        if len(lost.at_s):
            self._take_back(in_order(lost))
        if len(delivered.at_s) or len(complaints.at_s):
            self._standing.see(delivered, complaints)
        self._users.heard_s[heard.customer] = heard.at_s  # of one customer's the last, in order of time
        self._users.heard_by[heard.customer] = heard.account
        if self._is_marketing:
            self._reading.learn(delivered, read)

    def _take_back(self, lost: Happenings) -> None:
        """What was lost holds no place, and is marketing not got. In order of time."""
        for rows in in_turns(lost.customer, self._scratch):
            who = lost.customer[rows].astype(np.int64)
            give_back(self._columns, who, lost.at_s[rows], self._users.before_s[who])

    def _review(self, now_s: float) -> None:
        month_users = 0 if self._standing.level else self._used(now_s, self._standing.month_s)
        self._standing.review(now_s, month_users)
        self._stopped_reviews += self._standing.stops(now_s)

    # what it comes to

    def answered(self, answers: Answers) -> NDArray[np.int64]:
        """What it charges for answers in conversations, as `charged`."""
        charged = np.zeros_like(self.charged)
        at = (answers.at_s / BIN_S).astype(np.int64), answers.account
        np.add.at(charged, at, self._service_prices.answers(*answers))
        return charged

    def figures(self) -> dict[str, float]:
        """KPIs of the platform by name, at the horizon."""
        self._advance(int(self._horizon_s // BIN_S))
        return {
            "messaging_limit_level": float(self._standing.level),
            "restricted_days": self._stopped_reviews * REVIEW_BINS * BIN_S / DAY_S,
        }


def _happenings(wave: Wave, event: Event) -> Happenings:
    return Happenings(event.at_s, wave.customer.take(event.rows), wave.account.take(event.rows))

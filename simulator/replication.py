"""One replication: campaigns, bans and replacements as SimPy processes over columns of customers.

Sends are worked off lazily: when a process wakes, everything due before that moment goes out at once, block
by block of customers. What is random about a customer depends on keyed luck alone, so it does not matter how
often or when the processes wake.
"""

from collections.abc import Callable, Generator, Iterator

import numpy as np
import simpy
from numpy.typing import NDArray

from simulator import network
from simulator.fleet import Fleet
from simulator.funnel import Outcomes, luck_of, outcomes, read_log_odds
from simulator.network import DAY_S, Schedule
from simulator.organic import Bought, organic_of
from simulator.sender import NONE, Sender, Sends, joined, unplanned
from simulator.streams import BLOCK
from simulator.tally import Tally
from simulator.traits import hidden_of
from simulator.world import Campaign, World, first_sends_s

RECENT_S = 2 * DAY_S  # a day's rules look back a day from its first moment
EXPOSURES = 8  # luck is keyed by campaign x EXPOSURES + attempt; a campaign has at most 6 attempts

Process = Generator[simpy.Event, object, None]
Watch = Callable[[Sends, Outcomes], None]


class Replication:
    """The state of one run. `watch` sees every send with what came of it, in no particular order."""

    def __init__(self, world: World, number: int, watch: Watch | None = None) -> None:
        scenario = world.scenario
        seed = scenario.experiment.seed
        self.world, self.number, self.watch = world, number, watch
        self.env = simpy.Environment()
        self.changed = self.env.event()  # the plan is another
        self.hidden = hidden_of(world.traits, seed, number, scenario.network.unregistered_fraction)
        self.organic = organic_of(
            scenario.purchases, world.traits, self.hidden, seed, number, world.horizon_s
        )
        first_send_s = first_sends_s(scenario.accounts)
        self.fleet = Fleet(scenario.accounts, first_send_s, seed, number)
        self.sender = Sender(world, first_send_s, seed << 32 | number)
        self.tally = Tally(scenario, self.fleet.size)
        self.opted_out_s = np.full(world.customers.size, np.inf)
        self.blocked_s = np.full(world.customers.size, np.inf)
        self.ordered = np.zeros(world.customers.size, np.bool_)
        self.bought: list[Bought] = []  # what messages brought
        self.queue = NONE  # planned
        self.recent = NONE  # sent in the last RECENT_S
        self.failed = NONE  # to be tried again
        self.waiting = NONE  # no account was open to plan them on
        self.hazard = np.zeros((self.fleet.size, self.tally.days))
        self.sending = np.zeros((self.fleet.size, self.tally.days), np.bool_)

    def run(self) -> None:
        """From the start to the horizon."""
        for campaign in self.world.campaigns:
            self.env.process(self._campaign(campaign))
        self.env.process(self._bans())
        self.env.run(until=self.world.horizon_s)
        self._send_until(self.world.horizon_s)
        self._close_day(self.tally.days - 1)

    # processes

    def _campaign(self, campaign: Campaign) -> Process:
        """Plan the audience; then, every `retry_after_h` from the first send, plan what has failed so far."""
        yield self.env.timeout(campaign.start_s)
        customer = self.world.recipients
        size = len(customer)
        self._plan(
            unplanned(customer, campaign.number, np.zeros(size, np.int16), np.full(size, campaign.start_s))
        )
        period_s = self.world.scenario.campaign.retry_after_h * 3600
        first_s = self.queue.due_s[self.queue.campaign == campaign.number].min(initial=np.inf)
        if np.isfinite(first_s):  # it is not if no account was open
            yield self.env.timeout(max(0.0, first_s - self.env.now))
        while self._is_under_way(campaign):
            yield self.env.timeout(period_s)
            self._send_until(self.env.now)
            mine = self.failed.campaign == campaign.number
            again, self.failed = self.failed.rows(mine), self.failed.rows(~mine)
            self._plan(again.rows(np.argsort(again.release_s, kind="stable")))

    def _is_under_way(self, campaign: Campaign) -> bool:
        return any(
            bool(np.any(part.campaign == campaign.number)) for part in (self.queue, self.failed, self.waiting)
        )

    def _bans(self) -> Process:
        """Day by day: ban each account whose hazard has reached what it endures."""
        for day in range(self.tally.days):
            end = min((day + 1) * DAY_S, self.world.horizon_s)
            while True:
                account, at = self._next_ban(day)
                changed = self.changed
                yield changed | self.env.timeout(max(0.0, min(at, end) - self.env.now))
                if changed.triggered:
                    continue  # the day's hazards are others now
                if at >= end:
                    break
                self._ban(account)
            self._send_until(end)
            self._close_day(day)

    def _replacement(self) -> Process:
        """A new number, some time after a ban."""
        yield self.env.timeout(self.world.scenario.accounts.replacement_delay_h * 3600)
        self._send_until(self.env.now)
        self.fleet.add(self.env.now)
        self.tally.add_account()
        self.hazard = np.pad(self.hazard, ((0, 1), (0, 0)))
        self.sending = np.pad(self.sending, ((0, 1), (0, 0)))
        self.sender.open(self.fleet.first_send_s, self.fleet.is_open, joined(self.recent, self.queue))
        waiting, self.waiting = self.waiting, NONE
        self._plan(waiting)

    # planning

    def _plan(self, sends: Sends) -> None:
        """Give messages an account and a time; they wait if no account is open."""
        if not len(sends.customer):
            return
        if not self.fleet.is_open.any():
            self.waiting = joined(self.waiting, sends)
            return
        consent = self.world.customers.consent & (self.opted_out_s > self.env.now)
        planned, refused = self.sender.plan(sends, consent, self.env.now)
        self.tally.total["withdrawn"] += refused
        self.queue = joined(self.queue, planned)
        np.minimum.at(self.fleet.first_send_s, planned.account, planned.due_s)
        self._judge()

    def _judge(self) -> None:
        """What the network makes of the schedule: sends above the hourly limit, hazards from today on."""
        schedule = joined(self.recent, self.queue)
        order = np.lexsort((schedule.due_s, schedule.account))
        account, due_s = schedule.account[order], schedule.due_s[order]
        over = np.empty(len(order), np.bool_)
        rules = self.world.scenario.network
        over[order] = network.exceeds(account, due_s, rules.hourly_limit, 3600.0)
        self.queue = self.queue._replace(over_limit=over[len(self.recent.due_s) :])
        within = due_s < self.world.horizon_s
        customer = schedule.customer[order][within]
        people = self.world.customers
        conduct = network.conduct(
            rules,
            Schedule(account[within], due_s[within], people.content[customer], people.shared[customer]),
            self.fleet.first_send_s,
            self.tally.days,
        )
        self._set_hazards(conduct)
        self.changed.succeed()
        self.changed = self.env.event()

    def _set_hazards(self, conduct: network.Conduct) -> None:
        today = int(self.env.now // DAY_S)
        rows = self.fleet.is_open
        self.hazard[rows, today:] = network.hazard(self.world.scenario.network, conduct)[rows, today:]
        self.sending[rows, today:] = conduct.sending[rows, today:]

    # bans

    def _next_ban(self, day: int) -> tuple[int, float]:
        """The account to be banned next on this day and when; infinity if none is.

        A day's hazard acts evenly over its 24 h.
        """
        left, today = self.fleet.endurance - self.fleet.spent, self.hazard[:, day]
        falls = self.fleet.is_open & (left < today)
        share = np.full(self.fleet.size, np.inf)
        share[falls] = np.maximum(left[falls], 0.0) / today[falls]
        account = int(np.argmin(share))
        return account, max(self.env.now, (day + share[account]) * DAY_S)

    def _ban(self, account: int) -> None:
        """Close it; its unsent messages are planned on the others."""
        now = self.env.now
        self._send_until(now)
        self.fleet.closed_s[account] = now
        self.sending[account, int(now // DAY_S) + 1 :] = False
        self.hazard[account, int(now // DAY_S) + 1 :] = 0.0
        self.tally.total["accounts_banned"] += 1
        self.sender.close(account, now)
        mine = self.queue.account == account
        moved, self.queue = self.queue.rows(mine), self.queue.rows(~mine)
        self._plan(moved.rows(np.argsort(moved.due_s, kind="stable")))
        self.env.process(self._replacement())

    def _close_day(self, day: int) -> None:
        """Book the day's hazard; complaints are counted now, so what they add acts now."""
        rules = self.world.scenario.network
        complained = network.complained_of(
            rules, self.tally.day_complaints[:, day], self.tally.day_delivered[:, day]
        )
        self.hazard[complained, day] *= rules.complaint_hazard_ratio
        self.fleet.spent += self.hazard[:, day]

    # sending

    def _send_until(self, moment_s: float) -> None:
        """Everything due before this moment goes out."""
        due = self.queue.due_s < moment_s
        if not due.any():
            return
        leaving, self.queue = self.queue.rows(due), self.queue.rows(~due)
        known = joined(self.recent, leaving)
        self.recent = known.rows(known.due_s >= moment_s - RECENT_S)
        for wave in _waves(leaving):
            self._send_wave(wave)

    def _send_wave(self, sends: Sends) -> None:
        """At most one message a customer, sorted by exposure and customer: a block at a time."""
        stopped = sends.due_s >= self.opted_out_s[sends.customer]
        self.tally.total["withdrawn"] += int(np.count_nonzero(stopped))
        sends = sends.rows(~stopped)
        exposure = sends.campaign.astype(np.int64) * EXPOSURES + sends.attempt
        block = sends.customer // BLOCK
        edges = np.flatnonzero((np.diff(block) != 0) | (np.diff(exposure) != 0)) + 1
        for first, last in zip([0, *edges], [*edges, len(block)], strict=True):
            if last > first:
                self._send_block(sends.rows(slice(first, last)), int(block[first]), int(exposure[first]))

    def _send_block(self, sends: Sends, block: int, exposure: int) -> None:
        happened = self._outcomes(sends, block, exposure)
        attempt = exposure % EXPOSURES
        self.tally.add(sends.account, sends.due_s, attempt, happened)
        self.opted_out_s[sends.customer] = np.minimum(self.opted_out_s[sends.customer], happened.opted_out_s)
        self.blocked_s[sends.customer] = np.minimum(self.blocked_s[sends.customer], happened.blocked_s)
        bought = happened.ordered_s < self.world.horizon_s
        self.ordered[sends.customer[bought]] = True
        self.bought.append(
            Bought(
                sends.customer[bought].astype(np.int32),
                happened.ordered_s[bought],
                happened.order_cents[bought],
            )
        )
        self._keep_failed(sends, happened, attempt)
        if self.watch is not None:
            self.watch(sends, happened)

    def _outcomes(self, sends: Sends, block: int, exposure: int) -> Outcomes:
        world, customer = self.world, sends.customer
        luck = luck_of(world.scenario.experiment.seed, self.number, block, exposure)
        place = customer - block * BLOCK
        reachable = (
            self.hidden.registered[customer]
            & ~world.customers.malformed[customer]
            & (sends.due_s < self.blocked_s[customer])
        )
        return outcomes(
            world.scenario,
            world.anchors,
            luck.uniform[:, place],
            luck.normal[:, place],
            sends.due_s,
            network.delivery_rates(world.scenario.network, reachable, sends.over_limit),
            read_log_odds(world.anchors, self.fleet.age_months(sends.account, sends.due_s)),
            self.hidden.engagement[customer],
        )

    def _keep_failed(self, sends: Sends, happened: Outcomes, attempt: int) -> None:
        """Put what is to be tried again aside.

        A sender sees that a message failed, not why: numbers that are not on WhatsApp are tried again like
        the rest. Only a malformed number is told at once, and dropped.
        """
        failed = np.isinf(happened.delivered_s)
        again = failed & ~self.world.customers.malformed[sends.customer]
        if attempt >= self.world.scenario.campaign.retries:
            again &= False
        self.tally.total["failed"] += int(np.count_nonzero(failed & ~again))
        rows = sends.rows(again)
        wait_s = self.world.scenario.campaign.retry_after_h * 3600
        later = rows._replace(
            attempt=rows.attempt + np.int16(1), release_s=rows.due_s + wait_s, account=rows.account * 0 - 1
        )
        self.failed = joined(self.failed, later)


def _waves(sends: Sends) -> Iterator[Sends]:
    """Split so that a customer's messages go out one after the other; each part sorted for `_send_wave`."""
    turn = _turn(sends.customer, sends.due_s)
    for wave in range(int(turn.max()) + 1):
        rows = np.flatnonzero(turn == wave)
        order = np.lexsort((sends.customer[rows], sends.attempt[rows], sends.campaign[rows]))
        yield sends.rows(rows[order])


def _turn(customer: NDArray[np.int64], due_s: NDArray[np.float64]) -> NDArray[np.int64]:
    """0 for a customer's first message by time, 1 for the second, and so on."""
    order = np.lexsort((due_s, customer))
    position = np.arange(len(order))
    is_first = np.diff(customer[order], prepend=-1) != 0
    turn = np.empty_like(position)
    turn[order] = position - np.maximum.accumulate(np.where(is_first, position, 0))
    return turn

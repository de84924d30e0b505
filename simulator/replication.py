"""One replication: campaigns, posts, follow-ups, bans and replacements as SimPy processes over columns.

Sends are worked off lazily: when a process wakes, everything due before that moment goes out at once. What is
random about a customer depends on keyed luck alone, so it does not matter how often or when the processes
wake, but that no stretch of sends reaches over the end of a day.
"""

from collections.abc import Callable, Generator, Sequence
from typing import NamedTuple

import numpy as np
import simpy
from numpy.typing import NDArray

from simulator.customers import Crowd
from simulator.fleet import Fleet
from simulator.funnel import Funnel, follow
from simulator.inbox import Inbox
from simulator.luck import Dense, FurtherRows, SparseRows
from simulator.network import DAY_S
from simulator.organic import Bought, organic_of
from simulator.pending import Pending, Wanted
from simulator.risk import Risk, over_limit
from simulator.sender import Sender, sender_of
from simulator.tally import Tally
from simulator.traits import hidden_of
from simulator.waves import POSTS, Exposure, Queue, Wave, in_turns, merged
from simulator.world import Campaign, World, first_sends_s

RECENT_S = 2 * DAY_S  # a day's rules look back a day from its first moment
BATCH = 1 << 15  # sends worked on at once: their columns fit a core's cache

Process = Generator[simpy.Event, object, None]
Watch = Callable[[Wave, Funnel], None]


class Line(NamedTuple):
    """Accounts that work together: their sender, and which of the fleet each of its accounts is."""

    sender: Sender
    accounts: list[int]


class Replication:
    """The state of one run. `watch` sees every send with what came of it, in no particular order."""

    def __init__(self, world: World, number: int, watch: Watch | None = None) -> None:
        scenario = world.scenario
        seed = scenario.experiment.seed
        self.world, self.number, self.watch = world, number, watch
        self.env = simpy.Environment()
        self.changed = self.env.event()  # the day's hazards are others
        self.renewed = self.env.event()  # there is more to send, or to plan
        self.hidden = hidden_of(world.traits, seed, number, scenario.network.unregistered_fraction)
        self.organic = organic_of(
            scenario.purchases, world.traits, self.hidden, seed, number, world.horizon_s
        )
        self.crowd = Crowd(world, number, self.hidden, self.organic)
        first_send_s = first_sends_s(scenario.accounts)
        posters = scenario.groups.accounts if world.posts else 0
        self.fleet = Fleet(scenario.accounts, first_send_s, posters, seed, number)
        key = seed << 32 | number
        count = len(first_send_s)
        self.lines = {
            "message": Line(sender_of(world, first_send_s, key, world.most_messages), list(range(count))),
        }
        if posters:
            old = self.fleet.first_send_s[count:]
            self.lines["post"] = Line(sender_of(world, old, key, 0), list(range(count, count + posters)))
        self.tally = Tally(scenario, self.fleet.size, world.delays.deliver, world.delays.read)
        self.risk = Risk(world, self.fleet, self.tally.days)
        self.dense = Dense(seed, number, world.customers.size)
        self.inbox = Inbox(world, number)
        self.bought: list[Bought] = []  # what messages brought
        self.queue = Queue()
        retries = {campaign.number: campaign.retries for campaign in world.campaigns}
        self.pending = Pending(scenario, world.customers.size, retries)
        self.recent: list[Wave] = []  # sent in the last RECENT_S, where rules may be broken
        self.waiting: list[Wanted] = []  # no account was open to plan them on
        self._scratch = np.zeros(world.customers.size, np.int8)

    def run(self) -> None:
        """From the start to the horizon."""
        for campaign in self.world.campaigns:
            self.env.process(self._campaign(campaign))
        if self.world.posts:
            self.env.process(self._posts())
        self.env.process(self._scans())
        self.env.process(self._bans())
        self.env.run(until=self.world.horizon_s)
        self._send_until(self.world.horizon_s)
        self._close_day(self.tally.days - 1)

    # processes

    def _campaign(self, campaign: Campaign) -> Process:
        """Plan a campaign or push for everybody who may get it."""
        yield self.env.timeout(campaign.start_s)
        self._send_until(self.env.now)
        self.tally.total["created"] += len(self.world.recipients)
        self._plan([Wanted(Exposure(campaign.number), self.world.recipients)])

    def _posts(self) -> Process:
        """Every post to the groups of a zone, at its time."""
        for post in self.world.posts:
            yield self.env.timeout(max(0.0, post.at_s - self.env.now))
            exposure = Exposure(
                POSTS + post.number, kind="post", content=post.content, is_first=post.is_first
            )
            line, groups = self.lines["post"], post.members.groups
            if not self._open(line).any():
                continue  # nobody to post
            nobody = post.members.customer[:groups]  # the group's place in its zone stands for it
            local, due_s = line.sender.plan(nobody, np.zeros(groups), self.env.now)
            account = np.array(line.accounts, np.int32)[local]
            in_time = due_s < self.world.horizon_s
            self.tally.post(due_s[in_time], account[in_time])
            np.minimum.at(self.fleet.first_send_s, account, due_s)
            who = post.members.group
            self.tally.total["created"] += len(who)
            self._add(Wave(exposure, post.members.customer, account.take(who), due_s.take(who)))

    def _scans(self) -> Process:
        """Every so often, plan retries and follow-ups whose time has come."""
        while True:
            wake_s = self.pending.next_scan_s(self.env.now, self.queue.next_s)
            renewed = self.renewed
            yield renewed if wake_s == np.inf else renewed | self.env.timeout(wake_s - self.env.now)
            if self.env.now < wake_s:
                continue
            self._send_until(self.env.now)
            self._plan(self.pending.take(self.env.now))

    def _bans(self) -> Process:
        """Day by day: ban each account whose hazard has reached what it endures."""
        for day in range(self.tally.days):
            self._judge()
            end = min((day + 1) * DAY_S, self.world.horizon_s)
            while True:
                account, at = self._next_ban(day)
                changed = self.changed
                yield changed | self.env.timeout(max(0.0, min(at, end) - self.env.now))
                if changed.triggered:
                    continue
                if at >= end:
                    break
                self._ban(account)
            self._send_until(end)
            self._close_day(day)

    def _replacement(self, line: Line) -> Process:
        """A new number, some time after a ban."""
        yield self.env.timeout(self.world.scenario.accounts.replacement_delay_h * 3600)
        self._send_until(self.env.now)
        line.accounts.append(self.fleet.add(self.env.now))
        line.sender.open(len(line.accounts) - 1, self.env.now)
        self.tally.add_account()
        self.risk.add_account()
        waiting, self.waiting = self.waiting, []
        self._plan(waiting)

    # planning

    def _open(self, line: Line) -> NDArray[np.bool_]:
        return self.fleet.is_open[line.accounts]

    def _plan(self, wanted: Sequence[Wanted]) -> None:
        """Give messages an account and a time; they wait if no account is open."""
        willing = [one for one in map(self._willing, wanted) if len(one.customer)]
        line = self.lines["message"]
        if not willing or not self._open(line).any():
            self.waiting += willing
            return
        customer = np.concatenate([one.customer for one in willing])
        local, due_s = line.sender.plan(customer, np.zeros(len(customer)), self.env.now)
        account = np.array(line.accounts, np.int32)[local]
        np.minimum.at(self.fleet.first_send_s, account, due_s)
        edges = np.cumsum([len(one.customer) for one in willing])[:-1]
        parts = zip(willing, np.split(account, edges), np.split(due_s, edges), strict=True)
        for one, of_each, at_s in parts:
            self._add(Wave(one.exposure, one.customer, of_each, at_s, one.turn))

    def _willing(self, wanted: Wanted) -> Wanted:
        """Who has not opted out, and is free by the frequency cap.

        A push to who is not is dropped: it would be stale. Anything else is offered again when they are.
        """
        stays = self.crowd.opted_out_s.take(wanted.customer) > self.env.now
        if not stays.all():
            self.tally.total["withdrawn"] += int(np.count_nonzero(~stays))
            wanted = wanted.rows(stays)
        free_s = self.lines["message"].sender.free_from(wanted.customer, self.env.now)
        if free_s is None or not (held := free_s > self.env.now).any():
            return wanted
        if wanted.exposure.is_push:
            self.tally.total["withdrawn"] += int(np.count_nonzero(held))
        else:
            self.pending.add(wanted.rows(held), free_s[held])
            self._renew()
        return wanted.rows(~held)

    def _add(self, wave: Wave) -> None:
        self.queue.add(wave.in_order())
        self.risk.plan(wave)
        self._judge()
        self._renew()

    def _judge(self) -> None:
        """What the network makes of today's plan."""
        today = min(int(self.env.now // DAY_S), self.tally.days - 1)
        rows = [] if self.risk.keeps_rules else self._schedule(today)
        self.risk.judge(today, rows)
        self.changed.succeed()
        self.changed = self.env.event()

    def _schedule(self, today: int) -> list[Wave]:
        first, last = (today - 1) * DAY_S, (today + 1) * DAY_S
        waves = (*self.recent, *self.queue.waves)
        return [wave.rows((wave.due_s >= first) & (wave.due_s < last)) for wave in waves]

    def _renew(self) -> None:
        self.renewed.succeed()
        self.renewed = self.env.event()

    # bans

    def _next_ban(self, day: int) -> tuple[int, float]:
        """The account to be banned next on this day and when; infinity if none is."""
        left, today = self.fleet.endurance - self.fleet.spent, self.risk.hazard[:, day]
        falls = self.fleet.is_open & (left < today)
        share = np.full(self.fleet.size, np.inf)
        share[falls] = 0.0  # it fell when a day's complaints were booked, or
        share[falls & (left > 0)] = left[falls & (left > 0)] / today[falls & (left > 0)]
        account = int(np.argmin(share))
        return account, max(self.env.now, (day + share[account]) * DAY_S)

    def _ban(self, account: int) -> None:
        """Close it; its unsent messages are planned on the others."""
        now = self.env.now
        self._send_until(now)
        self.fleet.closed_s[account] = now
        self.risk.ban(account, int(now // DAY_S))
        self.tally.total["accounts_banned"] += 1
        line = next(line for line in self.lines.values() if account in line.accounts)
        line.sender.close(line.accounts.index(account), now)
        moved = self.queue.take_account(account)
        for wave in moved:
            line.sender.move(wave.customer, wave.due_s)
        posts = [wave for wave in moved if wave.exposure.kind == "post"]
        self.tally.total["withdrawn"] += sum(len(wave.due_s) for wave in posts)
        self._plan(
            [
                Wanted(wave.exposure, wave.customer, wave.turn)
                for wave in moved
                if wave.exposure.kind != "post"
            ]
        )
        self._judge()
        self.env.process(self._replacement(line))

    def _close_day(self, day: int) -> None:
        """Book the day's hazard."""
        tally = self.tally
        counts = (tally.day_delivered[:, day], tally.day_complaints[:, day], tally.day_blocks[:, day])
        self.fleet.spent += self.risk.close_day(day, *counts)

    # sending

    def _send_until(self, moment_s: float) -> None:
        """Everything due before this moment goes out."""
        leaving = self.queue.take(moment_s)
        if not leaving:
            return
        if not self.risk.keeps_rules:
            leaving = over_limit(self.recent, leaving, self.world.scenario.network.hourly_limit)
            known = (*self.recent, *leaving)
            self.recent = [wave.rows(wave.due_s >= moment_s - RECENT_S) for wave in known]
        for wave in in_turns(merged(leaving), self._scratch):
            for first in range(0, len(wave.due_s), BATCH):
                self._send(wave.rows(slice(first, first + BATCH)))

    def _send(self, wave: Wave) -> None:
        stays = self.crowd.stays(wave)
        if not stays.all():
            self.tally.total["withdrawn"] += int(np.count_nonzero(~stays))
            wave = wave.rows(stays)
        if not len(wave.due_s):
            return
        self.tally.send(wave.exposure, wave.account, wave.due_s)
        happened = self._follow(wave)
        buyer, at_s = wave.customer.take(happened.ordered.rows), happened.ordered.at_s
        cents = self.crowd.order_cents(buyer, happened.order_value)
        in_time = at_s < self.world.horizon_s
        self.bought.append(Bought(buyer[in_time], at_s[in_time], cents[in_time]))
        self.tally.count(wave, happened, cents)
        self.crowd.note(wave, happened)
        self.inbox.receive(wave, happened)
        self._note_later(wave, happened)
        if self.watch is not None:
            self.watch(wave, happened)

    def _note_later(self, wave: Wave, happened: Funnel) -> None:
        """Retries and follow-ups.

        A sender sees that a message failed, not why: numbers that are not on WhatsApp are tried again like
        the rest. Only a malformed number is told at once, and dropped.
        """
        failed = np.ones(len(wave.due_s), np.bool_)
        failed[happened.delivered.rows] = False
        rows = np.flatnonzero(failed)
        again = rows[~self.world.customers.malformed.take(wave.customer.take(rows))]
        if not self.pending.is_tried_again(wave.exposure):
            again = again[:0]
        self.tally.total["failed"] += len(rows) - len(again)
        self.pending.note(wave, happened, again)
        self._renew()

    def _follow(self, wave: Wave) -> Funnel:
        key = self.world.scenario.experiment.seed, self.number, wave.exposure.number
        numbers = (
            self.dense.of(wave.exposure.number, wave.customer)
            if wave.exposure.is_common
            else SparseRows(*key, wave.customer, wave.turn)
        )
        return follow(
            numbers,
            FurtherRows(*key, wave.customer, wave.turn),
            wave.due_s,
            self.crowd.pull.take(wave.customer),
            self.crowd.chances(wave, self.fleet),
            self.world.delays,
        )

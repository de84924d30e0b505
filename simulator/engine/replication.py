"""One replication: campaigns, posts, follow-ups, bans and replacements as SimPy processes over columns.

Sends are worked off lazily: when a process wakes, everything due before that moment goes out at once. What is
random about a customer depends on keyed luck alone, so it does not matter how often or when the processes
wake, but that no stretch of sends reaches over the end of a day.
"""

from collections.abc import Generator
from typing import NamedTuple

import numpy as np
import simpy
from numpy.typing import NDArray

from simulator.customers.order_values import order_cents
from simulator.customers.organic import NOTHING, Bought, organic_of
from simulator.customers.traits import hidden_of
from simulator.engine.crowd import crowd_of, side_by_side
from simulator.engine.exposures import POSTS, exposures_of
from simulator.engine.follow_ups import rules_of
from simulator.engine.forms import booker_of, engine_of, is_worth_compiling
from simulator.engine.gate import Gate
from simulator.engine.inbox import Inbox
from simulator.engine.memory import keep_freed
from simulator.engine.odds import odds_of, read_by_account
from simulator.engine.pending import HOUR_S, Held, Pending, Wanted, together
from simulator.engine.plain import Sends, Stage, Watch
from simulator.engine.platform import Platform
from simulator.engine.risk import Risk, over_limit
from simulator.engine.sender import Sender, sender_of
from simulator.engine.tally import Tally
from simulator.sending.fleet import Fleet
from simulator.sending.network import DAY_S
from simulator.sending.waves import Queue, Rows, Wave, constant, in_turns, joined, taken
from simulator.world import Campaign, World, first_sends_s

RECENT_S = 2 * DAY_S  # a day's rules look back a day from its first moment

Process = Generator[simpy.Event, object, None]


class Line(NamedTuple):
    """Accounts that work together: their sender, and which of the fleet each of its accounts is."""

    sender: Sender
    accounts: list[int]


class Orders(NamedTuple):
    """What messages lead to, also beyond the horizon: columns of equal length."""

    buyer: NDArray[np.int32]
    account: NDArray[np.int32]
    at_s: NDArray[np.float64]
    value: NDArray[np.float32]  # quantiles


class Replication:
    """The state of one run.

    `watch` sees every send with what came of it, in no particular order. `compiled`: in which form it runs,
    which is a matter of speed alone; None: whichever is quicker.
    """

    def __init__(
        self, world: World, number: int, watch: Watch | None = None, *, compiled: bool | None = None
    ) -> None:
        scenario = world.scenario
        seed = scenario.experiment.seed
        self.world, self.number = world, number
        compiled = is_worth_compiling(world) if compiled is None else compiled
        if compiled:
            keep_freed()
        self.env = simpy.Environment()
        self._processes: list[Process] = []
        self.changed = self.env.event()  # the day's hazards are others
        self.renewed = self.env.event()  # there is more to send, or to plan
        self.hidden = hidden_of(world.traits, seed, number, scenario.network.unregistered_fraction)
        self.organic = organic_of(
            scenario.purchases, world.traits, self.hidden, seed, number, world.horizon_s
        )
        self.exposures = exposures_of(world)
        self.crowd = crowd_of(world, number, self.hidden, self.organic)
        if compiled and watch is None:
            self.crowd = side_by_side(self.crowd)
        first_send_s = first_sends_s(scenario.accounts)
        posters = scenario.groups.accounts if world.posts else 0
        self.fleet = Fleet(scenario.accounts, first_send_s, posters, seed, number)
        key = seed << 32 | number
        count = len(first_send_s)
        booker = booker_of(self.fleet.size, compiled)
        most = world.most_messages
        self.lines = {
            "message": Line(sender_of(world, first_send_s, key, most, booker), list(range(count))),
        }
        if posters:
            old = self.fleet.first_send_s[count:]
            self.lines["post"] = Line(
                sender_of(world, old, key, 0, booker), list(range(count, count + posters))
            )
        self.tally = Tally(scenario, self.fleet.size, world.delays.deliver, world.delays.read)
        self.risk = Risk(world, self.fleet, self.tally.days)
        stage = Stage(
            seed,
            number,
            world.horizon_s,
            self.exposures,
            odds_of(world, self.exposures, float(np.mean(self.organic.lapsed_s <= 0))),
            world.delays,
            self.crowd,
            rules_of(scenario.programme.follow_ups),
        )
        self.platform = None if world.markets is None else Platform(world, world.markets)
        tell = None if self.platform is None else self.platform.saw
        self.engine = engine_of(stage, watch, tell, compiled)
        self.inbox = Inbox(world, number)
        self.orders: list[Orders] = []
        self.bought = NOTHING  # what messages brought, after the run
        self.queue = Queue()
        self.pending = Pending(scenario, self.exposures, world.customers.malformed)
        self.recent: list[Wave] = []  # sent in the last RECENT_S, where rules may be broken
        self.waiting: list[Wanted] = []  # no account was open to plan them on
        self.held = Held()  # no room under the messaging limit
        self.gate = None if self.platform is None else self._gate(self.platform)
        self._recipients = world.recipients
        self._scratch = np.zeros(world.customers.size, np.int32)

    def run(self) -> None:
        """From the start to the horizon."""
        for campaign in self.world.campaigns:
            self._start(self._campaign(campaign))
        if self.world.posts:
            self._start(self._posts())
        self._start(self._scans())
        self._start(self._bans())
        self.env.run(until=self.world.horizon_s)
        self._send_until(self.world.horizon_s)
        self._close_day(self.tally.days - 1)
        if self.orders:
            self._book_orders()
        for process in self._processes:
            process.close()  # those that wait and this run refer to each other: it would stay for a while

    def _start(self, process: Process) -> None:
        self._processes.append(process)
        self.env.process(process)

    def _gate(self, platform: Platform) -> Gate:
        return Gate(
            platform,
            self.crowd,
            self.exposures,
            self.lines["message"].sender,
            self.tally,
            self.pending,
            self.world.scenario.campaign.retry_after_h * HOUR_S,
            self.held,
        )

    # processes

    def _campaign(self, campaign: Campaign) -> Process:
        """Plan a campaign or push for everybody who may get it."""
        yield self.env.timeout(campaign.start_s)
        self._send_until(self.env.now)
        recipients = self._recipients
        self.tally.total["created"] += len(recipients)
        what = constant(self.exposures.first_try[campaign.number], len(recipients))
        self._offer(Wanted(recipients, what, constant(0, len(recipients))))

    def _posts(self) -> Process:
        """Every post to the groups of a zone, at its time."""
        for post in self.world.posts:
            yield self.env.timeout(max(0.0, post.at_s - self.env.now))
            line, groups = self.lines["post"], post.members.groups
            if not self._open(line).any():
                continue  # nobody to post
            nobody = post.members.customer[:groups]  # the group's place in its zone stands for it
            planned = line.sender.plan(nobody, self.env.now)
            sends = np.array(line.accounts, np.int32).take(planned.account)
            account, due_s = np.empty(groups, np.int32), np.empty(groups)
            account[planned.rows], due_s[planned.rows] = sends, planned.due_s
            in_time = due_s < self.world.horizon_s
            self.tally.post(due_s[in_time], account[in_time])
            sizes, size = post.members.sizes, len(post.members.customer)
            self.tally.total["created"] += size
            what = self.exposures.first_try[POSTS + post.number]
            wave = Wave(
                post.members.customer,
                account.repeat(sizes),
                due_s.repeat(sizes),
                constant(what, size),
                constant(0, size),
            )
            self._add(wave.in_order(), sends, planned.due_s)

    def _scans(self) -> Process:
        """Every so often, plan retries and follow-ups whose time has come."""
        while True:
            wake_s = self.pending.next_scan_s(self.env.now, self.queue.next_s, self._look_s())
            renewed = self.renewed
            wait_s = max(0.0, wake_s - self.env.now)
            yield renewed if wake_s == np.inf else renewed | self.env.timeout(wait_s)
            if self.env.now < wake_s:
                continue
            self._send_until(self.env.now)
            self._offer(self.pending.take(self.env.now))

    def _look_s(self) -> float:
        """After when a scan is due to see what the platform refuses, or has room for again."""
        if self.gate is None:
            return np.inf
        return self.env.now if self.held.parts else self.queue.next_s

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
        self._plan_in_turns(together(waiting))

    # planning

    def _open(self, line: Line) -> NDArray[np.bool_]:
        return self.fleet.is_open[line.accounts]

    def _offer(self, wanted: Wanted) -> None:
        """Plan messages; those that the messaging limit has no room for wait in their order."""
        if self.gate is not None:
            wanted = self.gate.offered(wanted, self.env.now, len(self.queue))
        self._plan_in_turns(wanted)

    def _plan_in_turns(self, wanted: Wanted) -> None:
        """Plan a customer's messages one after the other: each counts in the frequency cap of the next."""
        for rows in in_turns(wanted.customer, self._scratch):
            self._plan(wanted.rows(rows))

    def _plan(self, wanted: Wanted) -> None:
        """Give messages of different customers an account and a time; they wait if no account is open."""
        ready = wanted.rows(self._ready(wanted))
        line = self.lines["message"]
        if not len(ready.customer) or not self._open(line).any():
            self.waiting += [ready] if len(ready.customer) else []
            return
        planned = line.sender.plan(ready.customer, self.env.now)
        account = np.array(line.accounts, np.int32).take(planned.account)
        what, turn = taken(ready.exposure, planned.rows), taken(ready.turn, planned.rows)
        self._add(Wave(planned.customer, account, planned.due_s, what, turn), account, planned.due_s)

    def _ready(self, wanted: Wanted) -> Rows:
        """Whose customer has not opted out, and is free by the frequency cap.

        A push to who is not is dropped: it would be stale. Anything else is offered again when they are.
        """
        sender, opted_out_s = self.lines["message"].sender, self.crowd.opted_out_s
        rows, held, until_s = sender.ready(wanted.customer, opted_out_s, self.env.now)
        is_later = ~self.exposures.is_push.take(taken(wanted.exposure, held))
        later = held[is_later]
        self.tally.total["withdrawn"] += len(wanted.customer) - len(rows) - len(later)
        if len(later):
            self.pending.add(wanted.rows(later), until_s[is_later])
            self._renew()
        return rows

    def _add(self, wave: Wave, account: NDArray[np.int32], due_s: NDArray[np.float64]) -> None:
        """Queue a wave; its accounts send at these times, ascending, once for all members of a group."""
        if self.fleet.first_send_s.max() > self.env.now:
            np.minimum.at(self.fleet.first_send_s, account, due_s)
        self.queue.add(wave)
        self.risk.plan(account, due_s)
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
        return [wave.rows(np.flatnonzero((wave.due_s >= first) & (wave.due_s < last))) for wave in waves]

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
        wanted = together([Wanted(wave.customer, wave.exposure, wave.turn) for wave in moved])
        is_post = self.exposures.is_post.take(wanted.exposure)
        self.tally.total["withdrawn"] += int(np.count_nonzero(is_post))
        self._plan_in_turns(wanted.rows(np.flatnonzero(~is_post)))
        self._judge()
        self._start(self._replacement(line))

    def _close_day(self, day: int) -> None:
        """Book the day's hazard, and what its posts came to."""
        self.tally.close_day()
        tables = self.tally.tables
        counts = (tables.day_delivered[:, day], tables.day_complaints[:, day], tables.day_blocks[:, day])
        self.fleet.spent += self.risk.close_day(day, *counts)

    # sending

    def _send_until(self, moment_s: float) -> None:
        """Everything due before this moment goes out."""
        leaving = self.queue.take(moment_s)
        if not leaving:
            return
        wave = joined(leaving)
        if self.gate is None:
            self._send_wave(wave, moment_s)
            return
        for admitted in self.gate.admitted(wave):
            self._send_wave(admitted, moment_s)
        self._renew()

    def _send_wave(self, wave: Wave, moment_s: float) -> None:
        over = np.zeros(len(wave.due_s), np.bool_)
        if not self.risk.keeps_rules:
            over = over_limit(self.recent, wave, self.world.scenario.network.hourly_limit)
            recent = [*self.recent, wave]
            first_s = moment_s - RECENT_S
            self.recent = [one.rows(slice(int(np.searchsorted(one.due_s, first_s)), None)) for one in recent]
        day = int(wave.due_s[0] // DAY_S)
        read = read_by_account(self.world, self.fleet.birth_s, day)
        sends = Sends(wave, over, day, read)
        batch = self.engine.batch
        for first in range(0, len(wave.due_s), batch):
            self._send(sends.rows(slice(first, first + batch)))

    def _send(self, sends: Sends) -> None:
        found, wave = self.engine.send(sends, self.tally), sends.wave
        buyer, account = wave.customer.take(found.ordered.rows), wave.account.take(found.ordered.rows)
        self.orders.append(Orders(buyer, account, found.ordered.at_s, found.order_value))
        self.inbox.receive(wave, self.exposures.number, found.replied)
        self.tally.total["failed"] += self.pending.note(wave, found)
        self._renew()

    def _book_orders(self) -> None:
        """All that messages brought within the horizon."""
        buyer, account, at_s, value = (np.concatenate(column) for column in zip(*self.orders, strict=True))
        within = np.flatnonzero(at_s < self.world.horizon_s)
        buyer, account, at_s, value = (column.take(within) for column in (buyer, account, at_s, value))
        scale, discount = self.hidden.value_scale.take(buyer), self.world.scenario.campaign.discount
        cents = order_cents(self.world.traits.order_value, discount, scale, value)
        self.bought = Bought(buyer, at_s, cents)
        self.tally.orders(account, at_s, cents)

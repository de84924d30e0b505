"""The world once more, written plainly: one SimPy process a customer, one draw at a time, no arrays.

It shares with the simulator the scenario, the pacing of the server and the solved bases of the odds, and nothing
else: no stream of random numbers, no column, no batch. It knows no bans and no agents. Tests compare its KPIs
with the simulator's.
"""

import math
import random
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass, field

import numpy as np
import simpy

from scenarios.margins import OFFER, order_margin
from scenarios.schema.programme import FollowUp
from server.dispatch import pacing
from simulator.customers.anchors import attention
from simulator.customers.groups import Post
from simulator.customers.organic import bgnbd_of
from simulator.world import World, local_hours

DAY_S, HOUR_S, WEEK_S = 86_400.0, 3600.0, 7 * 86_400.0
OLD_S = 1e7  # accounts are this old, and no older than six months

Process = Generator[simpy.Event, object, None]


@dataclass
class Customer:
    number: int
    zone: int
    engagement: float
    sensitivity: float
    value_scale: float
    registered: bool
    lapses_s: float
    is_member: bool
    memory: float = 0.0
    memory_day: int = 0
    active_day: int = -1
    opted_out: bool = False
    left_group: bool = False
    blocked: bool = False
    sent_s: list[float] = field(default_factory=list)  # private messages, done and planned
    followed_s: dict[int, float] = field(default_factory=dict)  # latest follow-up of each rule


class Reference:
    """One run; `kpis` when it is over."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.scenario = world, world.scenario
        self.luck = random.Random(seed)
        self.env = simpy.Environment()
        self.count: Counter[str] = Counter()
        self.revenue = self.organic_revenue = 0.0
        self.buyers: set[int] = set()
        self.outbox: list[tuple[Customer, int, bool, float]] = []  # customer, retries, followed, odds
        self.booked = 0
        self.attention = attention(self.scenario.funnel)
        members = {int(who) for group in world.members for who in group.customer}
        self.customers = [self._born(number, members) for number in range(world.customers.size)]
        lapsed = sum(one.lapses_s <= 0 for one in self.customers) / len(self.customers)
        self.buying_odds = 1 / (1 - lapsed + lapsed * self.scenario.funnel.lapsed_order_odds)
        self.messages = self._accounts(self.scenario.accounts.count)
        self.posters = self._accounts(self.scenario.groups.accounts)

    def _accounts(self, count: int) -> pacing.Pacer:
        starts = [
            pacing.AccountStart(key=key, first_send_s=self.world.epoch_s - OLD_S) for key in range(count)
        ]
        return pacing.new_pacer(self.scenario.pacing, starts, self.world.customers.zones, 99)

    def run(self) -> dict[str, float]:
        for campaign in self.world.campaigns:
            self.env.process(self._campaign(campaign.number, campaign.start_s, campaign.retries))
        for post in self.world.posts:
            self.env.process(self._post(post))
        self.env.run(until=self.world.horizon_s)
        return self._kpis()

    # customers

    def _born(self, number: int, members: set[int]) -> Customer:
        people, luck = self.scenario.population, self.luck
        spread = people.order_value_log_sd * people.order_value_between**0.5
        lapses_s = self._buy_of_own_accord(number)
        return Customer(
            number=number,
            zone=int(self.world.customers.zone[number]),
            engagement=luck.betavariate(people.engagement_a, people.engagement_b),
            sensitivity=luck.betavariate(people.price_sensitivity_a, people.price_sensitivity_b),
            value_scale=math.exp(luck.gauss(-(spread**2) / 2, spread)),
            registered=luck.random() >= self.scenario.network.unregistered_fraction,
            lapses_s=lapses_s,
            is_member=number in members,
        )

    def _buy_of_own_accord(self, number: int) -> float:
        """Purchase after purchase from the first one, somewhere in the past, until leaving; returns when."""
        model, luck = bgnbd_of(self.scenario.purchases), self.luck
        rate = luck.gammavariate(model.r, 1 / model.alpha) / WEEK_S
        dropout = luck.betavariate(model.a, model.b)
        at_s = -luck.random() * self.scenario.purchases.first_within_days * DAY_S
        while True:
            at_s += luck.expovariate(rate) if rate > 1e-300 else math.inf
            if at_s >= self.world.horizon_s:
                return math.inf
            if at_s >= 0:
                self.count["organic_orders"] += 1
            if luck.random() < dropout:
                return at_s

    # what is sent

    def _campaign(self, number: int, start_s: float, retries: int) -> Process:
        yield self.env.timeout(start_s)
        is_push = number > 0
        for who in self.world.recipients.tolist():
            customer = self.customers[who]
            if customer.opted_out:
                continue
            if self._free_from(customer) > self.env.now:
                if not is_push:
                    self.env.process(self._later(customer, retries))
                continue
            self._plan(customer, retries, follow=True)

    def _later(self, customer: Customer, retries: int, wait_s: float = 0.0, odds: float = 1.0) -> Process:
        """Plan a message at the first scan after a while at which the frequency cap allows it."""
        yield self.env.timeout(wait_s)
        scan_s = self.scenario.programme.scan_every_h * HOUR_S
        while True:
            ready_s = max(self.env.now, self._free_from(customer))
            yield self.env.timeout(math.ceil(ready_s / scan_s - 1e-9) * scan_s - self.env.now)
            if customer.opted_out:
                return
            if self._free_from(customer) <= self.env.now:
                self._plan(customer, retries, follow=odds == 1.0, odds=odds)
                return

    def _free_from(self, customer: Customer) -> float:
        rules = self.scenario.pacing
        latest = sorted(customer.sent_s)[-rules.customer_cap :]
        if len(latest) < rules.customer_cap:
            return 0.0
        return latest[0] + rules.customer_cap_window_s

    def _plan(self, customer: Customer, retries: int, follow: bool, odds: float = 1.0) -> None:
        """All that is wanted at one moment is planned together, as the server plans a batch."""
        if not self.outbox:
            self.env.process(self._flush())
        self.outbox.append((customer, retries, follow, odds))

    def _flush(self) -> Process:
        yield self.env.timeout(0)
        wanted, self.outbox = self.outbox, []
        due_s = self._book(self.messages, [customer.zone for customer, *_ in wanted])
        for (customer, retries, follow, odds), at_s in zip(wanted, due_s, strict=True):
            customer.sent_s.append(at_s)
            self.env.process(self._message(customer, at_s, retries, follow, odds))

    def _book(self, pacer: pacing.Pacer, zones: list[int]) -> list[float]:
        """When each of some texts that nobody else gets may go out."""
        now_s = self.world.epoch_s + self.env.now
        keys = -1 - np.arange(self.booked, self.booked + len(zones))
        self.booked += len(zones)
        nothing = np.zeros(len(zones))
        messages = pacing.Messages(keys, np.array(zones, np.int32), keys, nothing == 0, nothing)
        plan = pacing.plan(pacer, messages, now_s)
        pacing.commit(pacer, messages, plan, now_s)
        return [max(self.env.now, at_s - self.world.epoch_s) for at_s in plan.due_s.tolist()]

    def _message(self, customer: Customer, due_s: float, retries: int, follow: bool, odds: float) -> Process:
        yield self.env.timeout(due_s - self.env.now)
        if customer.opted_out:
            return
        self.count["messages_sent"] += 1
        self.count["paid"] += 1
        if not self._arrives(customer):
            if retries:
                wait_s = self.scenario.campaign.retry_after_h * HOUR_S
                self.env.process(self._later(customer, retries - 1, wait_s))
            return
        yield from self._read(customer, follow, odds)

    def _post(self, post: Post) -> Process:
        yield self.env.timeout(post.at_s)
        due_s = self._book(self.posters, [post.members.zone] * post.members.groups)
        self.count["paid"] += sum(at_s < self.world.horizon_s for at_s in due_s)
        for who, group in zip(post.members.customer.tolist(), post.members.group.tolist(), strict=True):
            self.env.process(self._posted(self.customers[who], due_s[group], post))

    def _posted(self, customer: Customer, due_s: float, post: Post) -> Process:
        yield self.env.timeout(due_s - self.env.now)
        if customer.opted_out or customer.left_group:
            return
        self.count["messages_sent"] += 1
        self.count["member_days"] += post.is_first
        if self._arrives(customer):
            yield from self._read(customer, True, 1.0, kind=post.content)

    # what comes of it

    def _arrives(self, customer: Customer) -> bool:
        network = self.scenario.network
        chance = network.delivery_rate / (1 - network.unregistered_fraction)
        known = customer.registered and not self.world.customers.malformed[customer.number]
        return bool(known and not customer.blocked and self.luck.random() < chance)

    def _read(self, customer: Customer, follow: bool, odds: float, kind: int | None = None) -> Process:
        funnel, anchors, network = self.scenario.funnel, self.world.anchors, self.scenario.network
        sent_s, day = self.env.now, int(self.env.now // DAY_S)
        excess = self._tiredness(customer, day)
        self._remember(customer, day, 1.0 if kind is not None else funnel.push_weight)
        weekday, hour = local_hours(
            self.world.customers.zones[customer.zone], np.array([self.world.epoch_s + sent_s])
        )
        yield self._wait(network.delivery_delay_median_s, network.delivery_delay_log_sd)
        self.count["messages_delivered"] += 1
        base = anchors.read if kind is None else anchors.kinds_read[kind]
        pull = math.exp(anchors.slope * (2 * customer.engagement - 1))
        read_odds = math.exp(base) * pull * float(self.attention[weekday[0], hour[0]])
        reads = self._happens(read_odds * funnel.fatigue_read_odds**excess)
        rules = list(enumerate(self.scenario.programme.follow_ups))
        if not reads:
            for number, rule in rules:
                if follow and kind is None and rule.when == "unread":
                    self._follow_up(customer, number, rule, rule.after_h * HOUR_S)
            return
        wait_s = self._drawn(funnel.read_delay_median_s, funnel.read_delay_log_sd)
        for number, rule in rules:
            if follow and kind is None and rule.when == "unread" and wait_s > rule.after_h * HOUR_S:
                self._follow_up(customer, number, rule, rule.after_h * HOUR_S)
        if kind is not None and day != customer.active_day:
            customer.active_day = day
            self.count["active_days"] += 1
        yield self.env.timeout(wait_s)
        self.count["messages_read"] += 1
        tired = funnel.fatigue_leave_odds**excess
        stop = funnel.opt_out if kind is None else self.scenario.groups.leave
        self._leaves(customer, "opt_outs", stop / (1 - stop) * tired, kind)
        self._leaves(customer, "blocks", funnel.block / (1 - funnel.block) * tired, kind)
        self._leaves(customer, "complaints", funnel.complaint / (1 - funnel.complaint), kind)
        if kind is None and self._happens(math.exp(anchors.reply) * pull):
            self.env.process(self._counted("messages_replied"))
        if self._happens(math.exp(anchors.click) * pull):
            self.env.process(self._click(customer, sent_s, pull, follow, odds, kind))

    def _click(
        self, customer: Customer, sent_s: float, pull: float, follow: bool, odds: float, kind: int | None
    ) -> Process:
        funnel, anchors = self.scenario.funnel, self.world.anchors
        yield self._wait(funnel.act_delay_median_s, funnel.delay_log_sd)
        self.count["messages_clicked"] += 1
        base = anchors.order if kind is None else anchors.kinds_order[kind]
        own = self.buying_odds * (1 if sent_s < customer.lapses_s else funnel.lapsed_order_odds)
        offer = (self.scenario.campaign.discount - OFFER) / 0.10
        own *= math.exp(funnel.price_log_odds * offer * customer.sensitivity)
        orders = self._happens(math.exp(base) * pull * own * odds)
        wait_s = self._drawn(funnel.order_delay_median_s, funnel.delay_log_sd) if orders else math.inf
        for number, rule in enumerate(self.scenario.programme.follow_ups):
            if follow and rule.when == "no_order" and wait_s > rule.after_h * HOUR_S:
                self._follow_up(customer, number, rule, rule.after_h * HOUR_S)
        if orders:
            yield self.env.timeout(wait_s)
            self._order(customer)

    def _follow_up(self, customer: Customer, number: int, rule: FollowUp, wait_s: float) -> None:
        release_s = self.env.now + wait_s
        if release_s - customer.followed_s.get(number, -math.inf) >= rule.pause_days * DAY_S:
            customer.followed_s[number] = release_s
            # odds of exactly 1 would read as a first message: the least above it makes no difference
            odds = max(rule.order_odds, math.nextafter(1.0, 2.0))
            self.env.process(self._later(customer, 0, wait_s, odds))

    def _order(self, customer: Customer) -> None:
        people, campaign = self.scenario.population, self.scenario.campaign
        between = people.order_value_log_sd * people.order_value_between**0.5
        within = people.order_value_log_sd * (1 - people.order_value_between) ** 0.5
        typical = people.order_value_median_usd * math.exp(between**2 / 2)
        value = typical * customer.value_scale * math.exp(self.luck.gauss(0, within))
        self.count["orders"] += 1
        self.revenue += value * (1 - campaign.discount) / (1 - OFFER)
        self.buyers.add(customer.number)

    def _leaves(self, customer: Customer, what: str, odds: float, kind: int | None) -> None:
        if self._happens(odds):
            self.env.process(self._leaving(customer, what, kind))

    def _leaving(self, customer: Customer, what: str, kind: int | None) -> Process:
        yield from self._counted(what)
        if what == "opt_outs" and kind is None:
            customer.opted_out = True
        elif what == "opt_outs":
            self.count["left_group"] += not customer.left_group
            customer.left_group = True
        elif what == "blocks":
            customer.blocked = True

    def _counted(self, what: str) -> Process:
        yield self._wait(self.scenario.funnel.act_delay_median_s, self.scenario.funnel.delay_log_sd)
        self.count[what] += 1

    def _tiredness(self, customer: Customer, day: int) -> float:
        funnel = self.scenario.funnel
        fading = math.exp(-(day - customer.memory_day) / funnel.fatigue_days)
        return max(0.0, customer.memory * fading / funnel.fatigue_days - funnel.tolerance_per_day)

    def _remember(self, customer: Customer, day: int, weight: float) -> None:
        fading = math.exp(-(day - customer.memory_day) / self.scenario.funnel.fatigue_days)
        customer.memory, customer.memory_day = customer.memory * fading + weight, day

    def _happens(self, odds: float) -> bool:
        return self.luck.random() < odds / (1 + odds)

    def _drawn(self, median_s: float, log_sd: float) -> float:
        return median_s * math.exp(self.luck.gauss(0, log_sd))

    def _wait(self, median_s: float, log_sd: float) -> simpy.Event:
        return self.env.timeout(self._drawn(median_s, log_sd))

    # what it was

    def _kpis(self) -> dict[str, float]:
        count, costs, days = self.count, self.scenario.costs, self.world.horizon_s / DAY_S
        delivered = count["messages_delivered"]
        posters = self.scenario.groups.accounts if self.world.posts else 0
        accounts = self.scenario.accounts.count + posters
        contents = len({post.number for post in self.world.posts})
        rent = accounts * costs.account_usd_per_month + costs.server_usd_per_month
        cost = count["paid"] * costs.message_usd + days / 30 * rent + contents * costs.post_usd
        names = ("sent", "delivered", "read", "clicked", "replied")
        return {
            **{f"messages_{name}": float(count[f"messages_{name}"]) for name in names},
            "orders": float(count["orders"]),
            "delivery_rate": delivered / count["messages_sent"],
            "read_rate": count["messages_read"] / delivered,
            "click_rate": count["messages_clicked"] / delivered,
            "reply_rate": count["messages_replied"] / delivered,
            "conversion_rate": count["orders"] / delivered,
            "click_to_order_rate": count["orders"] / count["messages_clicked"],
            "opt_out_rate": count["opt_outs"] / delivered,
            "block_rate": count["blocks"] / delivered,
            "complaint_rate": count["complaints"] / delivered,
            "revenue_usd": self.revenue,
            "cost_usd": cost,
            "roi": self.revenue * order_margin(costs.gross_margin, self.scenario.campaign.discount) / cost,
            "cac_usd": cost / len(self.buyers) if self.buyers else np.nan,
            "organic_orders": float(count["organic_orders"]),
            "group_daily_active_rate": count["active_days"] / count["member_days"],
            "group_leave_rate": count["left_group"] * 30 / count["member_days"],
        }

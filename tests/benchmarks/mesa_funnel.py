"""Peers: the scenario's funnel as a plain Mesa model, an agent a customer and a step a day, and its bare draws.

Posts, pushes, retries, follow-ups, tiredness, leaving and order values are those of the scenario. What a day
cannot hold is left out, which makes the peer faster, not slower: hours, delays, pacing, bans, agents and money.
"""

import math
from collections import Counter
from datetime import UTC, datetime, timedelta

import mesa

from scenarios.margins import OFFER
from simulator.sending.network import delivery_rates
from simulator.world import PUSHES, World

OWN = -1  # a private message; otherwise the kind of a post


def chance(odds: float) -> float:
    return odds / (1 + odds)


class Shop(mesa.Model):
    """What one campaign, its pushes and posts do in a world; `count` has the KPIs' numerators."""

    def __init__(self, world: World, seed: int) -> None:
        super().__init__(seed=seed)
        self.world, self.scenario = world, world.scenario
        self.count: Counter[str] = Counter()
        self.revenue_usd = 0.0
        self.today = 0
        self.arriving = delivery_rates(world.scenario.network)[0]
        begin = datetime.fromtimestamp(world.epoch_s, UTC)
        self.days = math.ceil(world.scenario.experiment.horizon_days)
        weekdays = [(begin + timedelta(days=day)).weekday() for day in range(self.days)]
        pushed = {push.weekday for push in world.scenario.programme.pushes}
        self.pushes = [
            (day == 0) + any(campaign.number >= PUSHES for campaign in world.campaigns) * (weekday in pushed)
            for day, weekday in enumerate(weekdays)
        ]
        self.posts = {int(post.at_s // 86_400): post.content for post in world.posts}
        members = {int(who) for group in world.members for who in group.customer}
        recipients = {int(who) for who in world.recipients}
        for number in range(world.customers.size):
            Customer(self, number in recipients, number in members)

    def run(self) -> Counter[str]:
        for day in range(self.days):
            self.today = day
            self.agents.do("step")
        return self.count


class Customer(mesa.Agent):
    def __init__(self, model: Shop, is_recipient: bool, is_member: bool) -> None:
        super().__init__(model)
        people = model.scenario.population
        luck = model.random
        engagement = luck.betavariate(people.engagement_a, people.engagement_b)
        self.pull = math.exp(model.world.anchors.slope * (2 * engagement - 1))
        self.sensitivity = luck.betavariate(people.price_sensitivity_a, people.price_sensitivity_b)
        self.is_registered = luck.random() >= model.scenario.network.unregistered_fraction
        self.is_recipient, self.is_member = is_recipient, is_member
        self.is_blocking = False
        self.memory, self.memory_day = 0.0, 0
        self.due: dict[int, list[tuple[int, float]]] = {}  # by day: retries left and order odds
        self.followed: dict[int, int] = {}  # latest follow-up of each rule

    def step(self) -> None:
        model, today = self.model, self.model.today
        if self.is_member and today in model.posts:
            self.receive(model.posts[today], 0, 1.0)
        for retries, odds in self.due.pop(today, ()):
            self.receive(OWN, retries, odds)
        if self.is_recipient:
            for _ in range(model.pushes[today]):
                self.receive(OWN, model.scenario.campaign.retries if today == 0 else 0, 1.0)

    def receive(self, kind: int, retries: int, odds: float) -> None:
        model, luck = self.model, self.model.random
        funnel, anchors, count = model.scenario.funnel, model.world.anchors, model.count
        if kind == OWN and not self.is_recipient:
            return
        count["messages_sent"] += 1
        if not self.is_registered or self.is_blocking or luck.random() >= model.arriving:
            if retries:
                self.later(model.scenario.campaign.retry_after_h, retries - 1, odds)
            return
        count["messages_delivered"] += 1
        excess = self.tiredness()
        self.memory += 1.0 if kind != OWN else funnel.push_weight
        base = anchors.read if kind == OWN else anchors.kinds_read[kind]
        if luck.random() >= chance(math.exp(base) * self.pull * funnel.fatigue_read_odds**excess):
            self.follow_up("unread", kind, odds)
            return
        count["messages_read"] += 1
        tired = funnel.fatigue_leave_odds**excess
        stop = funnel.opt_out if kind == OWN else model.scenario.groups.leave
        leaving = luck.random()
        if leaving < chance(stop / (1 - stop) * tired):
            count["opt_outs"] += 1
            if kind == OWN:
                self.is_recipient = False
            self.is_member = False
        elif leaving > 1 - chance(funnel.block / (1 - funnel.block) * tired):
            count["blocks"] += 1
            self.is_blocking = True
        if kind == OWN and luck.random() < chance(math.exp(anchors.reply) * self.pull):
            count["messages_replied"] += 1
        if luck.random() >= chance(math.exp(anchors.click) * self.pull):
            return
        count["messages_clicked"] += 1
        base = anchors.order if kind == OWN else anchors.kinds_order[kind]
        offer = (model.scenario.campaign.discount - OFFER) / 0.10
        wish = math.exp(base + funnel.price_log_odds * offer * self.sensitivity) * self.pull * odds
        if luck.random() < chance(wish):
            people = model.scenario.population
            count["orders"] += 1
            model.revenue_usd += people.order_value_median_usd * math.exp(
                luck.gauss(0, people.order_value_log_sd)
            )
        else:
            self.follow_up("no_order", kind, odds)

    def tiredness(self) -> float:
        """Messages a day above what is borne; the memory is brought up to today."""
        funnel, today = self.model.scenario.funnel, self.model.today
        self.memory *= math.exp(-(today - self.memory_day) / funnel.fatigue_days)
        self.memory_day = today
        return max(0.0, self.memory / funnel.fatigue_days - funnel.tolerance_per_day)

    def follow_up(self, when: str, kind: int, odds: float) -> None:
        if odds != 1.0 or (when == "unread" and kind != OWN):
            return
        for number, rule in enumerate(self.model.scenario.programme.follow_ups):
            pause = rule.pause_days
            if rule.when == when and self.model.today - self.followed.get(number, -math.inf) >= pause:
                self.followed[number] = self.model.today
                self.later(rule.after_h, 0, max(rule.order_odds, math.nextafter(1.0, 2.0)))

    def later(self, after_h: float, retries: int, odds: float) -> None:
        day = self.model.today + max(1, round(after_h / 24))
        self.due.setdefault(day, []).append((retries, odds))


class Draws(mesa.Model):
    """The bare minimum: every customer gets one message a step, and nothing is remembered."""

    def __init__(self, customers: int, rates: tuple[float, float, float, float, float], seed: int) -> None:
        super().__init__(seed=seed)
        self.rates = rates
        self.counts = [0] * 5
        for _ in range(customers):
            Drawing(self)

    def run(self, steps: int) -> list[int]:
        """How many were delivered, read, clicked, answered and followed by an order."""
        for _ in range(steps):
            self.agents.do("step")
        return self.counts


class Drawing(mesa.Agent):
    def step(self) -> None:
        draw, counts = self.model.random.random, self.model.counts
        deliver, read, click, reply, order = self.model.rates
        if draw() < deliver:
            counts[0] += 1
            if draw() < read:
                counts[1] += 1
                if draw() < reply:
                    counts[3] += 1
                if draw() < click:
                    counts[2] += 1
                    if draw() < order:
                        counts[4] += 1

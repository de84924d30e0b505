"""Customers while a replication runs: columns of what they feel, and the odds that follow for a message."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from simulator import network
from simulator.anchors import DISCOUNT
from simulator.fleet import Fleet
from simulator.funnel import EDGE, Chances, Funnel, Rows
from simulator.groups import crowding_odds
from simulator.network import DAY_S, MONTH_DAYS
from simulator.organic import Organic
from simulator.streams import Purpose, uniforms
from simulator.traits import Hidden
from simulator.waves import OWN, Exposure, Wave
from simulator.world import ATTENTION_S, World

POINTS = 0.10  # of discount, for which funnel.price_log_odds stands
OLD_FROM_MONTHS, OLD_MONTHS = 6.0, 12.0  # C140: the ages between which the read rate falls

Floats = NDArray[np.float32]
Times = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Crowd:
    """Columns by customer. Times in s from the start, infinity for never."""

    def __init__(self, world: World, number: int, hidden: Hidden, organic: Organic) -> None:
        scenario, people = world.scenario, world.customers
        self._world, self._hidden = world, hidden
        self._funnel = scenario.funnel
        size = people.size
        self.pull = np.exp(world.anchors.slope * (2 * hidden.engagement - 1)).astype(np.float32)
        self.reachable = hidden.registered & ~people.malformed
        self.opted_out_s = np.full(size, np.inf)
        self.blocked_s = np.full(size, np.inf)
        self.left_group_s = np.full(size if world.posts else 0, np.inf)
        self.ordered = np.zeros(size, np.bool_)
        self.memory = np.zeros(size, np.float32)  # of messages, in posts, as it was on memory_day
        self.memory_day = np.zeros(size, np.int16)
        days = np.arange(int(world.horizon_s // DAY_S) + 2)
        self._fading = np.exp(-days / self._funnel.fatigue_days).astype(np.float32)
        self._unasked: Flags | None = None
        if scenario.campaign.opted_in_fraction < 1:
            luck = uniforms(scenario.experiment.seed, number, Purpose.ASKED, size)
            self._unasked = luck >= scenario.campaign.opted_in_fraction
        self._lapsed_s = organic.lapsed_s
        self._lapsed_odds = _lapsed_odds(organic.lapsed_s, self._funnel.lapsed_order_odds)
        self._order_value = world.traits.order_value
        self._deliver = network.delivery_rates(scenario.network)
        self._crowding = crowding_odds(scenario)
        self._first_half_hour = int(world.epoch_s // ATTENTION_S)
        self._active_day = np.full(size if world.posts else 0, -1, np.int16)
        self.members_days = 0  # members who got a day's first post
        self.active_days = 0  # and of these who read one of that day

    def stays(self, wave: Wave) -> Flags:
        """Who has not left before the message goes out."""
        stays = wave.due_s < self.opted_out_s.take(wave.customer)
        if wave.exposure.kind == "post":
            stays &= wave.due_s < self.left_group_s.take(wave.customer)
        return stays

    # odds

    def chances(self, wave: Wave, fleet: Fleet) -> Chances:
        """What acts on these sends; all of them fall on one day."""
        funnel, anchors, exposure = self._funnel, self._world.anchors, wave.exposure
        excess = self._excess(wave)
        tired = np.exp(excess * np.log(funnel.fatigue_leave_odds)) if excess is not None else None
        read = self._read_base(wave, fleet) * self._attention(wave)
        if excess is not None:
            read *= np.exp(excess * np.log(funnel.fatigue_read_odds))
        click = np.exp(anchors.click) * (1.0 if self._world.is_personal else funnel.generic_click_odds)
        stop = self._world.scenario.groups.leave if exposure.kind == "post" else funnel.opt_out
        replies = 0.0 if exposure.kind == "post" else np.exp(anchors.reply)  # groups are not answered
        return Chances(
            deliver=self._delivery(wave),
            read=read,
            click=_one(click),
            reply=_one(replies),
            order=lambda rows: self._order(exposure, wave.customer.take(rows), wave.due_s.take(rows)),
            opt_out=_leaving(stop, tired, None),
            block=_leaving(funnel.block, tired, self._asked(wave)),
            complaint=_leaving(funnel.complaint, None, self._asked(wave)),
        )

    def _delivery(self, wave: Wave) -> Floats:
        within, above = self._deliver
        reached = self.reachable.take(wave.customer)
        reached &= wave.due_s < self.blocked_s.take(wave.customer)
        rate = reached * np.float32(within)
        if wave.over is not None:
            rate[wave.over] *= np.float32(above / within)
        return rate

    def _excess(self, wave: Wave) -> Floats | None:
        """Messages a day above what is borne, in posts; None where nobody is tired."""
        memory = self._remembered(wave)
        excess = memory / np.float32(self._funnel.fatigue_days) - np.float32(self._funnel.tolerance_per_day)
        if not len(excess) or excess.max() <= 0:
            return None
        return np.asarray(np.maximum(excess, 0, out=excess), np.float32)

    def _remembered(self, wave: Wave, rows: Rows | None = None) -> Floats:
        customer = wave.customer if rows is None else wave.customer.take(rows)
        gone = _day(wave) - self.memory_day.take(customer)
        return self.memory.take(customer) * self._fading.take(gone)

    def _read_base(self, wave: Wave, fleet: Fleet) -> Floats:
        """By the account's age in whole days, or the kind of content."""
        anchors, content = self._world.anchors, wave.exposure.content
        if content != OWN:
            return _one(np.exp(anchors.kinds_read[content]) * self._crowding)
        ages = [OLD_FROM_MONTHS, OLD_MONTHS]
        months = (_day(wave) * DAY_S - fleet.birth_s) / (MONTH_DAYS * DAY_S)
        base = np.exp(np.interp(months, ages, [anchors.read, anchors.read_old])).astype(np.float32)
        same = bool(np.all(base == base[0]))
        return np.asarray(base[:1] if same else base.take(wave.account), np.float32)

    def _attention(self, wave: Wave) -> Floats:
        hour = ((wave.due_s + self._world.epoch_s) / ATTENTION_S).astype(np.int64) - self._first_half_hour
        table = self._world.attention
        zone = self._world.customers.zone.take(wave.customer)
        return np.asarray(table.reshape(-1).take(zone * table.shape[1] + hour), np.float32)

    def _order(self, exposure: Exposure, customer: NDArray[np.int32], sent_s: Times) -> Floats:
        """By the offer, the customer's sense of prices, and whether they still buy by themselves."""
        anchors, offer = self._world.anchors, self._world.scenario.campaign.discount - DISCOUNT
        base = anchors.order if exposure.content == OWN else anchors.kinds_order[exposure.content]
        odds = np.full(len(customer), np.exp(base) * exposure.order_odds, np.float32)
        if offer:
            slope = np.float32(self._funnel.price_log_odds * offer / POINTS)
            odds *= np.exp(slope * self._hidden.price_sensitivity.take(customer))
        buying, lapsed = self._lapsed_odds
        odds *= np.where(sent_s < self._lapsed_s.take(customer), np.float32(buying), np.float32(lapsed))
        return odds

    def _asked(self, wave: Wave) -> Floats | None:
        if self._unasked is None:
            return None
        unasked = self._unasked.take(wave.customer)
        return np.where(unasked, np.float32(self._funnel.unasked_odds), np.float32(1))

    def order_cents(self, customer: NDArray[np.int32], share: Floats) -> NDArray[np.int64]:
        """Values in whole cents (sums of integers do not depend on their order); `share`: quantiles."""
        value, discount = self._order_value, self._world.scenario.campaign.discount
        normal = ndtri(np.clip(share.astype(np.float64), EDGE, 1 - EDGE))
        own_usd = value.typical_usd * self._hidden.value_scale.take(customer)
        value_usd = own_usd * np.exp(value.within_log_sd * normal)
        return np.asarray(np.rint(100 * value_usd * (1 - discount) / (1 - DISCOUNT)), np.int64)

    # what stays of a message

    def note(self, wave: Wave, happened: Funnel) -> None:
        arrived, day = happened.delivered.rows, _day(wave)
        who = wave.customer.take(arrived)
        weight = 1.0 if wave.exposure.kind == "post" else self._funnel.push_weight
        self.memory[who] = self._remembered(wave, arrived) + np.float32(weight)
        self.memory_day[who] = day
        leaves = self.left_group_s if wave.exposure.kind == "post" else self.opted_out_s
        for event, column in ((happened.opted_out, leaves), (happened.blocked, self.blocked_s)):
            left = wave.customer.take(event.rows)
            column[left] = np.minimum(column.take(left), event.at_s)
        bought = happened.ordered.at_s < self._world.horizon_s
        self.ordered[wave.customer.take(happened.ordered.rows[bought])] = True
        if wave.exposure.is_first:
            self.members_days += len(wave.customer)
        if wave.exposure.kind == "post":
            self._count_active(wave.customer.take(happened.read.rows), day)

    def _count_active(self, readers: NDArray[np.int32], day: int) -> None:
        fresh = readers[self._active_day.take(readers) < day]
        self._active_day[fresh] = day
        self.active_days += len(fresh)


def _lapsed_odds(lapsed_s: Floats, ratio: float) -> tuple[float, float]:
    """Odds of who still buys by themselves and who does not, 1 on the mean of all customers at the start."""
    lapsed = float(np.mean(lapsed_s <= 0))
    buying = 1 / (1 - lapsed + lapsed * ratio)
    return buying, buying * ratio


def _day(wave: Wave) -> int:
    return int(wave.due_s[0] // DAY_S)


def _one(value: float) -> Floats:
    return np.full(1, value, np.float32)


def _leaving(chance: float, tired: Floats | None, asked: Floats | None) -> Floats:
    odds = _one(chance / (1 - chance))
    for effect in (tired, asked):
        if effect is not None:
            odds = odds * effect
    return odds

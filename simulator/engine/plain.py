"""Sends as columns: what follows each of them, customers' state brought up to date, and all counted.

This is the definition; `simulator.engine.compiled` is the same, send by send, to the bit.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.customers.funnel import Chances, Delays, Event, Funnel, Rows, follow
from simulator.engine.crowd import Crowd
from simulator.engine.exposures import Exposures
from simulator.engine.follow_ups import Rules, begun
from simulator.engine.luck import Further, Messages, Numbers
from simulator.engine.odds import TIRED_CELLS, TIRED_STEP, Odds
from simulator.engine.tally import Tally
from simulator.sending.waves import Wave, in_turns, taken
from simulator.world import ATTENTION_S

Floats = NDArray[np.float32]
Times = NDArray[np.float64]
Flags = NDArray[np.bool_]
Watch = Callable[[Wave, Flags, Funnel], None]


class Seen(NamedTuple):
    """What a platform sees come of sends."""

    delivered: Event
    read: Event
    replied: Event
    blocked: Event
    complained: Event


Tell = Callable[[Wave, Seen], None]


class Stage(NamedTuple):
    """All that decides what follows a send. `seed` and `number` (of the replication) key the luck."""

    seed: int
    number: int
    horizon_s: float
    exposures: Exposures
    odds: Odds
    delays: Delays
    crowd: Crowd
    rules: Rules


class Sends(NamedTuple):
    """Messages that leave on one day, ascending in time."""

    wave: Wave
    over: Flags  # (messages,): above the network's hourly limit
    day: int
    account_read: Floats  # (accounts,): odds of a read by the account's age

    def rows(self, rows: Rows | slice) -> "Sends":
        return self._replace(wave=self.wave.rows(rows), over=taken(self.over, rows))


class Consequences(NamedTuple):
    """What sends lead to beyond what is counted at once; rows into their wave, ascending."""

    failed: Rows
    replied: Event
    ordered: Event
    order_value: Floats  # quantiles, in [0, 1)
    begun: tuple[Event, ...]  # by rule: whose follow-up begins to wait, and from when it may be sent


class Plain:
    """Works on columns. `watch` sees every send with what came of it, `tell` hears what a platform sees of
    them; in no particular order.
    """

    batch = 1 << 15  # sends worked on at once: their columns fit a core's cache

    def __init__(self, stage: Stage, watch: Watch | None = None, tell: Tell | None = None) -> None:
        self._stage, self._watch, self._tell = stage, watch, tell
        self._scratch = np.zeros(len(stage.crowd.zone), np.int32)

    def send(self, sends: Sends, tally: Tally) -> Consequences:
        """Everything that leaves; a customer's messages one after the other."""
        parts = []
        for rows in in_turns(sends.wave.customer, self._scratch):
            part = sends.rows(rows)
            stays = _stays(self._stage, part.wave)
            tally.total["withdrawn"] += int(np.count_nonzero(~stays))
            stay = np.flatnonzero(stays)
            place = np.arange(len(sends.over))[rows].take(stay)
            parts.append((place, self._send(part.rows(stay), tally)))
        return _in_order(parts)

    def _send(self, sends: Sends, tally: Tally) -> Consequences:
        stage, wave = self._stage, sends.wave
        tally.send(wave, stage.exposures)
        happened = _follow(stage, sends)
        tally.count(wave, happened)
        _note(stage, sends, happened, tally)
        if self._watch is not None:
            self._watch(wave, sends.over, happened)
        if self._tell is not None:
            self._tell(wave, Seen._make(getattr(happened, name) for name in Seen._fields))
        failed = np.ones(len(wave.due_s), np.bool_)
        failed[happened.delivered.rows] = False
        waiting = begun(stage.rules, stage.exposures, stage.crowd.triggered_s, wave, happened)
        return Consequences(
            np.flatnonzero(failed), happened.replied, happened.ordered, happened.order_value, waiting
        )


def _in_order(parts: list[tuple[Rows, Consequences]]) -> Consequences:
    """As one, with rows into the whole wave; `place` of each part: where its rows are in that."""
    failed = np.sort(np.concatenate([place.take(found.failed) for place, found in parts]))

    def event(of: list[Event]) -> tuple[Event, NDArray[np.intp]]:
        rows = np.concatenate([place.take(one.rows) for (place, _), one in zip(parts, of, strict=True)])
        order = np.argsort(rows, kind="stable")
        return Event(rows.take(order), np.concatenate([one.at_s for one in of]).take(order)), order

    found = [one for _, one in parts]
    ordered, order = event([one.ordered for one in found])
    return Consequences(
        failed,
        event([one.replied for one in found])[0],
        ordered,
        np.concatenate([one.order_value for one in found]).take(order),
        tuple(event(list(rule))[0] for rule in zip(*(one.begun for one in found), strict=True)),
    )


def _stays(stage: Stage, wave: Wave) -> Flags:
    """Who has not left before the message goes out."""
    crowd, is_post = stage.crowd, stage.exposures.is_post.take(wave.exposure)
    stays = wave.due_s < crowd.opted_out_s.take(wave.customer)
    posts = np.flatnonzero(is_post)
    stays[posts] &= wave.due_s.take(posts) < crowd.left_group_s.take(wave.customer.take(posts))
    return stays


def _follow(stage: Stage, sends: Sends) -> Funnel:
    wave = sends.wave
    messages = Messages(stage.exposures.number.take(wave.exposure), wave.customer, wave.turn)
    return follow(
        Numbers(stage.seed, stage.number, messages),
        Further(stage.seed, stage.number, messages),
        wave.due_s,
        stage.crowd.pull.take(wave.customer),
        _chances(stage, sends),
        stage.delays,
    )


def _chances(stage: Stage, sends: Sends) -> Chances:
    """What acts on these sends."""
    odds, crowd, wave = stage.odds, stage.crowd, sends.wave
    what, who = wave.exposure, wave.customer
    content = odds.read.take(what)
    read = np.where(content > 0, content, sends.account_read.take(wave.account))
    read *= _attention(stage, wave)
    opt_out, block = odds.opt_out.take(what), np.full(len(what), odds.block)
    complaint = np.full(len(what), odds.complaint)
    tired, cell = _tiredness(stage, sends)
    read[tired] *= odds.tired_read.take(cell)
    for leaving in (opt_out, block):
        leaving[tired] *= odds.tired_leave.take(cell)
    if len(crowd.unasked):
        for leaving in (block, complaint):
            leaving[crowd.unasked.take(who)] *= odds.unasked
    return Chances(
        deliver=_delivery(stage, sends),
        read=read,
        click=np.full(1, odds.click),
        reply=odds.reply.take(what),
        order=lambda rows: _order(stage, wave.rows(rows)),
        opt_out=opt_out,
        block=block,
        complaint=complaint,
    )


def _delivery(stage: Stage, sends: Sends) -> Floats:
    crowd, wave = stage.crowd, sends.wave
    reached = crowd.reachable.take(wave.customer)
    reached &= wave.due_s < crowd.blocked_s.take(wave.customer)
    rate = reached * stage.odds.deliver
    rate[sends.over] *= stage.odds.deliver_over
    return rate


def _attention(stage: Stage, wave: Wave) -> Floats:
    odds = stage.odds
    hour = ((wave.due_s + odds.epoch_s) / ATTENTION_S).astype(np.int64) - odds.first_half_hour
    zone = stage.crowd.zone.take(wave.customer)
    return np.asarray(odds.attention.reshape(-1).take(zone * odds.attention.shape[1] + hour), np.float32)


def _remembered(stage: Stage, customer: NDArray[np.int32], day: int) -> Floats:
    gone = day - stage.crowd.memory_day.take(customer)
    return stage.crowd.memory.take(customer) * stage.odds.fading.take(gone)


def _tiredness(stage: Stage, sends: Sends) -> tuple[Rows, NDArray[np.int32]]:
    """Who gets more than they bear, and the cell of their excess: messages a day, in posts."""
    odds = stage.odds
    excess = _remembered(stage, sends.wave.customer, sends.day) / odds.memory_days - odds.tolerance_per_day
    tired = np.flatnonzero(excess > 0)
    steps = excess.take(tired) * np.float32(1 / TIRED_STEP)
    return tired, np.minimum(steps, np.float32(TIRED_CELLS - 1)).astype(np.int32)


def _order(stage: Stage, wave: Wave) -> Floats:
    """By the offer, the customer's sense of prices, and whether they still buy by themselves."""
    odds, crowd = stage.odds, stage.crowd
    order = odds.order.take(wave.exposure)
    if len(crowd.price_odds):
        order *= crowd.price_odds.take(wave.customer)
    buys = wave.due_s < crowd.lapsed_s.take(wave.customer)
    order *= np.where(buys, odds.order_buying, odds.order_lapsed)
    return order


def _note(stage: Stage, sends: Sends, happened: Funnel, tally: Tally) -> None:
    """What stays of the messages with their customers."""
    crowd, odds, wave = stage.crowd, stage.odds, sends.wave
    arrived = happened.delivered.rows
    who, what = wave.customer.take(arrived), wave.exposure.take(arrived)
    crowd.memory[who] = _remembered(stage, who, sends.day) + odds.weight.take(what)
    crowd.memory_day[who] = sends.day
    is_post = stage.exposures.is_post.take(wave.exposure)
    left = happened.opted_out
    posts = is_post.take(left.rows)
    _leave(crowd.opted_out_s, wave.customer, Event(left.rows[~posts], left.at_s[~posts]))
    _leave(crowd.left_group_s, wave.customer, Event(left.rows[posts], left.at_s[posts]))
    _leave(crowd.blocked_s, wave.customer, happened.blocked)
    bought = happened.ordered.at_s < stage.horizon_s
    crowd.ordered[wave.customer.take(happened.ordered.rows[bought])] = True
    tally.total["members_days"] += int(np.count_nonzero(stage.exposures.is_first.take(wave.exposure)))
    readers = wave.customer.take(happened.read.rows[is_post.take(happened.read.rows)])
    fresh = readers[crowd.active_day.take(readers) < sends.day]
    crowd.active_day[fresh] = sends.day
    tally.total["active_days"] += len(fresh)


def _leave(column: Times, customer: NDArray[np.int32], event: Event) -> None:
    left = customer.take(event.rows)
    column[left] = np.minimum(column.take(left), event.at_s)

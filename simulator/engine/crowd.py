"""Customers while a replication runs: columns of what they feel and have done."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenarios.margins import OFFER
from simulator.customers.organic import Organic
from simulator.customers.traits import Hidden
from simulator.statistics.streams import Purpose, uniforms
from simulator.world import World

LINE = 64  # bytes of a cache line
RULES = 3  # of follow-ups with which a customer fills a line
AT_ONCE = 1 << 12  # customers whose lines are filled while they are at hand
NEUTRAL = {
    "unasked": False,
    "price_odds": 1.0,
    "left_group_s": np.inf,
    "active_day": -1,
    "triggered_s": np.inf,
}
POINTS = 0.10  # of discount, for which funnel.price_log_odds stands

Floats = NDArray[np.float32]
Times = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Crowd(NamedTuple):
    """Columns by customer, changed as the run goes on. Times in s from the start, infinity for never.

    Columns that the scenario has no use for are empty, `lines` where each column stands alone.
    """

    zone: NDArray[np.int32]
    pull: Floats  # odds of reading, clicking, replying and ordering against engagement 1/2
    reachable: Flags
    unasked: Flags  # never asked for messages; empty: all did
    price_odds: Floats  # of an order, by the offer and the own sense of prices; empty: 1
    lapsed_s: Floats  # buys by themselves until then
    opted_out_s: Times
    blocked_s: Times
    left_group_s: Times  # empty without groups
    ordered: Flags
    memory: Floats  # of messages, in posts, as it was on memory_day
    memory_day: NDArray[np.int16]
    active_day: NDArray[np.int16]  # the last on which a post was read; empty without groups
    triggered_s: Floats  # (rules, customers): when each follow-up last began to wait
    lines: NDArray[np.void]  # of all these, a record for each customer


def crowd_of(world: World, number: int, hidden: Hidden, organic: Organic) -> Crowd:
    """Everybody as they are at the start of replication `number`."""
    scenario, people = world.scenario, world.customers
    size = people.size
    in_groups = size if world.posts else 0
    return Crowd(
        zone=people.zone,
        pull=np.exp(world.anchors.slope * (2 * hidden.engagement - 1)).astype(np.float32),
        reachable=hidden.registered & ~people.malformed,
        unasked=_unasked(world, number),
        price_odds=_price_odds(world, hidden),
        lapsed_s=organic.lapsed_s,
        opted_out_s=np.full(size, np.inf),
        blocked_s=np.full(size, np.inf),
        left_group_s=np.full(in_groups, np.inf),
        ordered=np.zeros(size, np.bool_),
        memory=np.zeros(size, np.float32),
        memory_day=np.zeros(size, np.int16),
        active_day=np.full(in_groups, -1, np.int16),
        triggered_s=np.full((len(scenario.programme.follow_ups), size), -np.inf, np.float32),
        lines=np.empty(0, np.void),
    )


def side_by_side(crowd: Crowd) -> Crowd:
    """The same, one customer beside the other: a send needs one cache line, not one a column.

    Columns that are empty come filled with what changes nothing. Opt-outs also stay a column of their own,
    for who asks for nothing else of all customers.
    """
    rules = max(len(crowd.triggered_s), RULES)
    columns: dict[str, NDArray[Any]] = crowd._asdict()
    del columns["lines"]
    kinds = [(name, column.dtype, (rules,) if column.ndim == 2 else ()) for name, column in columns.items()]
    line = np.dtype(sorted(kinds, key=lambda kind: -kind[1].itemsize), align=True)
    size = len(crowd.zone)
    room = np.empty(size * line.itemsize + LINE, np.uint8)
    lines = room[-room.ctypes.data % LINE :][: size * line.itemsize].view(line)
    for begin in range(0, size, AT_ONCE):
        rows = slice(begin, begin + AT_ONCE)
        for name, column in columns.items():
            own = lines[name][rows].T
            if len(column) < len(own):  # the scenario has no use for it, or not for so many rules
                own[...] = NEUTRAL[name]
            own[: len(column)] = column[..., rows]
    joint = {name: lines[name].T for name in columns}
    return Crowd(**{**joint, "opted_out_s": crowd.opted_out_s}, lines=lines)


def _unasked(world: World, number: int) -> Flags:
    scenario = world.scenario
    if scenario.campaign.opted_in_fraction == 1:
        return np.empty(0, np.bool_)
    luck = uniforms(scenario.experiment.seed, number, Purpose.ASKED, world.customers.size)
    unasked: Flags = luck >= scenario.campaign.opted_in_fraction
    return unasked


def _price_odds(world: World, hidden: Hidden) -> Floats:
    offer = world.scenario.campaign.discount - OFFER
    if not offer:
        return np.empty(0, np.float32)
    slope = np.float32(world.scenario.funnel.price_log_odds * offer / POINTS)
    return np.asarray(np.exp(slope * hidden.price_sensitivity), np.float32)

"""What acts on a message beside the customer's own pull, as tables that are looked up message by message.

Single precision throughout, so that columns and the compiled form (`compiled`) agree to the bit.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenarios.schema import Funnel
from simulator.customers.groups import crowding_odds
from simulator.engine.exposures import OWN, Exposures
from simulator.sending import network
from simulator.sending.network import DAY_S, MONTH_DAYS
from simulator.world import ATTENTION_S, World

OLD_FROM_MONTHS, OLD_MONTHS = 6.0, 12.0  # C140: the ages between which the read rate falls
TIRED_STEP = 1 / 1024  # of the excess, in messages a day
TIRED_CELLS = 1 << 16  # the last stands for 64 messages a day too many, and more
MOST_LOG_ODDS = 40.0  # of tiredness: then products of odds are finite still

Floats = NDArray[np.float32]


class Odds(NamedTuple):
    """Tables by exposure (exposures,), zone and half hour, day, or cell of tiredness; and numbers.

    deliver, deliver_over: chances for who can be reached, within the network's hourly limit and, as a ratio
    to that, above. All others are odds, or ratios of odds.
    """

    deliver: np.float32
    deliver_over: np.float32
    read: Floats  # of group content; 0: as the account's age says
    attention: Floats  # (zones, half hours from first_half_hour)
    epoch_s: float
    first_half_hour: int
    click: np.float32
    reply: Floats
    order: Floats  # of who clicked
    order_buying: np.float32  # of who still buys by themselves
    order_lapsed: np.float32
    opt_out: Floats  # of a post: leaving the group
    block: np.float32
    complaint: np.float32
    unasked: np.float32
    tired_read: Floats
    tired_leave: Floats
    weight: Floats  # of a message in the memory, in posts
    fading: Floats  # of the memory, by days gone
    memory_days: np.float32
    tolerance_per_day: np.float32


def odds_of(world: World, exposures: Exposures, lapsed: float) -> Odds:
    """`lapsed`: share of customers who do not buy by themselves any more at the start."""
    scenario, anchors = world.scenario, world.anchors
    funnel, groups = scenario.funnel, scenario.groups
    within, above = network.delivery_rates(scenario.network)
    crowding = crowding_odds(scenario)
    buying = 1 / (1 - lapsed + lapsed * funnel.lapsed_order_odds)  # 1 on the mean of all customers
    days = np.arange(int(world.horizon_s // DAY_S) + 2)
    tired_read, tired_leave = _tired(funnel)

    def each(value_of_post: dict[int, float], otherwise: float) -> Floats:
        return np.array(
            [value_of_post[one.content] if one.content != OWN else otherwise for one in exposures.each],
            np.float32,
        )

    def by_kind(values: tuple[float, ...], factor: float = 1.0) -> dict[int, float]:
        return {kind: float(np.exp(value)) * factor for kind, value in enumerate(values)}

    posts = range(len(groups.kinds))
    order = each(by_kind(anchors.kinds_order), float(np.exp(anchors.order)))
    return Odds(
        deliver=np.float32(within),
        deliver_over=np.float32(above / within),
        read=each(by_kind(anchors.kinds_read, crowding), 0.0),
        attention=world.attention,
        epoch_s=world.epoch_s,
        first_half_hour=int(world.epoch_s // ATTENTION_S),
        click=np.float32(np.exp(anchors.click) * (1.0 if world.is_personal else funnel.generic_click_odds)),
        reply=each(dict.fromkeys(posts, 0.0), float(np.exp(anchors.reply))),  # groups are not answered
        order=order * np.array([one.order_odds for one in exposures.each], np.float32),
        order_buying=np.float32(buying),
        order_lapsed=np.float32(buying * funnel.lapsed_order_odds),
        opt_out=each(dict.fromkeys(posts, _odds(groups.leave)), _odds(funnel.opt_out)),
        block=np.float32(_odds(funnel.block)),
        complaint=np.float32(_odds(funnel.complaint)),
        unasked=np.float32(funnel.unasked_odds),
        tired_read=tired_read,
        tired_leave=tired_leave,
        weight=each(dict.fromkeys(posts, 1.0), funnel.push_weight),
        fading=np.exp(-days / funnel.fatigue_days).astype(np.float32),
        memory_days=np.float32(funnel.fatigue_days),
        tolerance_per_day=np.float32(funnel.tolerance_per_day),
    )


def _odds(chance: float) -> float:
    return chance / (1 - chance)


def _tired(funnel: Funnel) -> tuple[Floats, Floats]:
    """Ratios of the odds to read and to leave, at the middle of each step of excess.

    Kept where products of odds stay numbers: what is certain in millions of draws stays so.
    """
    excess = (np.arange(TIRED_CELLS) + 0.5) * TIRED_STEP
    read, leave = (
        np.exp(np.clip(excess * np.log(each), -MOST_LOG_ODDS, MOST_LOG_ODDS)).astype(np.float32)
        for each in (funnel.fatigue_read_odds, funnel.fatigue_leave_odds)
    )
    return read, leave


def read_by_account(world: World, birth_s: NDArray[np.float64], day: int) -> Floats:
    """Odds of a read by the age of each account (accounts,), in whole days."""
    ages = [OLD_FROM_MONTHS, OLD_MONTHS]
    months = (day * DAY_S - birth_s) / (MONTH_DAYS * DAY_S)
    return np.exp(np.interp(months, ages, [world.anchors.read, world.anchors.read_old])).astype(np.float32)

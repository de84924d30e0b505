"""What a customer does with a message: read, click, reply, order, leave, and when.

Effects add in log-odds. Intercepts are solved so that the population's own rate equals the parameter.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, logit

from scenarios.schema import Scenario
from simulator.population import engagement_table
from simulator.streams import BLOCK, Purpose, stream

Floats = NDArray[np.float32]
Times = NDArray[np.float64]
Flags = NDArray[np.bool_]

DECISIONS = ("deliver", "read", "click", "reply", "order", "opt_out", "block", "complaint")
DELAYS = ("deliver", "read", "click", "reply", "order", "leave", "value")
DECISION = {name: row for row, name in enumerate(DECISIONS)}
DELAY = {name: row for row, name in enumerate(DELAYS)}
OLD_FROM_MONTHS, OLD_MONTHS = 6.0, 12.0  # C140: the ages between which the read rate falls


class Luck(NamedTuple):
    """All random numbers of one block's customers for one exposure."""

    uniform: Floats  # (len(DECISIONS), customers), in [0, 1)
    normal: Floats  # (len(DELAYS), customers), standard normal


class Anchors(NamedTuple):
    """Log-odds at engagement 1/2, and how far engagement moves them either way."""

    read: float
    read_old: float
    click: float
    reply: float
    order: float
    slope: float


class Outcomes(NamedTuple):
    """One row a send. Seconds from the experiment's start; infinity where it never happens."""

    delivered_s: Times
    read_s: Times
    clicked_s: Times
    replied_s: Times
    ordered_s: Times
    order_cents: NDArray[np.int64]
    opted_out_s: Times
    blocked_s: Times
    complained_s: Times


def luck_of(seed: int, replication: int, block: int, exposure: int) -> Luck:
    """Every number is drawn whether it will be needed or not, and the block is always drawn whole."""
    decisions = stream(seed, replication, Purpose.DECISIONS, block, exposure)
    delays = stream(seed, replication, Purpose.DELAYS, block, exposure)
    return Luck(
        decisions.random((len(DECISIONS), BLOCK), dtype=np.float32),
        delays.standard_normal((len(DELAYS), BLOCK), dtype=np.float32),
    )


def anchors_of(scenario: Scenario) -> Anchors:
    """Solve the intercepts.

    read: over all customers; click and reply: over readers; order: over those who clicked. So each rate of a
    report (clicks over reads) reproduces its parameter, although the engaged read, click and order together.
    """
    people, funnel = scenario.population, scenario.funnel
    slope = people.engagement_log_odds
    quantiles = engagement_table(people.engagement_a, people.engagement_b)
    shift = slope * (quantiles[:-1] + quantiles[1:] - 1)  # 2 e - 1 at the middle of each cell
    everyone = np.ones_like(shift)
    read = _intercept(funnel.read, shift, everyone)
    readers = expit(read + shift)
    click = _intercept(funnel.click, shift, readers)
    clickers = readers * expit(click + shift)
    return Anchors(
        read=read,
        read_old=_intercept(funnel.read_old_account, shift, everyone),
        click=click,
        reply=_intercept(funnel.reply, shift, readers),
        order=_intercept(funnel.order, shift, clickers),
        slope=slope,
    )


def _intercept(rate: float, shift: Times, weight: Times) -> float:
    """c with weighted mean of expit(c + shift) = rate."""
    total = weight.sum()
    reach = float(np.abs(shift).max()) + 1e-9
    middle = float(logit(rate))
    return float(
        brentq(
            lambda c: float((weight * expit(c + shift)).sum() / total) - rate,
            middle - reach,
            middle + reach,
            xtol=1e-12,
        )
    )


def read_log_odds(anchors: Anchors, age_months: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log-odds of a read at engagement 1/2 by the sending account's age; a line from 6 to 12 months."""
    ages = [OLD_FROM_MONTHS, OLD_MONTHS]
    return np.interp(age_months, ages, [anchors.read, anchors.read_old])


def outcomes(
    scenario: Scenario,
    anchors: Anchors,
    uniform: Floats,
    normal: Floats,
    sent_s: Times,
    delivery_rate: Times,
    read_odds: Times,
    engagement: Floats,
) -> Outcomes:
    """What follows each send, one column a send.

    uniform (len(DECISIONS), n) and normal (len(DELAYS), n) are the sends' luck; `delivery_rate` is in [0, 1],
    0 for a number that cannot be reached; `read_odds` is `read_log_odds` of the sending account.
    """
    funnel, network, people = scenario.funnel, scenario.network, scenario.population
    shift = anchors.slope * (2 * engagement - 1)

    def happens(name: str, chance: NDArray[np.floating]) -> Flags:
        happened: Flags = uniform[DECISION[name]] < chance
        return happened

    def after(since: Times, happened: Flags, name: str, median_s: float, log_sd: float) -> Times:
        """since + lognormal delay; infinity where it did not happen or its cause did not."""
        rows = np.flatnonzero(happened & (since < np.inf))
        at = np.full(len(since), np.inf)
        at[rows] = since[rows] + _lognormal(median_s, log_sd, normal[DELAY[name], rows])
        return at

    def acts(name: str, since: Times, chance: NDArray[np.floating], delay: str) -> Times:
        return after(since, happens(name, chance), delay, funnel.act_delay_median_s, funnel.delay_log_sd)

    def rate(value: float) -> Floats:
        return np.full(1, value, np.float32)

    delivered = after(
        sent_s,
        happens("deliver", delivery_rate),
        "deliver",
        network.delivery_delay_median_s,
        network.delivery_delay_log_sd,
    )
    read = after(
        delivered,
        happens("read", expit(read_odds + shift)),
        "read",
        funnel.read_delay_median_s,
        funnel.read_delay_log_sd,
    )
    clicked = acts("click", read, expit(anchors.click + shift), "click")
    ordered = after(
        clicked,
        happens("order", expit(anchors.order + shift)),
        "order",
        funnel.order_delay_median_s,
        funnel.delay_log_sd,
    )
    return Outcomes(
        delivered_s=delivered,
        read_s=read,
        clicked_s=clicked,
        replied_s=acts("reply", read, expit(anchors.reply + shift), "reply"),
        ordered_s=ordered,
        order_cents=_cents(
            ordered, people.order_value_median_usd, people.order_value_log_sd, normal[DELAY["value"]]
        ),
        opted_out_s=acts("opt_out", read, rate(funnel.opt_out), "leave"),
        blocked_s=acts("block", read, rate(funnel.block), "leave"),
        complained_s=acts("complaint", read, rate(funnel.complaint), "leave"),
    )


def _lognormal(median: float, log_sd: float, normal: Floats) -> Times:
    return median * np.exp(log_sd * normal.astype(np.float64))


def _cents(ordered_s: Times, median_usd: float, log_sd: float, normal: Floats) -> NDArray[np.int64]:
    """Order values in whole cents: sums of integers do not depend on their order."""
    cents = np.zeros(len(ordered_s), np.int64)
    rows = np.flatnonzero(ordered_s < np.inf)
    cents[rows] = np.rint(100 * _lognormal(median_usd, log_sd, normal[rows])).astype(np.int64)
    return cents

"""Bases of the funnel's odds, solved so that the population's own rates equal the parameters."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from scenarios.schema import Funnel, Scenario
from simulator.statistics.sums import dot

Times = NDArray[np.float64]

DAYTIME = slice(8, 22)  # hours of the day over which attention is 1 on the mean: those that may be sent in
PRECISE = 1e-10  # of a base, in log-odds
MOST_STEPS = 100  # halves alone need 40; where nearly all or none act, rounding keeps steps above PRECISE


class Anchors(NamedTuple):
    """Log-odds at engagement 1/2 and attention 1, and how far engagement moves them either way."""

    read: float
    read_old: float
    click: float
    reply: float
    order: float
    slope: float
    kinds_read: tuple[float, ...]  # by kind of group content
    kinds_order: tuple[float, ...]


def anchors_of(scenario: Scenario, engagement: Times, share: Times) -> Anchors:
    """Solve the bases for a population whose engagement takes these values, with these shares.

    read: over all customers, and the hours 8 to 22 of a week; click and reply: over readers; order: over
    those who clicked. So each rate of a report (clicks over reads) reproduces its parameter, although the
    engaged read, click and order together.
    """
    funnel, kinds = scenario.funnel, scenario.groups.kinds
    slope = scenario.population.engagement_log_odds
    own = slope * (2 * engagement - 1)
    level, weight = _attention_levels(funnel)

    def read_base(rate: float) -> float:
        return _base(rate, (own + level[:, None]).ravel(), (share * weight[:, None]).ravel())

    read = read_base(funnel.read)
    readers = share * (expit(read + own + level[:, None]) * weight[:, None]).sum(axis=0)
    click = _base(funnel.click, own, readers)
    clickers = readers * expit(click + own)
    return Anchors(
        read=read,
        read_old=read_base(funnel.read_old_account),
        click=click,
        reply=_base(funnel.reply, own, readers),
        order=_base(funnel.order, own, clickers),
        slope=slope,
        kinds_read=tuple(read_base(kind.read) for kind in kinds),
        kinds_order=tuple(
            _base(order_given_click(kind.conversion, kind.read, funnel.click), own, clickers)
            for kind in kinds
        ),
    )


def order_given_click(month_conversion: float, read: float, click: float) -> float:
    """The chance of an order after a click for which 30 posts convert so many members: at most 0.95.

    1 - conversion = (1 - click * order) ** (30 * read): members who read 30 * read posts order after none.
    """
    each = -np.expm1(np.log1p(-month_conversion) / (30 * read))
    return float(min(0.95, each / click))


def attention(funnel: Funnel) -> NDArray[np.float64]:
    """Odds ratios by weekday and hour (7, 24), 1 on the geometric mean of the hours 8 to 22 of a week."""
    table = np.outer(funnel.weekday_attention, funnel.attention)
    return np.asarray(table / np.exp(np.log(table[:, DAYTIME]).mean()))


def _attention_levels(funnel: Funnel) -> tuple[Times, Times]:
    """Distinct log-odds of attention in daytime, and the share of each."""
    logs = np.round(np.log(attention(funnel)[:, DAYTIME]), 9)
    level, count = np.unique(logs, return_counts=True)
    return np.asarray(level, np.float64), np.asarray(count / count.sum(), np.float64)


def _base(rate: float, shift: Times, weight: Times) -> float:
    """c with weighted mean of expit(c + shift) = rate.

    By Newton's steps, or by halves where one would leave the bracket: scipy.optimize takes longer to load
    than a small scenario to run.
    """
    total = float(weight.sum())
    middle, reach = float(logit(rate)), float(np.abs(shift).max()) + 1e-9
    low, high, base, before = middle - reach, middle + reach, middle, np.inf
    for _ in range(MOST_STEPS):
        if abs(base - before) <= PRECISE:
            break
        chance = expit(base + shift)
        excess = dot(weight, chance) / total - rate
        low, high = (low, base) if excess > 0 else (base, high)
        before = base
        base -= excess * total / dot(weight, chance * (1 - chance))
        if not low <= base <= high:
            base = (low + high) / 2
    return base

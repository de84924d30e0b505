"""Recency, frequency and money: scores from 1 to 5 among buyers, and seven tiers of customers read off them.

R139 asks for 5 to 7 tiers. Scores are fifths of the buyers: one more than the number of cuts at a fifth, two
fifths, ... of the buyers in order that a customer's figure lies above; equal figures get equal scores. Tiers,
the first that fits:

| tier | who |
|---|---|
| champions | all three scores 4 or 5 |
| regulars | frequency 4 or 5, recency 3 or more: buy often, spend less |
| big spenders | money 4 or 5, recency 3 or more: buy seldom, spend much |
| recent | recency 4 or 5 |
| at risk | frequency or money 4 or 5, recency 1 or 2 |
| dormant | the other buyers |
| none | no purchase in the time looked back on |
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.customers.organic import Bought, within

TIERS = ("champions", "regulars", "big spenders", "recent", "at risk", "dormant", "none")
FIFTHS = 5

Codes = NDArray[np.int8]
Figure = NDArray[np.float64] | NDArray[np.int64]


class Rfm(NamedTuple):
    """(customers,): scores from 1 to 5, 0 without a purchase, and the tier as an index into TIERS."""

    recency: Codes
    frequency: Codes
    money: Codes
    tier: Codes


class _Figures(NamedTuple):
    """(customers,): of the purchases of each the time of the last, their number and their worth."""

    last_s: NDArray[np.float64]  # -infinity: none
    purchases: NDArray[np.int64]
    cents: NDArray[np.int64]


class Shares(NamedTuple):
    """(len(TIERS),): of all customers, and of what the purchases looked back on were worth."""

    customers: NDArray[np.float64]
    revenue: NDArray[np.float64]


def rfm_tiers(parts: Iterable[Bought], size: int) -> Rfm:
    """Scores and tiers of `size` customers from the purchases looked back on, in any order."""
    return _rfm(_figures(parts, size))


def shares(parts: Iterable[Bought], size: int) -> Shares:
    """How large each tier is, and how much of the revenue it brought; nan without any revenue."""
    figures = _figures(parts, size)
    tier = _rfm(figures).tier
    revenue = np.bincount(tier, figures.cents, minlength=len(TIERS))
    total = revenue.sum()
    return Shares(
        np.bincount(tier, minlength=len(TIERS)) / size,
        revenue / total if total else np.full(len(TIERS), np.nan),
    )


def looked_back_on(parts: Iterable[Bought], until_s: float, look_back_s: float) -> Iterator[Bought]:
    """The purchases of all parts within `look_back_s` before `until_s`."""
    return (within(part, until_s - look_back_s, until_s) for part in parts)


def _figures(parts: Iterable[Bought], size: int) -> _Figures:
    """Part by part: all purchases together take more room than the figures."""
    figures = _Figures(np.full(size, -np.inf), np.zeros(size, np.int64), np.zeros(size, np.int64))
    for part in parts:
        customer = part.customer.astype(np.intp)
        np.maximum.at(figures.last_s, customer, part.at_s)
        np.add.at(figures.purchases, customer, 1)
        np.add.at(figures.cents, customer, part.cents)
    return figures


def _rfm(figures: _Figures) -> Rfm:
    buyers = np.flatnonzero(figures.purchases)
    recency, frequency, money = (_scores(figure, buyers) for figure in figures)
    scores = np.ravel_multi_index((recency, frequency, money), EACH_SCORE)
    return Rfm(recency, frequency, money, TIER_OF.take(scores))


def _scores(figure: Figure, buyers: NDArray[np.intp]) -> Codes:
    """1 to 5 among buyers, by the cuts that a figure lies above; 0 for the others."""
    scores = np.zeros(len(figure), np.int8)
    if not len(buyers):
        return scores
    mine = figure[buyers]
    cuts = [-(-fifth * len(mine) // FIFTHS) - 1 for fifth in range(1, FIFTHS)]
    ordered = np.sort(mine)  # of millions, quicker than finding the four alone
    scores[buyers] = 1 + sum((mine > ordered[cut]).astype(np.int8) for cut in cuts)
    return scores


def _tiers(recency: Codes, frequency: Codes, money: Codes) -> Codes:
    often, much = frequency >= 4, money >= 4
    fits = (
        (recency >= 4) & often & much,
        often & (recency >= 3),
        much & (recency >= 3),
        recency >= 4,
        often | much,
        recency >= 1,
    )
    return np.select(fits, range(len(fits)), default=len(fits)).astype(np.int8)


EACH_SCORE = (FIFTHS + 1,) * 3  # of recency, frequency and money
TIER_OF = _tiers(*np.indices(EACH_SCORE, np.int8)).ravel()

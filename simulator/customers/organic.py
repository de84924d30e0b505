"""What customers buy of their own accord: the BG/NBD model (`purchases`) run over calendar time.

A customer buys at random at a rate L until, after each purchase with probability p, leaving for good. The
purchases after which a customer leaves and the others are two independent Poisson processes of rates L p and
L (1 - p) (thinning; Kingman, Poisson Processes, 1993, 5.1). So the time of leaving is exponential with rate
L p, until then the other purchases come at rate L (1 - p), and the last one falls on the time of leaving.
That is the same model as round after round of purchases, without the rounds.

Time passes in windows of 30 days, each with luck of its own: a longer horizon adds purchases, changes none.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenarios.schema import Purchases
from simulator.customers.purchases import Bgnbd, History, probability_active
from simulator.customers.traits import Hidden, Past, Traits, scores
from simulator.sending.network import DAY_S
from simulator.statistics import quantiles
from simulator.statistics.quantiles import Floats
from simulator.statistics.streams import Purpose, blocks, stream

WINDOW_S = 30 * DAY_S
WEEK_S = 7 * DAY_S
BEFORE = 0  # key of the time before the start; the window that begins with it has 1, and so on
SLOWEST = np.float32(1e-30)  # purchases a second; less than that never happens

Times = NDArray[np.float64]


class Span(NamedTuple):
    """A stretch of time with luck of its own."""

    key: int
    opens_s: float
    closes_s: float


class Bought(NamedTuple):
    """Purchases in no particular order, columns of equal length."""

    customer: NDArray[np.int32]
    at_s: Times
    cents: NDArray[np.int64]


NOTHING = Bought(np.empty(0, np.int32), np.empty(0), np.empty(0, np.int64))


class Buyers(NamedTuple):
    """How each customer buys, (customers,); seconds from the start; 16 bytes a customer."""

    rate_per_s: Floats  # while active; 0: never
    dropout: Floats  # probability of leaving after a purchase
    first_s: Floats  # first purchase, < 0; -infinity: never a customer
    lapsed_s: Floats  # leaves for good, with a purchase; < 0: has left before the start


class Organic(NamedTuple):
    """Purchases within [0, horizon), and who makes them."""

    customer: NDArray[np.int32]
    at_s: Times
    cents: NDArray[np.int64]
    lapsed_s: Floats  # by customer: inactive from here on; infinity: never buys
    buyers: Buyers


def organic_of(
    purchases: Purchases, traits: Traits, hidden: Hidden, seed: int, number: int, horizon_s: float
) -> Organic:
    """What customers buy of their own accord within the horizon in replication `number`.

    At the start each has been a customer for a time drawn evenly from [0, first_within_days), and some have
    left since; with `traits.past` each is taken where the own orders left them. Nobody buys if not `enabled`.
    """
    buyers = buyers_of(purchases, traits, seed, number)
    windows = [
        Span(BEFORE + 1 + window, window * WINDOW_S, (window + 1) * WINDOW_S)
        for window in range(int(np.ceil(horizon_s / WINDOW_S)))
    ]
    parts = _bought(windows, buyers, traits, hidden, (seed, number))
    return Organic(*joined(within(part, 0.0, horizon_s) for part in parts), buyers.lapsed_s, buyers)


def bgnbd_of(purchases: Purchases) -> Bgnbd:
    """The model's parameters, with the week as the unit of time."""
    return Bgnbd(purchases.r, purchases.alpha_weeks, purchases.a, purchases.b)


def buyers_of(purchases: Purchases, traits: Traits, seed: int, number: int) -> Buyers:
    """Draw how each customer buys."""
    size = traits.size
    if not purchases.enabled:
        never = np.full(size, np.inf, np.float32)
        return Buyers(np.zeros(size, np.float32), np.ones(size, np.float32), -never, never)
    buyers = Buyers._make(np.empty((4, size), np.float32))
    tables = quantiles.gamma(purchases.r)[None], quantiles.beta(purchases.a, purchases.b)[None]
    for block, rows in blocks(size):
        key = seed, number, block, rows.stop - rows.start
        drawn = (
            _anew(purchases, tables, key)
            if traits.past is None
            else _after(purchases, Past._make(column[rows] for column in traits.past), key)
        )
        for column, values in zip(buyers, drawn, strict=True):
            column[rows] = values
    return buyers


def _anew(purchases: Purchases, tables: tuple[Floats, Floats], key: tuple[int, int, int, int]) -> Buyers:
    """Customers of whom nothing is known but that they came evenly over the time before the start."""
    seed, number, block, size = key
    rate = quantiles.at(tables[0], scores(Purpose.PURCHASE_RATE, *key))
    rate /= np.float32(purchases.alpha_weeks * WEEK_S)
    dropout = quantiles.at(tables[1], scores(Purpose.DROPOUT, *key))
    first = stream(seed, number, Purpose.FIRST_PURCHASE, block).random(size, dtype=np.float32)
    first *= np.float32(-purchases.first_within_days * DAY_S)
    return Buyers(rate, dropout, first, first + _until_lapse(rate, dropout, key))


def _until_lapse(rate: Floats, dropout: Floats, key: tuple[int, int, int, int]) -> Floats:
    seed, number, block, size = key
    wait = stream(seed, number, Purpose.LAPSE, block).standard_exponential(size, dtype=np.float32)
    return np.asarray(wait / np.maximum(rate * dropout, SLOWEST))


def _after(purchases: Purchases, past: Past, key: tuple[int, int, int, int]) -> Buyers:
    """Customers whose orders are known: their exact posterior, a mixture of two.

    With x repeats, the last at t, seen until T: who is still active (`probability_active`) has a rate from
    Gamma(r + x, alpha + T) and a dropout from Beta(a, b + x); who is not, from Gamma(r + x, alpha + t) and
    Beta(a + 1, b + x - 1), and left with the last order. These are the two terms of the likelihood (equation
    3 of Fader, Hardie & Lee 2005) times the priors.
    """
    seed, number, block, size = key
    known = past.repeats >= 0
    x = np.where(known, past.repeats, 0).astype(np.float64)
    seen, latest = past.age_weeks.astype(np.float64), past.recency_weeks.astype(np.float64)
    chance = probability_active(bgnbd_of(purchases), History(x, latest, seen))
    is_active = stream(seed, number, Purpose.ACTIVE, block).random(size) < chance
    until = purchases.alpha_weeks + np.where(is_active, seen, latest)
    rate = stream(seed, number, Purpose.PURCHASE_RATE, block).standard_gamma(purchases.r + x) / (
        until * WEEK_S
    )
    dropout = stream(seed, number, Purpose.DROPOUT, block).beta(
        purchases.a + ~is_active, purchases.b + x - ~is_active
    )
    slow, leaving = np.where(known, rate, 0).astype(np.float32), dropout.astype(np.float32)
    lapse = np.where(is_active, _until_lapse(slow, leaving, key), (latest - seen) * WEEK_S)
    return Buyers(
        slow,
        leaving,
        np.where(known, -seen * WEEK_S, -np.inf).astype(np.float32),
        np.where(known, lapse, np.inf).astype(np.float32),
    )


def bought_before(buyers: Buyers, traits: Traits, hidden: Hidden, seed: int, number: int) -> Iterator[Bought]:
    """What customers of whom nothing is known bought before the start: the first purchase and all since.

    In parts of a block of customers, so that few are at hand at a time.
    """
    yield from _bought([Span(BEFORE, -np.inf, 0.0)], buyers, traits, hidden, (seed, number))
    luck = stream(seed, number, Purpose.FIRST_VALUE)
    for _, rows in blocks(traits.size):
        came = rows.start + np.flatnonzero(np.isfinite(buyers.first_s[rows]))
        yield _priced(traits, hidden, luck, came, buyers.first_s[came])


def within(bought: Bought, from_s: float, until_s: float) -> Bought:
    """The purchases from then on and before the end."""
    inside = (bought.at_s >= from_s) & (bought.at_s < until_s)
    return bought if inside.all() else Bought._make(column[inside] for column in bought)


def joined(parts: Iterable[Bought]) -> Bought:
    """All purchases of these."""
    return Bought._make(np.concatenate(columns) for columns in zip(NOTHING, *parts, strict=True))


def _bought(
    spans: list[Span], buyers: Buyers, traits: Traits, hidden: Hidden, key: tuple[int, int]
) -> Iterator[Bought]:
    """Repeat purchases in these spans of time, in parts; `key` is seed and replication."""
    for block, rows in blocks(traits.size):
        mine = Buyers._make(column[rows] for column in buyers)
        for span in spans:
            customer, at_s = _purchases(span, mine, stream(*key, Purpose.ORGANIC, block, span.key))
            value = stream(*key, Purpose.ORGANIC_VALUE, block, span.key)
            yield _priced(traits, hidden, value, rows.start + customer, at_s)


def _purchases(
    span: Span, buyers: Buyers, luck: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.floating]]:
    """Customers (from 0) and times of a block's purchases in a span."""
    opens, closes = np.float32(span.opens_s), np.float32(span.closes_s)
    begin, end = np.maximum(buyers.first_s, opens), np.minimum(buyers.lapsed_s, closes)
    begin = np.where(np.isinf(begin), end, begin)  # never a customer
    count = luck.poisson(buyers.rate_per_s * (1 - buyers.dropout) * np.maximum(end - begin, 0))
    who = np.repeat(np.arange(len(count)), count)
    since, until = begin[who].astype(np.float64), end[who].astype(np.float64)
    at_s = since + (until - since) * luck.random(len(who))
    leaving = np.flatnonzero((buyers.lapsed_s >= opens) & (buyers.lapsed_s < closes))
    return np.concatenate([who, leaving]), np.concatenate([at_s, buyers.lapsed_s[leaving]])


def _priced(
    traits: Traits,
    hidden: Hidden,
    luck: np.random.Generator,
    customer: NDArray[np.intp],
    at_s: NDArray[np.floating],
) -> Bought:
    """Purchases with their values in whole cents."""
    value = traits.order_value
    spread = np.exp(np.float32(value.within_log_sd) * luck.standard_normal(len(customer), dtype=np.float32))
    cents = np.rint(np.float32(100 * value.typical_usd) * hidden.value_scale[customer] * spread)
    return Bought(customer.astype(np.int32), at_s.astype(np.float64), cents.astype(np.int64))

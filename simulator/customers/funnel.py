"""What a customer does with a message: read, click, reply, order, leave, and when.

Effects multiply odds: a chance is o / (1 + o), o the product of a base, the customer's own pull and what acts
at the moment, so several effects together saturate and no chance leaves [0, 1]. Bases are solved so that the
population's own rate equals the parameter (`anchors_of`).

One number in [0, 1) decides each step. Given that u < p, u / p is again uniform: it gives the delay of the
step, and whether a click becomes an order. Steps that exclude each other in practice share a number, each
reading it from another point of the circle: click from 0, reply from 1/2; opt-out from 0, block from 1/3,
complaint from 2/3. Each chance is exact whatever the others are.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

Floats = NDArray[np.float32]
Times = NDArray[np.float64]
Flags = NDArray[np.bool_]
Rows = NDArray[np.intp]

CELLS = 1 << 14  # of a delay's quantile table
DIGITS = 61.0  # of a quotient u / p, those behind its first six bits: all but independent of those
REPLY_AT, BLOCK_AT, COMPLAINT_AT = 1 / 2, 2 / 3, 1 / 3  # u + this, less 1 from 1 on, is read


class Delay(NamedTuple):
    """A lognormal delay, and its quantiles at the middles of CELLS equal parts."""

    median_s: float
    log_sd: float
    table_s: Floats


class Delays(NamedTuple):
    deliver: Delay
    read: Delay
    act: Delay
    order: Delay


class Chances(NamedTuple):
    """What acts on some sends beside the customers' own pull; a row a send, or one for all.

    deliver: chance of delivery, 0 for who cannot be reached. read, click, reply, order: odds at pull 1.
    opt_out, block, complaint: odds of a reader's leaving.
    """

    deliver: Floats
    read: Floats
    click: Floats
    reply: Floats
    order: Callable[[Rows], Floats]  # of the sends at these rows
    opt_out: Floats
    block: Floats
    complaint: Floats


class Event(NamedTuple):
    """What some of the sends led to: which (ascending), and when (s from the experiment's start)."""

    rows: Rows
    at_s: Times


class Funnel(NamedTuple):
    """All that sends led to. Cells: where in their table the delays stand, for histograms."""

    delivered: Event
    delivered_cell: NDArray[np.int32]
    read: Event
    seen: Rows  # which of the delivered are read
    read_cell: NDArray[np.int32]
    clicked: Event
    bought: Rows  # which of the clicked lead to an order
    replied: Event
    ordered: Event
    order_value: Floats  # quantiles, in [0, 1)
    opted_out: Event
    blocked: Event
    complained: Event


def delay_of(median_s: float, log_sd: float) -> Delay:
    """A lognormal delay. Its table stops at the last cell's middle, four standard deviations out."""
    middle = (np.arange(CELLS) + 0.5) / CELLS
    return Delay(median_s, log_sd, lognormal(median_s, log_sd, middle).astype(np.float32))


def lognormal(median: float, log_sd: float, share: NDArray[np.floating]) -> Times:
    """Quantiles at `share`, in (0, 1)."""
    return np.asarray(median * np.exp(log_sd * ndtri(share)))


def follow(
    numbers: Callable[[str, Rows | None], Floats],
    further: Callable[[Rows], tuple[Floats, Floats]],
    sent_s: Times,
    pull: Floats,
    chances: Chances,
    delays: Delays,
) -> Funnel:
    """What follows each send (n,). `pull` (n,): the customers' own odds.

    numbers(decision, rows): in [0, 1), of the sends at these rows or of all; further(rows): two more each.
    """
    delivered, delivered_cell = _delivered(numbers("deliver", None), sent_s, chances.deliver, delays.deliver)
    at = delivered.rows
    all_arrive = len(at) == len(sent_s)
    own = pull if all_arrive else pull.take(at)
    odds = own * (chances.read if all_arrive else _at(chances.read, at))
    share = numbers("read", None if all_arrive else at)
    share *= 1 + odds
    seen = np.flatnonzero(share < odds)
    own = own.take(seen)
    read_cell = _cell(share.take(seen) / odds.take(seen))
    readers = at if len(seen) == len(at) else at.take(seen)
    read = Event(readers, delivered.at_s.take(seen) + delays.read.table_s.take(read_cell))

    u = numbers("respond", readers)
    clicks, share = _happens(u, own * _at(chances.click, readers))
    clicked = _after(read, clicks, _digits(share), delays.act)
    orders, _ = _happens(share, own.take(clicks) * chances.order(clicked.rows))
    replies, reply_share = _happens(_turned(u, REPLY_AT), own * _at(chances.reply, readers))
    u = numbers("leave", readers)
    leaves = [
        _happens(u if point == 0 else _turned(u, point), _at(odds, readers))[0]
        for point, odds in (
            (0.0, chances.opt_out),
            (BLOCK_AT, chances.block),
            (COMPLAINT_AT, chances.complaint),
        )
    ]
    rare = [clicked.rows.take(orders), *(readers.take(rows) for rows in leaves)]
    wait, value = further(np.concatenate(rare))
    ends = np.cumsum([len(rows) for rows in rare])
    opted_out, blocked, complained = (
        _after(read, rows, wait[first:last], delays.act)
        for rows, first, last in zip(leaves, ends, ends[1:], strict=False)
    )
    return Funnel(
        delivered,
        delivered_cell,
        read,
        seen,
        read_cell,
        clicked,
        orders,
        _after(read, replies, _digits(reply_share), delays.act),
        _after(clicked, orders, wait[: ends[0]], delays.order),
        value[: ends[0]],
        opted_out,
        blocked,
        complained,
    )


def _at(column: Floats, rows: Rows) -> Floats:
    """A row a send, or one for all."""
    return column if len(column) == 1 else column.take(rows)


def _delivered(u: Floats, sent_s: Times, chance: Floats, delay: Delay) -> tuple[Event, NDArray[np.int32]]:
    rows = np.flatnonzero(u < chance)
    cell = _cell(u.take(rows) / (chance if len(chance) == 1 else chance.take(rows)))
    return Event(rows, sent_s.take(rows) + delay.table_s.take(cell)), cell


def _happens(u: Floats, odds: Floats) -> tuple[Rows, Floats]:
    """Where u is below the chance of the odds, and there u over that chance."""
    share = u * (1 + odds)
    rows = np.flatnonzero(share < odds)
    return rows, share.take(rows) / (odds if len(odds) == 1 else odds.take(rows))


def _turned(u: Floats, by: float) -> Floats:
    turned = u + np.float32(by)
    return np.asarray(np.subtract(turned, turned >= 1, dtype=np.float32))


def _digits(share: Floats) -> Floats:
    spread = share * np.float32(DIGITS)
    return np.asarray(spread - np.floor(spread), np.float32)


def _cell(share: Floats) -> NDArray[np.int32]:
    """Which cell of a delay's table stands for this part of it."""
    return np.minimum((share * np.float32(CELLS)).astype(np.int32), CELLS - 1)


def _after(cause: Event, rows: Rows, share: Floats, delay: Delay) -> Event:
    """Some of the events of `cause` have a consequence, a delay later."""
    return Event(cause.rows.take(rows), cause.at_s.take(rows) + delay.table_s.take(_cell(share)))

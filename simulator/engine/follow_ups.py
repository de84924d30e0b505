"""Whose follow-up begins to wait: who clicked and does not order, or got a message and does not read it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenarios.schema.programme import FollowUp
from simulator.customers.funnel import Event, Funnel, Rows
from simulator.engine.exposures import Exposures
from simulator.sending.network import DAY_S
from simulator.sending.waves import Wave

Times = NDArray[np.float64]


class Rules(NamedTuple):
    """Columns by rule: whether it waits for a read (or else for an order), how long, and its pause."""

    for_read: NDArray[np.bool_]
    after_s: Times
    pause_s: Times


def rules_of(follow_ups: tuple[FollowUp, ...]) -> Rules:
    return Rules(
        np.array([rule.when == "unread" for rule in follow_ups], np.bool_),
        np.array([rule.after_h * 3600.0 for rule in follow_ups]),
        np.array([rule.pause_days * DAY_S for rule in follow_ups]),
    )


def begun(
    rules: Rules, exposures: Exposures, triggered_s: NDArray[np.float32], wave: Wave, happened: Funnel
) -> tuple[Event, ...]:
    """By rule, which sends set it off and when the wait is over; noted in `triggered_s` (rules, customers).

    A follow-up has no follow-up; a post that is not read has none either. A rule waits for one thing of a
    customer at a time, and for `pause_s` from one to the next.
    """
    found = []
    for number, after_s in enumerate(rules.after_s.tolist()):
        if rules.for_read[number]:
            rows, over_s = _unread(happened, after_s)
            may = exposures.is_message.take(wave.exposure.take(rows))
        else:
            rows, over_s = _unordered(happened, after_s)
            what = wave.exposure.take(rows)
            may = exposures.is_message.take(what) | exposures.is_post.take(what)
        latest_s, customer = triggered_s[number], wave.customer.take(rows)
        may &= over_s - latest_s.take(customer) >= rules.pause_s[number]
        latest_s[customer[may]] = over_s[may]
        found.append(Event(rows[may], over_s[may]))
    return tuple(found)


def _unordered(happened: Funnel, after_s: float) -> tuple[Rows, Times]:
    """Who clicked and does not order within that time, and when it is over."""
    clicked, ordered = happened.clicked, happened.ordered
    waits = np.ones(len(clicked.rows), np.bool_)
    waits[happened.bought[ordered.at_s <= clicked.at_s.take(happened.bought) + after_s]] = False
    return clicked.rows[waits], clicked.at_s[waits] + after_s


def _unread(happened: Funnel, after_s: float) -> tuple[Rows, Times]:
    """Whose message arrived and is not read within that time, and when it is over."""
    delivered, read = happened.delivered, happened.read
    waits = np.ones(len(delivered.rows), np.bool_)
    waits[happened.seen[read.at_s <= delivered.at_s.take(happened.seen) + after_s]] = False
    return delivered.rows[waits], delivered.at_s[waits] + after_s

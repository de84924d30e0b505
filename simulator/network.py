"""What the emulated network sees and does: delivery by volume, and the ban hazard of each account and day.

Pure functions on the columns of a schedule sorted by account, then time.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenarios.schema import Network

DAY_S = 86_400.0
MONTH_DAYS = 30.0
CLOCK_S = 1e-3  # the network's clock: two sends this much too close are not told apart
BROKEN_RULES = ("hourly_limit", "equal_content", "warm_up")

Times = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Schedule(NamedTuple):
    """Sends, done and planned, sorted by account, then time."""

    account: NDArray[np.int32]
    due_s: Times
    content: NDArray[np.int64]
    shared: Flags  # its text is also another customer's


class Conduct(NamedTuple):
    """What the network holds against each account on each day, arrays (accounts, days)."""

    sending: Flags
    risky: Flags
    broken: NDArray[np.int8]  # how many of BROKEN_RULES


def exceeds(account: NDArray[np.int32], due_s: Times, limit: int, window_s: float) -> Flags:
    """Which sends are above `limit` in the trailing window of their own account."""
    over = np.zeros(len(due_s), np.bool_)
    if len(due_s) > limit:
        same = account[limit:] == account[:-limit]
        over[limit:] = same & (due_s[limit:] - due_s[:-limit] < window_s - CLOCK_S)
    return over


def too_close(schedule: Schedule, gap_s: float) -> Flags:
    """Sends whose text another account sent, or sends, less than `gap_s` away."""
    close = np.zeros(len(schedule.due_s), np.bool_)
    rows = np.flatnonzero(schedule.shared)
    rows = rows[np.lexsort((schedule.due_s[rows], schedule.content[rows]))]
    before, after = rows[:-1], rows[1:]
    clash = (
        (schedule.content[before] == schedule.content[after])
        & (schedule.account[before] != schedule.account[after])
        & (schedule.due_s[after] - schedule.due_s[before] < gap_s - CLOCK_S)
    )
    close[before[clash]] = True
    close[after[clash]] = True
    return close


def conduct(network: Network, schedule: Schedule, first_send_s: Times, days: int) -> Conduct:
    """Judge a schedule.

    `first_send_s` (accounts,) is when each account first sent, or will; a send in the first `warm_up_days`
    from it is a new account's. A window that reaches back over midnight counts on the day of its last send.
    """
    account, due_s = schedule.account, schedule.due_s
    day = np.floor(due_s / DAY_S).astype(np.int64)
    inside = (day >= 0) & (day < days)
    young = due_s < first_send_s[account] + network.warm_up_days * DAY_S
    shape = (len(first_send_s), days)

    def on_day(flags: Flags) -> Flags:
        seen = np.zeros(shape, np.bool_)
        rows = flags & inside
        seen[account[rows], day[rows]] = True
        return seen

    broken = (
        on_day(exceeds(account, due_s, network.hourly_limit, 3600.0)).astype(np.int8)
        + on_day(too_close(schedule, network.equal_content_gap_s))
        + on_day(young & exceeds(account, due_s, network.warm_up_per_day, DAY_S))
    )
    return Conduct(
        sending=on_day(np.ones(len(due_s), np.bool_)),
        risky=on_day(exceeds(account, due_s, network.risky_rate_per_min, 60.0)),
        broken=broken,
    )


def hazard(network: Network, conduct: Conduct) -> Times:
    """Ban hazard of each account and day (1/day), 0 on days without a send, complaints left aside.

    base x risky_rate_hazard_ratio (C019) x broken_rule_hazard_ratio for each broken rule (C106, C107).
    """
    base = -np.log1p(-network.ban_per_30_days) / MONTH_DAYS
    factors = np.where(conduct.risky, network.risky_rate_hazard_ratio, 1.0)
    factors = factors * network.broken_rule_hazard_ratio ** conduct.broken.astype(np.float64)
    return np.where(conduct.sending, base * factors, 0.0)


def complained_of(network: Network, complaints: NDArray[np.int64], delivered: NDArray[np.int64]) -> Flags:
    """Accounts above `complaint_limit` on a day.

    One complaint alone never is: on a day with few messages it would be a high share by chance.
    """
    return (complaints >= 2) & (complaints > network.complaint_limit * delivered)


def delivery_rates(network: Network, reachable: Flags, over_limit: Flags) -> Times:
    """Chance that each send is delivered.

    Of reachable numbers a share tau fails for the moment, with
    (1 - unregistered_fraction) x (1 - tau) = delivery_rate (C158), or delivery_rate_over_limit (C159).
    """
    registered = 1 - network.unregistered_fraction
    within = network.delivery_rate / registered
    above = network.delivery_rate_over_limit / registered
    return np.where(reachable, np.where(over_limit, above, within), 0.0)

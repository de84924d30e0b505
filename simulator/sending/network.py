"""What the emulated network sees and does: delivery by volume, and the ban hazard of each account and day.

Pure functions on the columns of a schedule sorted by account, then time.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenarios.schema import Network

DAY_S = 86_400.0
BIN_S = 900.0  # by which counts over time are kept
MONTH_DAYS = 30.0
CLOCK_S = 1e-3  # the network's clock: two sends this much too close are not told apart

Times = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Schedule(NamedTuple):
    """Sends, done and planned, sorted by account, then time."""

    account: NDArray[np.int32]
    due_s: Times
    content: NDArray[np.int64]
    shared: Flags  # its text is also another customer's


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


def rule_factors(network: Network, schedule: Schedule, first_send_s: Times, today: int) -> Times:
    """By how much each account's ban hazard of today is multiplied, from what the schedule says.

    risky_rate_hazard_ratio (C019) x broken_rule_hazard_ratio for each broken rule (C106, C107). The schedule
    holds today's sends and the day's before. `first_send_s` (accounts,) is when each account first sent, or
    will; a send in the first `warm_up_days` from it is a new account's. A window that reaches back over
    midnight counts on the day of its last send.
    """
    account, due_s = schedule.account, schedule.due_s
    inside = (due_s >= today * DAY_S) & (due_s < (today + 1) * DAY_S)
    young = due_s < first_send_s[account] + network.warm_up_days * DAY_S

    def breaking(flags: Flags) -> Flags:
        seen: Flags = np.bincount(account[flags & inside], minlength=len(first_send_s)) > 0
        return seen

    broken = (
        breaking(exceeds(account, due_s, network.hourly_limit, 3600.0)).astype(np.int8)
        + breaking(exceeds(account, due_s, network.daily_limit, DAY_S))
        + breaking(too_close(schedule, network.equal_content_gap_s))
        + breaking(young & exceeds(account, due_s, network.warm_up_per_day, DAY_S))
    )
    risky = breaking(exceeds(account, due_s, network.risky_rate_per_min, 60.0))
    factors = np.where(risky, network.risky_rate_hazard_ratio, 1.0)
    return np.asarray(factors * network.broken_rule_hazard_ratio ** broken.astype(np.float64))


def above(counts: NDArray[np.int64], limit: float, delivered: NDArray[np.int64]) -> Flags:
    """Accounts of which a day's complaints, or blocks, are above a limit (fraction of delivered messages).

    One alone never is: on a day with few messages it would be a high share by chance.
    """
    return (counts >= 2) & (counts > limit * delivered)


def delivery_rates(network: Network) -> tuple[float, float]:
    """Chance that a send to a number on WhatsApp is delivered: within the hourly limit, and above.

    Of such sends a share tau fails for the moment, with (1 - unregistered_fraction) x (1 - tau) =
    delivery_rate (C158), or delivery_rate_over_limit (C159).
    """
    registered = 1 - network.unregistered_fraction
    return network.delivery_rate / registered, network.delivery_rate_over_limit / registered

"""Money as entries: when, which account, what for, why, how much. Every sum is a query on them.

All money is USD. Orders that messages brought and those that came of themselves are revenue of different
causes: only the first count in ROI, CAC and payback.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenarios.schema import Costs
from simulator.sending.network import BIN_S, DAY_S, MONTH_DAYS

NO_ACCOUNT = -1


class Kind(IntEnum):
    MESSAGE = 0
    ACCOUNT = 1
    SERVER = 2
    REPLACEMENT = 3
    REVENUE = 4
    CONTENT = 5
    LABOUR = 6


class Cause(IntEnum):
    FIRST_TRY = 0
    RETRY = 1
    RENT = 2
    BAN = 3
    ORDER = 4
    ORGANIC = 5
    POST = 6
    SHIFT = 7
    MARKETING = 8
    UTILITY = 9
    SERVICE = 10


COSTS = tuple(kind for kind in Kind if kind is not Kind.REVENUE)


class Amounts(NamedTuple):
    """Something counted as time passes, columns of equal length."""

    time_s: NDArray[np.float64]
    account: NDArray[np.int32]  # NO_ACCOUNT: of none
    amount: NDArray[np.float64]


NOTHING = Amounts(np.empty(0), np.empty(0, np.int32), np.empty(0))


class Ledger(NamedTuple):
    """One row an entry; costs and revenue are both positive, `kind` tells them apart."""

    time_s: NDArray[np.float64]  # end of the bin or day that the entry sums up
    account: NDArray[np.int32]
    kind: NDArray[np.int8]
    cause: NDArray[np.int8]
    amount_usd: NDArray[np.float64]

    def of(self, *kinds: Kind) -> "Ledger":
        """The entries of these kinds."""
        return self._rows(np.isin(self.kind, kinds))

    def because(self, cause: Cause) -> "Ledger":
        """The entries of this cause."""
        return self._rows(self.cause == cause)

    def _rows(self, rows: NDArray[np.bool_]) -> "Ledger":
        return Ledger._make(column[rows] for column in self)

    @property
    def total_usd(self) -> float:
        return float(self.amount_usd.sum())

    @property
    def costs(self) -> "Ledger":
        return self.of(*COSTS)

    @property
    def orders(self) -> "Ledger":
        """Revenue that messages brought."""
        return self.because(Cause.ORDER)

    @property
    def organic(self) -> "Ledger":
        """Revenue that came of itself."""
        return self.because(Cause.ORGANIC)


def ledger_of(
    costs: Costs,
    sends: NDArray[np.int64],
    revenue_cents: NDArray[np.int64],
    opened_s: NDArray[np.float64],
    closed_s: NDArray[np.float64],
    bought: NDArray[np.bool_],
    horizon_s: float,
    *,
    organic_cents: Amounts = NOTHING,
    posts: Amounts = NOTHING,
    agent_hours: Amounts = NOTHING,
    charged_usd: Mapping[Cause, Amounts] | None = None,
) -> Ledger:
    """All entries of one replication.

    sends (bins, 2, accounts): first tries and retries, paid whether they arrive or not, unless the platform
    charges for what it delivers: then `charged_usd` says how much, by the category of the message;
    revenue_cents (bins, accounts); an account is rented from opened_s to closed_s and was `bought` if it
    replaces a banned one. A month is 30 days; rents are posted by the day. `organic_cents`: revenue that no
    message brought; `posts`: group posts made, `agent_hours`: hours on duty, both priced here.
    """
    messages = (
        [_messages(costs, sends, cause) for cause in (Cause.FIRST_TRY, Cause.RETRY)]
        if charged_usd is None
        else [_priced(amounts, Kind.MESSAGE, cause, 1.0) for cause, amounts in charged_usd.items()]
    )
    parts = [
        *messages,
        _revenue(revenue_cents),
        _replacements(costs, opened_s, bought, horizon_s),
        _rent(costs, opened_s, closed_s, horizon_s),
        _server(costs, horizon_s),
        _priced(organic_cents, Kind.REVENUE, Cause.ORGANIC, 0.01),
        _priced(posts, Kind.CONTENT, Cause.POST, costs.post_usd),
        _priced(agent_hours, Kind.LABOUR, Cause.SHIFT, costs.agent_usd_per_h),
    ]
    return Ledger._make(np.concatenate(column) for column in zip(*parts, strict=True))


def binned(at_s: NDArray[np.float64], amount: NDArray[np.integer]) -> Amounts:
    """Sums by 15-minute bin, of no account; each stands at its bin's end."""
    sums = np.bincount((at_s / BIN_S).astype(np.int64), weights=amount)
    bins = np.flatnonzero(sums)
    ends_s = (bins + 1).astype(np.float64) * BIN_S
    return Amounts(ends_s, np.full(len(bins), NO_ACCOUNT, np.int32), sums[bins].astype(np.float64))


def amounts_of(counts: NDArray[np.int64], of_one: float) -> Amounts:
    """A table (bins, accounts) times `of_one`; each amount stands at its bin's end."""
    cell, account = np.nonzero(counts)
    ends_s = (cell + 1).astype(np.float64) * BIN_S
    return Amounts(ends_s, account.astype(np.int32), counts[cell, account].astype(np.float64) * of_one)


def by_day(amount: float, horizon_s: float) -> Amounts:
    """An amount of the whole run, posted evenly by the day."""
    begin, end = _days(horizon_s)
    shares = amount * (end - begin) / horizon_s
    return Amounts(end, np.full(len(end), NO_ACCOUNT, np.int32), shares)


def cumulative(ledger: Ledger, bins: int) -> NDArray[np.float64]:
    """Sum of the entries up to the end of each 15-minute bin."""
    cell = np.ceil(ledger.time_s / BIN_S).astype(np.int64) - 1
    return np.cumsum(np.bincount(np.clip(cell, 0, bins - 1), weights=ledger.amount_usd, minlength=bins))


def payback_days(ledger: Ledger, gross_margin: float) -> float:
    """Days until the gross profit of orders that messages brought has covered all costs so far, for good.

    For good: up to the last entry it does not fall below them again. nan if that is not reached.
    """
    gain = np.where(ledger.cause == Cause.ORDER, gross_margin, 0.0) - np.isin(ledger.kind, COSTS)
    order = np.argsort(ledger.time_s, kind="stable")
    balance = np.cumsum((gain * ledger.amount_usd)[order])
    days = ledger.time_s[order] / DAY_S
    is_last = np.append(np.diff(days) > 0, True)  # a moment's entries count together
    balance, days = balance[is_last], days[is_last]
    covered = int(np.max(np.flatnonzero(balance < 0), initial=-1)) + 1
    return float(days[covered]) if covered < len(days) else np.nan


def _entries(
    time_s: NDArray[np.floating],
    account: NDArray[np.integer],
    kind: Kind,
    cause: Cause,
    amount_usd: NDArray[np.floating],
) -> Ledger:
    size = len(time_s)
    return Ledger(
        time_s.astype(np.float64),
        account.astype(np.int32),
        np.full(size, kind, np.int8),
        np.full(size, cause, np.int8),
        amount_usd.astype(np.float64),
    )


def _priced(counted: Amounts, kind: Kind, cause: Cause, price_usd: float) -> Ledger:
    return _entries(counted.time_s, counted.account, kind, cause, counted.amount * price_usd)


def _messages(costs: Costs, sends: NDArray[np.int64], cause: Cause) -> Ledger:
    counts = sends[:, int(cause)]
    cell, account = np.nonzero(counts)
    amount = counts[cell, account] * costs.message_usd
    return _entries((cell + 1) * BIN_S, account, Kind.MESSAGE, cause, amount)


def _revenue(cents: NDArray[np.int64]) -> Ledger:
    cell, account = np.nonzero(cents)
    return _entries((cell + 1) * BIN_S, account, Kind.REVENUE, Cause.ORDER, cents[cell, account] / 100)


def _replacements(
    costs: Costs, opened_s: NDArray[np.float64], bought: NDArray[np.bool_], horizon_s: float
) -> Ledger:
    account = np.flatnonzero(bought & (opened_s < horizon_s))
    amount = np.full(len(account), costs.new_account_usd)
    return _entries(opened_s[account], account, Kind.REPLACEMENT, Cause.BAN, amount)


def _days(horizon_s: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    begin = np.arange(0.0, horizon_s, DAY_S)
    return begin, np.minimum(begin + DAY_S, horizon_s)


def _rent(
    costs: Costs, opened_s: NDArray[np.float64], closed_s: NDArray[np.float64], horizon_s: float
) -> Ledger:
    begin, end = _days(horizon_s)
    first = np.maximum(begin, opened_s[:, None])
    last = np.minimum(end, closed_s[:, None])
    account, day = np.nonzero(last > first)
    seconds = (last - first)[account, day]
    amount = seconds / (MONTH_DAYS * DAY_S) * costs.account_usd_per_month
    return _entries(last[account, day], account, Kind.ACCOUNT, Cause.RENT, amount)


def _server(costs: Costs, horizon_s: float) -> Ledger:
    begin, end = _days(horizon_s)
    amount = (end - begin) / (MONTH_DAYS * DAY_S) * costs.server_usd_per_month
    return _entries(end, np.full(len(end), NO_ACCOUNT), Kind.SERVER, Cause.RENT, amount)

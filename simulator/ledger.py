"""Money as entries: when, which account, what for, why, how much. Every sum is a query on them."""

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenarios.schema import Costs
from simulator.network import DAY_S, MONTH_DAYS
from simulator.tally import BIN_S

NO_ACCOUNT = -1


class Kind(IntEnum):
    MESSAGE = 0
    ACCOUNT = 1
    SERVER = 2
    REPLACEMENT = 3
    REVENUE = 4


class Cause(IntEnum):
    FIRST_TRY = 0
    RETRY = 1
    RENT = 2
    BAN = 3
    ORDER = 4


class Ledger(NamedTuple):
    """One row an entry; costs and revenue are both positive, `kind` tells them apart."""

    time_s: NDArray[np.float64]  # end of the bin or day that the entry sums up
    account: NDArray[np.int32]
    kind: NDArray[np.int8]
    cause: NDArray[np.int8]
    amount_usd: NDArray[np.float64]

    def total(self, *kinds: Kind) -> float:
        return float(self.amount_usd[np.isin(self.kind, kinds)].sum())

    @property
    def cost_usd(self) -> float:
        return self.total(Kind.MESSAGE, Kind.ACCOUNT, Kind.SERVER, Kind.REPLACEMENT)

    @property
    def revenue_usd(self) -> float:
        return self.total(Kind.REVENUE)


def ledger_of(
    costs: Costs,
    sends: NDArray[np.int64],
    revenue_cents: NDArray[np.int64],
    opened_s: NDArray[np.float64],
    closed_s: NDArray[np.float64],
    bought: NDArray[np.bool_],
    horizon_s: float,
) -> Ledger:
    """All entries of one replication.

    sends (bins, 2, accounts): first tries and retries, paid whether they arrive or not;
    revenue_cents (bins, accounts); an account is rented from opened_s to closed_s and was `bought` if it
    replaces a banned one. A month is 30 days; rents are posted by the day.
    """
    parts = [
        _messages(costs, sends, Cause.FIRST_TRY),
        _messages(costs, sends, Cause.RETRY),
        _revenue(revenue_cents),
        _replacements(costs, opened_s, bought, horizon_s),
        _rent(costs, opened_s, closed_s, horizon_s),
        _server(costs, horizon_s),
    ]
    return Ledger._make(np.concatenate(column) for column in zip(*parts, strict=True))


def cumulative(ledger: Ledger, bins: int, *kinds: Kind) -> NDArray[np.float64]:
    """Sum of these kinds up to the end of each 15-minute bin."""
    rows = np.isin(ledger.kind, kinds)
    cell = np.ceil(ledger.time_s[rows] / BIN_S).astype(np.int64) - 1
    return np.cumsum(np.bincount(np.clip(cell, 0, bins - 1), weights=ledger.amount_usd[rows], minlength=bins))


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

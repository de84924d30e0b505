"""Over random replications' counts: money in equals money out, by kind, by cause and over time."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from scenarios.schema import Costs
from simulator.results.ledger import Amounts, Cause, Kind, Ledger, binned, cumulative, ledger_of, payback_days
from simulator.sending.network import DAY_S

BINS, ACCOUNTS, HORIZON_S = 288, 3, 3 * DAY_S
TIMES = st.floats(0, HORIZON_S, exclude_max=True)
COUNTS = arrays(np.int64, (BINS, 2, ACCOUNTS), elements=st.integers(0, 3), fill=st.just(0))
CENTS = arrays(np.int64, (BINS, ACCOUNTS), elements=st.integers(0, 10**6), fill=st.just(0))


@st.composite
def amounts(draw: st.DrawFn) -> Amounts:
    rows = draw(st.lists(st.tuples(TIMES, st.integers(-1, ACCOUNTS - 1), st.integers(0, 100)), max_size=20))
    time_s, account, amount = np.array(rows, float).reshape(-1, 3).T
    return Amounts(time_s, account.astype(np.int32), amount)


@st.composite
def ledgers(draw: st.DrawFn) -> Ledger:
    opened = np.array(draw(st.lists(TIMES, min_size=ACCOUNTS, max_size=ACCOUNTS)))
    closed = np.where(draw(st.booleans()), opened + DAY_S, np.inf)
    return ledger_of(
        Costs(),
        draw(COUNTS),
        draw(CENTS),
        opened,
        closed,
        np.array([False, True, True]),
        HORIZON_S,
        organic_cents=draw(amounts()),
        posts=draw(amounts()),
        agent_hours=draw(amounts()),
    )


@given(ledgers())
def test_every_entry_has_one_kind_and_one_cause_and_lies_within_the_horizon(ledger: Ledger) -> None:
    total = ledger.total_usd
    assert np.isclose(sum(ledger.of(kind).total_usd for kind in Kind), total)
    assert np.isclose(sum(ledger.because(cause).total_usd for cause in Cause), total)
    parts = ledger.costs.total_usd + ledger.orders.total_usd + ledger.organic.total_usd
    assert np.isclose(parts, total)
    assert np.all(ledger.amount_usd >= 0)
    assert np.all((ledger.time_s >= 0) & (ledger.time_s <= HORIZON_S))


@given(ledgers())
def test_sums_over_time_end_at_the_whole(ledger: Ledger) -> None:
    for part in (ledger.costs, ledger.orders, ledger.organic):
        over_time = cumulative(part, BINS)
        assert np.isclose(over_time[-1], part.total_usd)
        assert np.all(np.diff(over_time) >= -1e-9)


@given(ledgers(), st.floats(0.01, 1))
def test_costs_are_paid_back_only_if_they_are_covered_in_the_end(ledger: Ledger, margin: float) -> None:
    days = payback_days(ledger, margin)
    covered = ledger.orders.total_usd * margin - ledger.costs.total_usd
    if abs(covered) > 1e-6:
        assert np.isfinite(days) == (covered > 0)
    if np.isfinite(days):
        until = ledger.time_s <= days * DAY_S + 1e-6
        gain = np.where(ledger.cause == Cause.ORDER, margin, -1.0 * (ledger.kind != Kind.REVENUE))
        assert (gain * ledger.amount_usd)[until].sum() >= -1e-6


@given(st.lists(st.tuples(TIMES, st.integers(0, 10**7)), min_size=1, max_size=50))
def test_sums_by_bin_lose_nothing(rows: list[tuple[float, int]]) -> None:
    at_s, cents = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    sums = binned(at_s, cents)
    assert sums.amount.sum() == cents.sum()
    for end_s, amount in zip(sums.time_s.tolist(), sums.amount.tolist(), strict=True):
        assert amount == cents[(at_s >= end_s - 900) & (at_s < end_s)].sum()

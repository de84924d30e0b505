import numpy as np
import pytest

from scenarios.schema import Costs
from simulator.ledger import Cause, Kind, Ledger, cumulative, ledger_of
from simulator.network import DAY_S

COSTS = Costs()
HORIZON_S = 2.5 * DAY_S
BINS = 240


def posted() -> Ledger:
    """Two accounts, the first banned after a day and replaced at day 2."""
    sends = np.zeros((BINS, 2, 3), np.int64)
    sends[0, 0, 0], sends[3, 0, 1], sends[100, 1, 1] = 10, 20, 5
    revenue_cents = np.zeros((BINS, 3), np.int64)
    revenue_cents[7, 1] = 12_345
    return ledger_of(
        COSTS,
        sends,
        revenue_cents,
        opened_s=np.array([0.0, 0.0, 2 * DAY_S]),
        closed_s=np.array([DAY_S, np.inf, np.inf]),
        bought=np.array([False, False, True]),
        horizon_s=HORIZON_S,
    )


def test_each_kind_is_priced_by_its_parameter() -> None:
    ledger = posted()
    assert ledger.total(Kind.MESSAGE) == pytest.approx(35 * COSTS.message_usd)
    assert ledger.total(Kind.ACCOUNT) == pytest.approx((1 + 2.5 + 0.5) / 30 * COSTS.account_usd_per_month)
    assert ledger.total(Kind.SERVER) == pytest.approx(2.5 / 30 * COSTS.server_usd_per_month)
    assert ledger.total(Kind.REPLACEMENT) == pytest.approx(COSTS.new_account_usd)
    assert ledger.revenue_usd == pytest.approx(123.45)


def test_costs_add_up_by_kind_and_by_cause() -> None:
    ledger = posted()
    kinds = [ledger.total(kind) for kind in Kind if kind is not Kind.REVENUE]
    assert ledger.cost_usd == pytest.approx(sum(kinds))
    causes = [ledger.amount_usd[ledger.cause == cause].sum() for cause in Cause]
    assert sum(causes) == pytest.approx(ledger.cost_usd + ledger.revenue_usd)
    assert causes[Cause.RETRY] == pytest.approx(5 * COSTS.message_usd)


def test_entries_lie_within_the_horizon() -> None:
    ledger = posted()
    assert np.all((ledger.time_s > 0) & (ledger.time_s <= HORIZON_S))
    assert set(ledger.account.tolist()) == {-1, 0, 1, 2}


def test_cumulative_ends_at_the_total_and_never_falls() -> None:
    ledger = posted()
    spent = cumulative(ledger, BINS, Kind.MESSAGE, Kind.ACCOUNT, Kind.SERVER, Kind.REPLACEMENT)
    assert spent[-1] == pytest.approx(ledger.cost_usd)
    assert np.all(np.diff(spent) >= 0)
    earned = cumulative(ledger, BINS, Kind.REVENUE)
    assert earned[6] == 0
    assert earned[7] == pytest.approx(123.45)


def test_a_replacement_beyond_the_horizon_costs_nothing() -> None:
    nothing = np.zeros((BINS, 2, 2), np.int64)
    ledger = ledger_of(
        COSTS,
        nothing,
        np.zeros((BINS, 2), np.int64),
        opened_s=np.array([0.0, 3 * DAY_S]),
        closed_s=np.array([np.inf, np.inf]),
        bought=np.array([False, True]),
        horizon_s=HORIZON_S,
    )
    assert ledger.total(Kind.REPLACEMENT) == 0
    assert 1 not in ledger.account

import numpy as np
import pytest

from scenarios.schema import Costs
from simulator.results.ledger import Amounts, Cause, Kind, Ledger, binned, cumulative, ledger_of, payback_days
from simulator.sending.network import DAY_S

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
        organic_cents=binned(np.array([10.0, 20.0, 2000.0]), np.array([100, 250, 400])),
        posts=Amounts(np.array([DAY_S]), np.array([1], np.int32), np.array([2.0])),
        agent_hours=Amounts(np.array([DAY_S, 2 * DAY_S]), np.array([-1, -1], np.int32), np.array([8.0, 6.0])),
    )


def test_each_kind_is_priced_by_its_parameter() -> None:
    ledger = posted()
    assert ledger.of(Kind.MESSAGE).total_usd == pytest.approx(35 * COSTS.message_usd)
    assert ledger.of(Kind.ACCOUNT).total_usd == pytest.approx(
        (1 + 2.5 + 0.5) / 30 * COSTS.account_usd_per_month
    )
    assert ledger.of(Kind.SERVER).total_usd == pytest.approx(2.5 / 30 * COSTS.server_usd_per_month)
    assert ledger.of(Kind.REPLACEMENT).total_usd == pytest.approx(COSTS.new_account_usd)
    assert ledger.of(Kind.CONTENT).total_usd == pytest.approx(2 * COSTS.post_usd)
    assert ledger.of(Kind.LABOUR).total_usd == pytest.approx(14 * COSTS.agent_usd_per_h)
    assert ledger.orders.total_usd == pytest.approx(123.45)


def test_revenue_of_messages_and_of_itself_are_kept_apart() -> None:
    ledger = posted()
    assert ledger.organic.total_usd == pytest.approx(7.50)
    assert ledger.organic.time_s.tolist() == [900.0, 2700.0]
    assert ledger.of(Kind.REVENUE).total_usd == pytest.approx(123.45 + 7.50)


def test_costs_add_up_by_kind_and_by_cause() -> None:
    ledger = posted()
    kinds = [ledger.of(kind).total_usd for kind in Kind if kind is not Kind.REVENUE]
    assert ledger.costs.total_usd == pytest.approx(sum(kinds))
    causes = [ledger.amount_usd[ledger.cause == cause].sum() for cause in Cause]
    assert sum(causes) == pytest.approx(
        ledger.costs.total_usd + ledger.orders.total_usd + ledger.organic.total_usd
    )
    assert causes[Cause.RETRY] == pytest.approx(5 * COSTS.message_usd)


def test_entries_lie_within_the_horizon() -> None:
    ledger = posted()
    assert np.all((ledger.time_s > 0) & (ledger.time_s <= HORIZON_S))
    assert set(ledger.account.tolist()) == {-1, 0, 1, 2}


def test_cumulative_ends_at_the_total_and_never_falls() -> None:
    ledger = posted()
    spent = cumulative(ledger.costs, BINS)
    assert spent[-1] == pytest.approx(ledger.costs.total_usd)
    assert np.all(np.diff(spent) >= 0)
    earned = cumulative(ledger.orders, BINS)
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
    assert ledger.of(Kind.REPLACEMENT).total_usd == 0
    assert 1 not in ledger.account


def balance(*entries: tuple[float, Kind, Cause, float]) -> Ledger:
    time_d, kind, cause, usd = (np.array(column) for column in zip(*entries, strict=True))
    return Ledger(
        time_d * DAY_S, np.full(len(usd), -1, np.int32), kind.astype(np.int8), cause.astype(np.int8), usd
    )


COST, ORDER = (Kind.MESSAGE, Cause.FIRST_TRY), (Kind.REVENUE, Cause.ORDER)


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([(1, *COST, 10.0), (2, *ORDER, 10.0), (3, *ORDER, 10.0)], 3.0),  # half of 20 is gross profit
        (
            [(1, *COST, 1.0), (2, *ORDER, 4.0), (3, *COST, 9.0), (4, *ORDER, 20.0)],
            4.0,
        ),  # covered, but not for good
        ([(1, *COST, 10.0), (1, *ORDER, 20.0), (2, *ORDER, 1.0)], 1.0),  # a moment's entries count together
        ([(1, *COST, 10.0), (2, *ORDER, 19.0)], np.nan),
        ([(1, *COST, 10.0), (2, Kind.REVENUE, Cause.ORGANIC, 100.0)], np.nan),
        ([(2, *ORDER, 19.0)], 2.0),
    ],
)
def test_payback_is_when_gross_profit_covers_costs_for_good(
    entries: list[tuple[float, Kind, Cause, float]], expected: float
) -> None:
    ledger = balance(*entries)
    order = np.random.default_rng(1).permutation(len(ledger.time_s))
    shuffled = Ledger._make(column[order] for column in ledger)
    assert payback_days(shuffled, 0.5) == pytest.approx(expected, nan_ok=True)

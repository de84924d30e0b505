import numpy as np
import pytest
from scipy import stats

from simulator.statistics.intervals import interval, intervals


def test_interval_is_students() -> None:
    values = np.random.default_rng(1).normal(5, 2, 12)
    low, high = stats.t.interval(0.9, 11, values.mean(), stats.sem(values))
    got = interval("orders", values.tolist(), 0.9)
    assert got is not None
    assert (got.value, got.low, got.high) == pytest.approx((values.mean(), low, high))
    assert got.unit == "orders"


def test_intervals_stay_where_a_kpi_can_be() -> None:
    rate, count = (
        interval("read_rate", [1.0, 0.5, 1.0], 0.95),
        interval("accounts_banned", [0.0, 0.0, 1.0], 0.95),
    )
    assert rate is not None
    assert count is not None
    assert (rate.high, count.low) == (1.0, 0.0)
    assert 0 < rate.low < rate.value
    assert count.value < count.high


def test_undefined_replications_do_not_count() -> None:
    got = interval("cac_usd", [1.0, np.nan, 3.0, np.inf], 0.95)
    assert got is not None
    assert got.value == 2.0


def test_a_kpi_that_is_never_defined_is_left_out() -> None:
    found = intervals([{"orders": 0.0, "cac_usd": np.nan}, {"orders": 2.0, "cac_usd": 1.0}], 0.95)
    assert list(found) == ["orders"]


def test_intervals_cover_the_truth_at_their_level() -> None:
    draws = np.random.default_rng(2).normal(3, 1, (2000, 10))
    found = [interval("orders", row.tolist(), 0.95) for row in draws]
    covered = np.mean([got is not None and got.low <= 3 <= got.high for got in found])
    assert covered == pytest.approx(0.95, abs=5 * (0.95 * 0.05 / 2000) ** 0.5)

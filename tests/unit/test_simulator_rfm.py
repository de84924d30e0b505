import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.customers.organic import Bought, joined
from simulator.customers.rfm import TIERS, looked_back_on, rfm_tiers, shares


def bought(*rows: tuple[int, float, int]) -> list[Bought]:
    """In two parts."""
    customer, at_s, cents = np.array(rows, float).reshape(-1, 3).T
    every = Bought(customer.astype(np.int32), at_s, cents.astype(np.int64))
    half = len(rows) // 2
    return [Bought._make(column[part] for column in every) for part in (slice(half), slice(half, None))]


def test_scores_are_fifths_of_the_buyers() -> None:
    found = rfm_tiers(bought(*[(row, float(row), 100 * row + 100) for row in range(10)]), 12)
    fifths = [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert found.recency.tolist() == found.money.tolist() == [*fifths, 0, 0]
    assert found.frequency.tolist() == [1] * 10 + [0, 0]  # all bought once


def test_equal_figures_get_equal_scores() -> None:
    """Seven of ten bought once: they lie above no cut; the others lie above three."""
    often = [(row, 5.0, 1) for row in (7, 8, 9)]
    found = rfm_tiers(bought(*[(row, 5.0, 1) for row in range(10)], *often), 10)
    assert found.frequency.tolist() == [1] * 7 + [4] * 3
    assert found.recency.tolist() == [1] * 10


@pytest.mark.parametrize(
    ("last", "times", "spent", "tier"),
    [
        (9, 9, 9, "champions"),
        (9, 9, 0, "regulars"),
        (5, 9, 9, "regulars"),
        (5, 0, 9, "big spenders"),
        (9, 0, 0, "recent"),
        (0, 9, 0, "at risk"),
        (0, 0, 9, "at risk"),
        (5, 0, 0, "dormant"),
        (0, 0, 0, "dormant"),
    ],
)
def test_a_buyer_is_in_the_first_tier_that_fits(last: int, times: int, spent: int, tier: str) -> None:
    """Among ten others, number k of which bought 10 + k times, last at k, for 1000 (k + 1) in all."""
    others = [
        (other, float(other) - 100 * (turn > 0), 1000 * (other + 1) if turn == 0 else 0)
        for other in range(10)
        for turn in range(10 + other)
    ]
    mine = [
        (10, last + 0.5 - 100 * (turn > 0), 1000 * spent + 500 if turn == 0 else 0)
        for turn in range(10 + times)
    ]
    assert TIERS[rfm_tiers(bought(*others, *mine), 11).tier[10]] == tier


def test_nobody_bought() -> None:
    found = shares(bought(), 3)
    assert found.customers.tolist() == [0, 0, 0, 0, 0, 0, 1]
    assert np.all(np.isnan(found.revenue))


def test_only_the_time_looked_back_on_counts() -> None:
    parts = bought((0, -5.0, 1), (1, -4.0, 2), (2, 5.9, 3), (3, 6.0, 4))
    assert joined(looked_back_on(parts, 6.0, 10.0)).cents.tolist() == [2, 3]


purchases = st.lists(
    st.tuples(st.integers(0, 30), st.integers(-50, 50), st.integers(1, 10_000)), min_size=1, max_size=200
)


@given(purchases)
def test_tiers_share_out_all_customers_and_all_revenue(rows: list[tuple[int, int, int]]) -> None:
    made = bought(*rows)
    found = shares(made, 31)
    assert found.customers.sum() == pytest.approx(1)
    assert found.revenue.sum() == pytest.approx(1)
    assert found.customers[-1] == pytest.approx(1 - len({row[0] for row in rows}) / 31)
    assert found.revenue[-1] == 0


@given(purchases, st.randoms())
def test_the_order_of_purchases_does_not_matter(rows: list[tuple[int, int, int]], luck: object) -> None:
    shuffled = list(rows)
    luck.shuffle(shuffled)  # type: ignore[attr-defined]
    for one, other in zip(rfm_tiers(bought(*rows), 31), rfm_tiers(bought(*shuffled), 31), strict=True):
        assert np.array_equal(one, other)


@given(purchases)
def test_who_buys_once_more_today_never_scores_less(rows: list[tuple[int, int, int]]) -> None:
    before, after = rfm_tiers(bought(*rows), 31), rfm_tiers(bought(*rows, (rows[0][0], 60, 5000)), 31)
    who = rows[0][0]
    for score in ("recency", "frequency", "money"):
        assert getattr(after, score)[who] >= getattr(before, score)[who]

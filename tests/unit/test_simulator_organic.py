from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from scenarios.loading import load
from scenarios.schema import Purchases
from simulator.customers.organic import (
    WEEK_S,
    Organic,
    Past,
    bgnbd_of,
    bought_before,
    buyers_of,
    joined,
    organic_of,
)
from simulator.customers.purchases import History, expected_next, expected_repeats, probability_active
from simulator.customers.traits import Hidden, Traits, hidden_of, traits_of
from simulator.sending.network import DAY_S

CDNOW = Purchases()
SIZE = 200_000
HORIZON_S = 90 * DAY_S


def people(size: int = SIZE, past: Past | None = None) -> tuple[Traits, Hidden]:
    made = traits_of(load("bulk_send").scenario, ("all",), np.zeros(size, np.int8), past)
    return made, hidden_of(made, 1, 1, 0.0)


def organic(purchases: Purchases = CDNOW, horizon_s: float = HORIZON_S, size: int = SIZE) -> Organic:
    return organic_of(purchases, *people(size), 1, 1, horizon_s)


def test_purchases_in_the_horizon_are_those_that_the_model_expects() -> None:
    """Customers of every age up to a year, each from their age to 90 days later (equation 9)."""
    parameters, ages = bgnbd_of(CDNOW), (np.arange(5000) + 0.5) / 5000 * 365 / 7
    each = expected_repeats(parameters, ages + HORIZON_S / WEEK_S) - expected_repeats(parameters, ages)
    counts = np.bincount(organic().customer, minlength=SIZE)
    assert counts.mean() == pytest.approx(each.mean(), abs=4 * counts.std() / SIZE**0.5)


def test_as_many_have_left_at_the_start_as_the_model_says() -> None:
    """1 minus the mean of exp(-rate dropout age), by quadrature over what is drawn for another replication."""
    found = organic()
    buyers = buyers_of(CDNOW, people()[0], 1, 2)
    chance = -np.expm1(buyers.rate_per_s.astype(float) * buyers.dropout * buyers.first_s)
    lapsed = found.lapsed_s < 0
    error = (np.var(chance) + np.var(lapsed)) ** 0.5 / SIZE**0.5
    assert lapsed.mean() == pytest.approx(chance.mean(), abs=4 * error)


def test_nobody_buys_after_leaving_or_outside_the_horizon() -> None:
    found = organic()
    assert np.all((found.at_s >= 0) & (found.at_s < HORIZON_S))
    assert np.all(found.at_s <= found.lapsed_s[found.customer])
    leaving = np.flatnonzero((found.lapsed_s >= 0) & (found.lapsed_s < HORIZON_S))
    last = np.full(SIZE, -1.0)
    np.maximum.at(last, found.customer, found.at_s)
    assert np.array_equal(last[leaving], found.lapsed_s[leaving])


def test_times_are_even_while_nobody_leaves() -> None:
    stays = organic(Purchases(a=1e-3, b=1000.0))
    assert stats.kstest(stays.at_s / HORIZON_S, "uniform").pvalue > 1e-3


def test_values_are_lognormal_about_the_customers_own() -> None:
    traits, hidden = people()
    found = organic_of(CDNOW, traits, hidden, 1, 1, HORIZON_S)
    value = traits.order_value
    own = np.log(found.cents / 100 / value.typical_usd / hidden.value_scale[found.customer])
    assert own.mean() == pytest.approx(0, abs=4 * own.std() / len(own) ** 0.5)
    assert own.std() == pytest.approx(value.within_log_sd, rel=0.02)


def pairs(found: Organic) -> set[tuple[int, float, int]]:
    columns = (found.customer.tolist(), found.at_s.tolist(), found.cents.tolist())
    return set(zip(*columns, strict=True))


def test_a_longer_horizon_adds_purchases_and_changes_none() -> None:
    short, long = (organic(horizon_s=days * DAY_S, size=20_000) for days in (40, 95))
    assert pairs(short) == {row for row in pairs(long) if row[1] < 40 * DAY_S}


def test_a_larger_population_begins_with_the_smaller_one() -> None:
    few, many = organic(size=1_000), organic(size=20_000)
    assert np.array_equal(few.lapsed_s, many.lapsed_s[:1_000])


def test_the_same_key_gives_the_same_purchases_and_another_gives_others() -> None:
    traits, hidden = people(20_000)
    first, again, other = (organic_of(CDNOW, traits, hidden, 1, number, HORIZON_S) for number in (1, 1, 2))
    assert pairs(first) == pairs(again)
    assert pairs(first) != pairs(other)


def test_traits_and_purchases_take_the_bytes_that_the_docs_say() -> None:
    hidden, buyers = people(10)[1], organic(size=10).buyers
    assert sum(column.itemsize for column in hidden) == 13
    assert sum(column.itemsize for column in buyers) == 16
    docs = (Path(__file__).parents[2] / "docs" / "population.md").read_text(encoding="utf-8")
    assert "| **`Hidden`**, drawn in each replication | 13 |" in docs
    assert "| **`Buyers`**, drawn in each replication | 16 |" in docs


def test_switched_off_nobody_buys() -> None:
    found = organic(Purchases(enabled=False), size=1_000)
    assert len(found.customer) == len(found.at_s) == len(found.cents) == 0
    assert np.all(np.isinf(found.lapsed_s))


def test_purchases_before_the_start_make_the_whole_history() -> None:
    """From the first purchase on, repeats until the start are those of equation 9."""
    traits, hidden = people()
    buyers = buyers_of(CDNOW, traits, 1, 1)
    bought = joined(bought_before(buyers, traits, hidden, 1, 1))
    assert np.all((bought.at_s < 0) & (bought.at_s >= buyers.first_s[bought.customer]))
    counts = np.bincount(bought.customer, minlength=SIZE) - 1
    assert counts.min() == 0
    expected = expected_repeats(bgnbd_of(CDNOW), -buyers.first_s.astype(float)[:5000] / WEEK_S).mean()
    assert counts.mean() == pytest.approx(expected, abs=4 * (counts.var() / SIZE + 0.5 / 5000) ** 0.5)


@pytest.mark.parametrize(("x", "recency", "age"), [(0, 0.0, 30.0), (1, 10.0, 30.0), (6, 28.0, 30.0)])
def test_a_known_past_leads_to_what_the_paper_expects_of_it(x: int, recency: float, age: float) -> None:
    """Share active and purchases of the next 90 days: equation 10."""
    zero = np.zeros(SIZE, np.float32)
    traits, hidden = people(past=Past(zero + x, zero + recency, zero + age, zero, zero))
    found = organic_of(CDNOW, traits, hidden, 1, 1, HORIZON_S)
    seen = History(*np.array([[x], [recency], [age]], float))
    active = float(probability_active(bgnbd_of(CDNOW), seen)[0])
    assert np.mean(found.lapsed_s > 0) == pytest.approx(
        active, abs=1e-6 + 4 * (active * (1 - active) / SIZE) ** 0.5
    )
    counts = np.bincount(found.customer, minlength=SIZE)
    expected = float(expected_next(bgnbd_of(CDNOW), seen, HORIZON_S / WEEK_S)[0])
    assert counts.mean() == pytest.approx(expected, abs=4 * counts.std() / SIZE**0.5)


def test_who_never_ordered_never_buys() -> None:
    never = np.full(1_000, -1, np.float32)
    traits, hidden = people(1_000, Past(never, never * 0, never * 0, never * 0, never * 0))
    assert len(organic_of(CDNOW, traits, hidden, 1, 1, HORIZON_S).at_s) == 0

"""BG/NBD against the CDNOW data and the figures that Fader, Hardie & Lee (2005) print for them."""

import cdnow
import numpy as np
import pytest
from cdnow import ALL_WEEKS, FITTED_WEEKS, Transactions
from numpy.typing import NDArray
from verification_table import Table

from scenarios.loading import load
from simulator.customers.organic import WEEK_S, organic_of
from simulator.customers.purchases import (
    Bgnbd,
    Purchases,
    expected_cumulative,
    expected_repeats,
    fit,
    simulate,
)
from simulator.customers.traits import hidden_of, traits_of

PUBLISHED = Bgnbd(r=0.243, alpha=4.414, a=0.793, b=2.426)
REPLICATIONS = 200
WEEK_ENDS = np.arange(1, ALL_WEEKS + 1) - 1 / 7  # the last day of each week, in weeks from the first day
PART = "Purchases: BG/NBD and CDNOW (Fader, Hardie & Lee 2005)"


@pytest.fixture(scope="module")
def bought() -> Transactions:
    return cdnow.transactions()


@pytest.fixture(scope="module")
def populations(bought: Transactions) -> list[Purchases]:
    """The same customers with simulated repeat purchases, REPLICATIONS times."""
    first = bought.first_day / 7
    return [simulate(PUBLISHED, first, ALL_WEEKS, 1, number) for number in range(1, REPLICATIONS + 1)]


@pytest.fixture(scope="module")
def totals(populations: list[Purchases]) -> NDArray[np.int64]:
    """Repeat purchases until the end of each week, (replications, weeks)."""
    edges = np.concatenate(([-1.0], WEEK_ENDS))
    return np.array([np.histogram(made.at, edges)[0].cumsum() for made in populations])


def test_the_data_are_those_of_the_paper(table: Table, bought: Transactions) -> None:
    repeats = bought.repeat_days
    table.exact(PART, "customers", 2_357, len(bought.first_day), 0, "exact")
    for weeks, count in ((FITTED_WEEKS, 2_457), (ALL_WEEKS, 4_339)):
        found = float((repeats < 7 * weeks).sum())
        table.exact(PART, f"repeat transactions by week {weeks}, data", count, found, 0, "exact")


def test_a_refit_gives_the_published_parameters(table: Table, bought: Transactions) -> None:
    found = fit(cdnow.history(bought, FITTED_WEEKS))
    for name, published in PUBLISHED._asdict().items():
        fitted = getattr(found.parameters, name)
        table.exact(PART, f"{name}: published, refitted", published, fitted, 0.0005, "printed digits")
    what = "log-likelihood: published, refitted"
    table.exact(PART, what, -9582.4, found.log_likelihood, 0.05, "printed digits")


def test_simulated_purchases_agree_with_the_expectation(
    table: Table, bought: Transactions, totals: NDArray[np.int64]
) -> None:
    expected = expected_cumulative(PUBLISHED, bought.first_day / 7, WEEK_ENDS)
    for weeks, sample in ((FITTED_WEEKS, "in sample"), (ALL_WEEKS, "out of sample")):
        what = f"repeat transactions by week {weeks}, expected and simulated, {sample}"
        table.mean(PART, what, float(expected[weeks - 1]), totals[:, weeks - 1].tolist())
    low, high = np.quantile(totals, [0.025, 0.975], axis=0)
    held = (low <= expected) & (expected <= high)
    what = "weeks whose simulated 95 % interval holds the expectation"
    table.exact(PART, what, ALL_WEEKS, float(held.sum()), 0, "all")


def test_calendar_time_agrees_with_the_expectation(table: Table) -> None:
    """`simulator.customers.organic`: customers of every age up to a year, followed for half a year more."""
    scenario, size, half_year = load("bulk_send").scenario, 20_000, 26.0
    traits = traits_of(scenario, ("all",), np.zeros(size, np.int8))
    hidden = hidden_of(traits, 1, 1, 0.0)
    counts = [
        len(organic_of(scenario.purchases, traits, hidden, 1, number, half_year * WEEK_S).at_s)
        for number in range(1, 41)
    ]
    ages = (np.arange(10_000) + 0.5) / 10_000 * scenario.purchases.first_within_days / 7
    each = expected_repeats(PUBLISHED, ages + half_year) - expected_repeats(PUBLISHED, ages)
    what = "organic purchases of 20,000 customers in 26 weeks, expected and simulated"
    table.mean(PART, what, float(size * each.mean()), counts)


def test_as_many_never_return_as_the_model_says(
    table: Table, bought: Transactions, populations: list[Purchases]
) -> None:
    first, end = bought.first_day / 7, FITTED_WEEKS - 1 / 7
    theory = float(np.mean((PUBLISHED.alpha / (PUBLISHED.alpha + end - first)) ** PUBLISHED.r))
    never = [1 - len(np.unique(made.customer[made.at < end])) / len(first) for made in populations]
    what = f"share without a repeat by week {FITTED_WEEKS}, expected and simulated (data: 0.599)"
    table.mean(PART, what, theory, never)


def test_the_distance_to_the_data_is_the_papers(
    table: Table, bought: Transactions, totals: NDArray[np.int64]
) -> None:
    first, actual = bought.first_day / 7, len(bought.repeat_days)
    expected = float(expected_cumulative(PUBLISHED, first, WEEK_ENDS[-1:])[0])
    table.exact(
        PART,
        f"model over data at week {ALL_WEEKS}, less 1: published, found",
        -0.04,
        expected / actual - 1,
        0.005,
        "printed digits",
    )
    simulated = float(totals[:, -1].mean())
    table.exact(
        PART,
        f"simulated over data at week {ALL_WEEKS}, less 1 (standard deviation of one population: "
        f"{totals[:, -1].std(ddof=1) / actual:.3f})",
        -0.04,
        simulated / actual - 1,
        0.015,
        "0.015: four standard errors and the rounding",
    )

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats
from scipy.special import roots_genlaguerre, roots_jacobi

from scenarios.errors import InputError
from simulator.customers.purchases import (
    Bgnbd,
    History,
    _log_likelihood,
    _sorted,
    expected_cumulative,
    expected_repeats,
    fit,
    log_likelihood,
    simulate,
)
from simulator.statistics.streams import BLOCK

CDNOW = Bgnbd(r=0.243, alpha=4.414, a=0.793, b=2.426)
EVEN = Bgnbd(r=2.0, alpha=3.0, a=1.5, b=2.5)  # customers much alike


def history(*rows: tuple[float, float, float]) -> History:
    return History(*np.array(rows, float).reshape(-1, 3).T)


def averaged(of_customer: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> float:
    """A customer's figure averaged over CDNOW's rates and dropout probabilities, by Gauss's quadrature."""
    r, alpha, a, b = CDNOW
    rates, rate_weights = roots_genlaguerre(100, r - 1)
    dropouts, dropout_weights = roots_jacobi(100, b - 1, a - 1)
    figures = of_customer(rates[:, None] / alpha, (1 + dropouts) / 2)
    total = rate_weights @ figures @ dropout_weights
    return float(total / (rate_weights.sum() * dropout_weights.sum()))


@pytest.mark.parametrize(("x", "recency", "age"), [(0, 0.0, 5.0), (1, 2.0, 5.0), (3, 4.5, 5.0)])
def test_likelihood_is_the_population_average_of_a_customers(x: int, recency: float, age: float) -> None:
    def of_customer(rate: np.ndarray, p: np.ndarray) -> np.ndarray:
        """Equation 3 of the paper."""
        active = (1 - p) ** x * rate**x * np.exp(-rate * age)
        gone = p * (1 - p) ** (x - 1) * rate**x * np.exp(-rate * recency) if x else 0.0 * p
        return active + gone

    expected = np.log(averaged(of_customer))
    assert log_likelihood(CDNOW, history((x, recency, age))) == pytest.approx(expected, abs=1e-5)


def test_expected_repeats_are_the_population_average() -> None:
    def of_customer(rate: np.ndarray, p: np.ndarray) -> np.ndarray:
        """Equation 7 of the paper."""
        return (1 - np.exp(-rate * p * 5.0)) / p

    assert expected_repeats(CDNOW, np.array([5.0]))[0] == pytest.approx(averaged(of_customer), rel=1e-5)


def test_expected_repeats_begin_at_zero_and_rise() -> None:
    repeats = expected_repeats(CDNOW, np.arange(0.0, 100.0))
    assert repeats[0] == 0.0
    assert np.all(np.diff(repeats) > 0)


def test_nobody_counts_before_the_first_purchase() -> None:
    first = np.array([0.0, 10.0])
    total = expected_cumulative(CDNOW, first, np.array([5.0, 20.0]))
    alone = expected_repeats(CDNOW, np.array([5.0, 20.0, 10.0]))
    assert total == pytest.approx([alone[0], alone[1] + alone[2]])


def observed(parameters: Bgnbd, size: int, horizon: float, replication: int = 1) -> History:
    bought = simulate(parameters, np.zeros(size), horizon, 3, replication)
    latest = np.zeros(size)
    np.maximum.at(latest, bought.customer, bought.at)
    return History(np.bincount(bought.customer, minlength=size).astype(float), latest, np.full(size, horizon))


def test_a_fit_finds_what_was_simulated() -> None:
    """Twice the gain in log-likelihood is chi-squared with four degrees of freedom (Wilks)."""
    seen = observed(EVEN, 4_000, 20.0)
    found = fit(seen)
    gain = found.log_likelihood - log_likelihood(EVEN, seen)
    assert 0 <= 2 * gain < stats.chi2.isf(1e-4, 4)
    assert found.parameters == pytest.approx(EVEN, rel=0.25)


def test_a_fit_does_not_depend_on_the_unit_of_time() -> None:
    seen = observed(EVEN, 1_000, 20.0)
    weeks = fit(seen).parameters
    days = fit(seen._replace(recency=seen.recency * 7, age=seen.age * 7)).parameters
    assert days == pytest.approx(weeks._replace(alpha=weeks.alpha * 7), rel=1e-3)


def test_luck_does_not_depend_on_the_horizon_or_on_who_follows() -> None:
    first = np.linspace(0.0, 10.0, BLOCK + 100)
    short, long = (simulate(CDNOW, first, horizon, 1, 1) for horizon in (20.0, 40.0))
    few = simulate(CDNOW, first[:500], 20.0, 1, 1)

    def pairs(customer: np.ndarray, at: np.ndarray) -> set[tuple[int, float]]:
        return set(zip(customer.tolist(), at.tolist(), strict=True))

    early, mine = long.at < 20.0, short.customer < 500
    assert pairs(*short) == pairs(long.customer[early], long.at[early])
    assert pairs(*few) == pairs(short.customer[mine], short.at[mine])
    assert few.at.tolist() != simulate(CDNOW, first[:500], 20.0, 1, 2).at.tolist()


def test_purchases_follow_the_first_one_and_stay_within_the_horizon() -> None:
    first = np.linspace(0.0, 10.0, BLOCK + 100)
    bought = simulate(CDNOW, first, 20.0, 1, 1)
    assert len(bought.at) == len(bought.customer) > 1000
    assert np.all(bought.at > first[bought.customer])
    assert bought.at.max() < 20.0
    assert bought.customer.max() >= BLOCK


def test_no_customers_buy_nothing() -> None:
    assert len(simulate(CDNOW, np.empty(0), 20.0, 1, 1).at) == 0


def test_the_gradient_is_the_slope_of_the_likelihood() -> None:
    seen, step = observed(EVEN, 500, 20.0), 1e-6
    _, gradient = _log_likelihood(CDNOW, _sorted(seen))
    for name, slope in zip(Bgnbd._fields, gradient.tolist(), strict=True):
        at = getattr(CDNOW, name)
        above, below = (
            log_likelihood(CDNOW._replace(**{name: at * (1 + sign * step)}), seen) for sign in (1, -1)
        )
        assert slope == pytest.approx((above - below) / (2 * step * at), rel=1e-5)


@pytest.mark.parametrize(
    ("seen", "text"),
    [
        (history(), "not empty"),
        (history((1, 2, 5), (1.5, 2, 5)), "row 1 has frequency 1.5"),
        (history((1, 6, 5)), "row 0"),
        (history((0, 1, 5)), "row 0"),
        (history((1, 0, 0)), "row 0"),
        (history((float("nan"), 1, 5)), "row 0"),
        (history((0, 0, 5), (0, 0, 6)), "no customer bought again"),
        (
            history(*[(5, 4.9, 5)] * 50),
            r"no maximum on these customers \(they buy at rates too much alike and nobody seems to stop buying\)",
        ),
        (history(*[(5, 4.9, 5)] * 25, *[(0, 0, 5)] * 25), r"\(nobody seems to stop buying\)"),
    ],
)
def test_a_history_that_cannot_be_fitted_is_named(seen: History, text: str) -> None:
    with pytest.raises(InputError, match=text):
        fit(seen)

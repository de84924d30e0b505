import numpy as np
import pytest
from scipy import stats

from simulator.statistics import quantiles
from simulator.statistics.quantiles import Floats


def moments(table: Floats) -> tuple[float, float]:
    """Mean and variance of the line between nodes by the midpoint rule over scores: without chance."""
    step = 2 * quantiles.REACH / 50_000
    score = -quantiles.REACH + step * (np.arange(50_000) + 0.5)
    density = step * stats.norm.pdf(score)
    values = quantiles.at(table[None], score.astype(np.float32)).astype(np.float64)
    mean = float(density @ values)
    return mean, float(density @ (values - mean) ** 2)


@pytest.mark.parametrize("shape", [0.05, 0.243, 1.0, 2.5, 40.0])
def test_a_gamma_table_has_the_moments_of_gamma(shape: float) -> None:
    assert moments(quantiles.gamma(shape)) == pytest.approx((shape, shape), rel=2e-4)


@pytest.mark.parametrize(("a", "b"), [(2.0, 2.0), (0.5, 3.0), (0.793, 2.426), (30.0, 5.0)])
def test_a_beta_table_has_the_moments_of_beta(a: float, b: float) -> None:
    expected = stats.beta(a, b).stats("mv")
    assert moments(quantiles.beta(a, b)) == pytest.approx([float(x) for x in expected], rel=2e-4)


@pytest.mark.parametrize("score", [-3.999, -1.2345, 0.5011, 3.0003, 4.9, 5.501])
def test_tails_are_those_of_the_distribution(score: float) -> None:
    """Once in two, once in two million: within 1e-3."""
    found = quantiles.at(quantiles.gamma(0.243)[None], np.array([score], np.float32))[0]
    assert found == pytest.approx(stats.gamma(0.243).isf(stats.norm.sf(score)), rel=1e-3)
    share = quantiles.at(quantiles.beta(2.0, 3.0)[None], np.array([score], np.float32))[0]
    assert share == pytest.approx(stats.beta(2.0, 3.0).isf(stats.norm.sf(score)), rel=1e-3)


def test_scores_beyond_the_table_take_its_ends() -> None:
    table = quantiles.beta(2.0, 2.0)[None]
    assert quantiles.at(table, np.array([-20, 20], np.float32)).tolist() == [table[0, 0], table[0, -1]]


def test_each_score_may_have_a_table_of_its_own() -> None:
    tables = np.stack([quantiles.beta(2.0, 2.0), quantiles.beta(20.0, 2.0)])
    score = np.zeros(2, np.float32)
    found = quantiles.at(tables, score, np.array([0, 1], np.int8))
    assert found == pytest.approx([0.5, stats.beta(20, 2).median()], rel=1e-5)

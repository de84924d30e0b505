import numpy as np
import pytest

from scenarios.loading import load
from simulator.customers.traits import Traits, engagement_cells, hidden_of, order_value_of, traits_of

SIZE = 200_000


def traits(*settings: str, segments: tuple[str, ...] = ("all",)) -> Traits:
    scenario = load("bulk_send", settings).scenario
    return traits_of(scenario, segments, (np.arange(SIZE) % len(segments)).astype(np.int8))


@pytest.mark.parametrize(("a", "b"), [(2.0, 2.0), (0.5, 3.0), (30.0, 5.0)])
@pytest.mark.parametrize("trait", ["engagement", "price_sensitivity"])
def test_a_trait_has_the_moments_of_its_beta(trait: str, a: float, b: float) -> None:
    made = traits(f"population.{trait}_a={a}", f"population.{trait}_b={b}")
    drawn = getattr(hidden_of(made, 1, 1, 0.0), trait)
    mean, variance = a / (a + b), a * b / ((a + b) ** 2 * (a + b + 1))
    assert np.mean(drawn) == pytest.approx(mean, abs=5 * (variance / SIZE) ** 0.5)
    assert np.var(drawn) == pytest.approx(variance, rel=0.03)


def test_unregistered_share_is_the_parameter() -> None:
    hidden = hidden_of(traits(), 1, 1, 0.025)
    error = (0.025 * 0.975 / SIZE) ** 0.5
    assert np.mean(~hidden.registered) == pytest.approx(0.025, abs=5 * error)


def test_value_scales_have_mean_1_and_the_spread_between_customers() -> None:
    made = traits()
    scale = hidden_of(made, 1, 1, 0.0).value_scale
    assert np.mean(scale) == pytest.approx(1, abs=5 * float(np.std(scale)) / SIZE**0.5)
    assert np.std(np.log(scale)) == pytest.approx(0.6 * 0.47, rel=0.01)


def test_spreads_between_and_within_customers_add_up_and_keep_the_median() -> None:
    people = load("bulk_send").scenario.population
    value = order_value_of(people)
    assert value.between_log_sd**2 + value.within_log_sd**2 == pytest.approx(people.order_value_log_sd**2)
    median = value.typical_usd * np.exp(-(value.between_log_sd**2) / 2)
    assert median == pytest.approx(people.order_value_median_usd)


def test_a_segment_has_traits_of_its_own_and_the_rest_of_the_population() -> None:
    stated = (
        'population.segments=[{name="vip", engagement_a=6.0, order_value_ratio=2.0}, '
        '{name="new", price_sensitivity_b=6.0}]'
    )
    hidden = hidden_of(traits(stated, segments=("vip", "new")), 1, 1, 0.0)
    vip, new = slice(0, None, 2), slice(1, None, 2)
    assert np.mean(hidden.engagement[vip]) == pytest.approx(0.75, abs=0.003)
    assert np.mean(hidden.engagement[new]) == pytest.approx(0.5, abs=0.003)
    assert np.mean(hidden.price_sensitivity[vip]) == pytest.approx(0.5, abs=0.003)
    assert np.mean(hidden.price_sensitivity[new]) == pytest.approx(0.25, abs=0.003)
    assert np.mean(hidden.value_scale[vip]) == pytest.approx(2.0, rel=0.01)
    assert np.mean(hidden.value_scale[new]) == pytest.approx(1.0, rel=0.01)


def test_cells_average_over_the_segments_as_the_customers_do() -> None:
    stated = 'population.segments=[{name="vip", engagement_a=6.0}, {name="new"}, {name="old"}]'
    values, weights = engagement_cells(traits(stated, segments=("vip", "new", "old")))
    assert weights.sum() == pytest.approx(1)
    assert weights @ values == pytest.approx((0.75 + 0.5 + 0.5) / 3, abs=1e-5)


def test_a_change_of_shape_keeps_every_rank_and_every_other_trait() -> None:
    before, after = (
        hidden_of(made, 1, 1, 0.02) for made in (traits(), traits("population.engagement_a=5.0"))
    )
    assert np.all(np.diff(after.engagement[np.argsort(before.engagement)]) >= 0)
    assert np.array_equal(before.price_sensitivity, after.price_sensitivity)
    assert np.array_equal(before.value_scale, after.value_scale)
    assert np.array_equal(before.registered, after.registered)


def test_a_smaller_population_has_the_traits_of_the_first_customers() -> None:
    made = traits()
    few = hidden_of(made._replace(segment=made.segment[:20_000]), 1, 1, 0.02)
    for small, large in zip(few, hidden_of(made, 1, 1, 0.02), strict=True):
        assert np.array_equal(small, large[:20_000])


def test_replications_have_other_customers() -> None:
    first, second = (hidden_of(traits(), 1, number, 0.5) for number in (1, 2))
    for one, other in zip(first, second, strict=True):
        assert not np.array_equal(one, other)

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit

from scenarios.loading import load
from scenarios.schema import Scenario
from simulator.funnel import DELAY, DELAYS, Outcomes, anchors_of, luck_of, outcomes, read_log_odds
from simulator.population import engagement_table
from simulator.streams import BLOCK
from simulator.traits import hidden_of, traits_of

SENDS = 20 * BLOCK


def scenario_of(*settings: str) -> Scenario:
    return load("bulk_send", settings).scenario


def engagement_of(scenario: Scenario) -> NDArray[np.float32]:
    traits = traits_of(scenario, ("all",), np.zeros(SENDS, np.int8))
    return hidden_of(traits, 1, 1, 0.0).engagement


def drawn(scenario: Scenario, age_months: float = 1.0) -> Outcomes:
    """SENDS messages to as many customers at time 0, every one delivered."""
    anchors = anchors_of(scenario)
    luck = [luck_of(1, 1, block, 0) for block in range(SENDS // BLOCK)]
    return outcomes(
        scenario,
        anchors,
        np.concatenate([part.uniform for part in luck], axis=1),
        np.concatenate([part.normal for part in luck], axis=1),
        np.zeros(SENDS),
        np.ones(SENDS),
        read_log_odds(anchors, np.full(SENDS, age_months)),
        engagement_of(scenario),
    )


def happened(times_s: NDArray[np.float64]) -> int:
    return int(np.count_nonzero(times_s < np.inf))


def assert_share(part: int, whole: int, expected: float) -> None:
    """Within five standard errors of a binomial share."""
    assert part / whole == pytest.approx(expected, abs=5 * (expected * (1 - expected) / whole) ** 0.5)


@pytest.mark.parametrize(
    "settings",
    [
        (),
        ("population.engagement_log_odds=0",),
        ("population.engagement_log_odds=3", "population.engagement_a=0.7", "population.engagement_b=2"),
    ],
)
def test_rates_reproduce_their_parameters_whatever_the_engagement(settings: tuple[str, ...]) -> None:
    scenario = scenario_of(*settings)
    funnel, seen = scenario.funnel, drawn(scenario)
    read, clicked = happened(seen.read_s), happened(seen.clicked_s)
    assert happened(seen.delivered_s) == SENDS
    assert_share(read, SENDS, funnel.read)
    assert_share(clicked, read, funnel.click)
    assert_share(happened(seen.replied_s), read, funnel.reply)
    assert_share(happened(seen.ordered_s), clicked, funnel.order)
    assert_share(happened(seen.opted_out_s), read, funnel.opt_out)
    assert_share(happened(seen.blocked_s), read, funnel.block)
    assert_share(happened(seen.complained_s), read, funnel.complaint)


@pytest.mark.parametrize(("age_months", "expected"), [(0, 0.85), (6, 0.85), (12, 0.62), (30, 0.62)])
def test_read_rate_falls_with_the_accounts_age(age_months: float, expected: float) -> None:
    assert_share(happened(drawn(scenario_of(), age_months).read_s), SENDS, expected)  # C140, C141, C142


def test_read_log_odds_fall_in_a_line_between_six_and_twelve_months() -> None:
    anchors = anchors_of(scenario_of())
    six, nine, twelve = read_log_odds(anchors, np.array([6.0, 9.0, 12.0]))
    assert nine == pytest.approx((six + twelve) / 2)


def test_the_engaged_click_more() -> None:
    scenario = scenario_of()
    engagement = engagement_of(scenario)
    clicked = drawn(scenario).clicked_s < np.inf
    assert clicked[engagement > 0.7].mean() > 1.5 * clicked[engagement < 0.3].mean()


def test_delays_are_lognormal_around_their_medians() -> None:
    scenario = scenario_of()
    seen = drawn(scenario)
    read = seen.read_s < np.inf
    for delays, median, log_sd in (
        (seen.delivered_s, scenario.network.delivery_delay_median_s, scenario.network.delivery_delay_log_sd),
        (
            (seen.read_s[read] - seen.delivered_s[read]),
            scenario.funnel.read_delay_median_s,
            scenario.funnel.read_delay_log_sd,
        ),
    ):
        logs = np.log(delays)
        error = log_sd / len(logs) ** 0.5
        assert logs.mean() == pytest.approx(np.log(median), abs=5 * error)
        assert logs.std() == pytest.approx(log_sd, abs=5 * error)


def test_order_values_are_whole_cents_with_the_lognormal_mean() -> None:
    scenario = scenario_of("funnel.click=0.9", "funnel.order=0.9")
    people, seen = scenario.population, drawn(scenario)
    cents = seen.order_cents[seen.ordered_s < np.inf]
    mean = people.order_value_median_usd * np.exp(people.order_value_log_sd**2 / 2)
    error = mean * np.sqrt(np.expm1(people.order_value_log_sd**2) / len(cents))
    assert cents.mean() / 100 == pytest.approx(mean, abs=5 * error)
    assert not seen.order_cents[np.isinf(seen.ordered_s)].any()


def test_each_step_follows_its_cause() -> None:
    seen = drawn(scenario_of())
    for later, earlier in (
        (seen.read_s, seen.delivered_s),
        (seen.clicked_s, seen.read_s),
        (seen.replied_s, seen.read_s),
        (seen.ordered_s, seen.clicked_s),
        (seen.opted_out_s, seen.read_s),
        (seen.blocked_s, seen.read_s),
        (seen.complained_s, seen.read_s),
    ):
        rows = later < np.inf
        assert rows.any()
        assert np.all(later[rows] > earlier[rows])


def test_nothing_follows_a_message_that_was_not_delivered() -> None:
    scenario = scenario_of()
    anchors = anchors_of(scenario)
    luck = luck_of(1, 1, 0, 0)
    seen = outcomes(
        scenario,
        anchors,
        luck.uniform,
        luck.normal,
        np.zeros(BLOCK),
        np.zeros(BLOCK),
        read_log_odds(anchors, np.zeros(BLOCK)),
        np.full(BLOCK, 0.5, np.float32),
    )
    times = [column for name, column in seen._asdict().items() if name.endswith("_s")]
    assert len(times) == 8
    assert all(np.isinf(column).all() for column in times)
    assert not seen.order_cents.any()


def test_a_change_of_click_leaves_delivery_and_read_to_the_bit() -> None:
    base, variant = drawn(scenario_of()), drawn(scenario_of("funnel.click=0.2"))
    assert np.array_equal(base.delivered_s, variant.delivered_s)
    assert np.array_equal(base.read_s, variant.read_s)
    # who clicked at 0.099 clicks at 0.2 too, at the same moment: the same luck
    clicked = base.clicked_s < np.inf
    assert np.array_equal(base.clicked_s[clicked], variant.clicked_s[clicked])
    assert happened(variant.clicked_s) > happened(base.clicked_s)


def test_intercepts_solve_the_population_mean() -> None:
    scenario = scenario_of("population.engagement_log_odds=2.5")
    anchors = anchors_of(scenario)
    table = engagement_table(2, 2)
    shift = anchors.slope * (table[:-1] + table[1:] - 1)
    assert expit(anchors.read + shift).mean() == pytest.approx(scenario.funnel.read, abs=1e-9)


def test_luck_is_drawn_whole() -> None:
    luck = luck_of(1, 1, 0, 0)
    assert luck.normal.shape == (len(DELAYS), BLOCK)
    assert set(DELAY.values()) == set(range(len(DELAYS)))

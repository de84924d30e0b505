import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit

from scenarios.loading import load
from scenarios.schema import Scenario
from simulator.customers.anchors import anchors_of, attention, order_given_click
from simulator.customers.funnel import Chances, Funnel, follow
from simulator.customers.traits import engagement_cells, hidden_of, traits_of
from simulator.engine.luck import Further, Messages, Numbers
from simulator.world import delays_of

SENDS = 300_000
CUSTOMERS = np.arange(SENDS, dtype=np.int32)
MESSAGES = Messages(np.zeros(SENDS, np.uint64), CUSTOMERS, np.zeros(SENDS, np.int32))


def scenario_of(*settings: str) -> Scenario:
    return load("bulk_send", settings).scenario


def one(value: float) -> NDArray[np.float32]:
    return np.full(1, value, np.float32)


def odds(chance: float) -> NDArray[np.float32]:
    return one(chance / (1 - chance))


def drawn(scenario: Scenario, deliver: float = 1.0, read: str = "read", times: float = 1.0) -> Funnel:
    """SENDS messages to as many customers at time 0, in average hours; `times`: odds of all but a read."""
    traits = traits_of(scenario, ("all",), np.zeros(SENDS, np.int8))
    anchors = anchors_of(scenario, *engagement_cells(traits))
    engagement = hidden_of(traits, 1, 1, 0.0).engagement
    table = attention(scenario.funnel)[:, 8:22].ravel()
    hours = table[CUSTOMERS % len(table)]
    funnel = scenario.funnel
    return follow(
        Numbers(1, 1, MESSAGES),
        Further(1, 1, MESSAGES),
        np.zeros(SENDS),
        np.exp(anchors.slope * (2 * engagement - 1)).astype(np.float32),
        Chances(
            deliver=one(deliver),
            read=(np.exp(getattr(anchors, read)) * hours).astype(np.float32),
            click=one(np.exp(anchors.click)) * np.float32(times),
            reply=one(np.exp(anchors.reply)),
            order=lambda rows: np.full(len(rows), np.exp(anchors.order), np.float32),
            opt_out=odds(funnel.opt_out),
            block=odds(funnel.block),
            complaint=odds(funnel.complaint),
        ),
        delays_of(scenario),
    )


def assert_share(part: int, whole: int, expected: float) -> None:
    """Within five standard errors of a binomial share."""
    assert part / whole == pytest.approx(expected, abs=5 * (expected * (1 - expected) / whole) ** 0.5)


@pytest.mark.parametrize("rate", [1e-12, 0.999999, 1 - 1e-9, 1 - 1e-12])
def test_a_base_is_found_for_all_but_certain_and_impossible_acts(rate: float) -> None:
    scenario = scenario_of(f"funnel.order={rate}", "population.engagement_log_odds=0")
    traits = traits_of(scenario, ("all",), np.zeros(1000, np.int8))
    order = anchors_of(scenario, *engagement_cells(traits)).order
    assert expit(-order) == pytest.approx(1 - rate, rel=1e-4)


@pytest.mark.parametrize(
    "settings",
    [
        (),
        ("population.engagement_log_odds=0",),
        ("population.engagement_log_odds=3", "population.engagement_a=0.7", "population.engagement_b=2"),
        ("funnel.opt_out=0.5", "funnel.block=0.6", "funnel.complaint=0.7", "funnel.reply=0.8"),
    ],
)
def test_rates_reproduce_their_parameters_whatever_the_engagement(settings: tuple[str, ...]) -> None:
    scenario = scenario_of(*settings)
    funnel, seen = scenario.funnel, drawn(scenario)
    read, clicked = len(seen.read.rows), len(seen.clicked.rows)
    assert len(seen.delivered.rows) == SENDS
    assert_share(read, SENDS, funnel.read)
    assert_share(clicked, read, funnel.click)
    assert_share(len(seen.replied.rows), read, funnel.reply)
    assert_share(len(seen.ordered.rows), clicked, funnel.order)
    assert_share(len(seen.opted_out.rows), read, funnel.opt_out)
    assert_share(len(seen.blocked.rows), read, funnel.block)
    assert_share(len(seen.complained.rows), read, funnel.complaint)


def test_an_old_account_is_read_less() -> None:
    assert_share(len(drawn(scenario_of(), read="read_old").read.rows), SENDS, 0.62)  # C142


def test_only_the_share_that_arrives_is_read() -> None:
    seen = drawn(scenario_of(), deliver=0.3)
    assert_share(len(seen.delivered.rows), SENDS, 0.3)
    assert np.isin(seen.read.rows, seen.delivered.rows).all()
    assert np.array_equal(seen.delivered.rows[seen.seen], seen.read.rows)


def test_nothing_follows_a_message_that_was_not_delivered() -> None:
    seen = drawn(scenario_of(), deliver=0.0)
    for name in ("delivered", "read", "clicked", "replied", "ordered", "opted_out", "blocked", "complained"):
        assert not len(getattr(seen, name).rows)


def test_delays_are_lognormal_around_their_medians() -> None:
    scenario, seen = scenario_of(), drawn(scenario_of())
    network, funnel = scenario.network, scenario.funnel
    delivered_s = np.zeros(SENDS)
    delivered_s[seen.delivered.rows] = seen.delivered.at_s
    for delays, median, log_sd in (
        (seen.delivered.at_s, network.delivery_delay_median_s, network.delivery_delay_log_sd),
        (
            seen.read.at_s - delivered_s[seen.read.rows],
            funnel.read_delay_median_s,
            funnel.read_delay_log_sd,
        ),
        (
            seen.ordered.at_s - seen.clicked.at_s[seen.bought],
            funnel.order_delay_median_s,
            funnel.delay_log_sd,
        ),
    ):
        logs = np.log(delays)
        error = log_sd / len(logs) ** 0.5
        assert logs.mean() == pytest.approx(np.log(median), abs=5 * error)
        assert logs.std() == pytest.approx(log_sd, abs=5 * error)


def test_a_click_says_nothing_of_its_own_delay() -> None:
    """Delay and order come from the same number as the click, and must not depend on each other."""
    seen = drawn(scenario_of("funnel.click=0.5", "funnel.order=0.5"))
    read_s = dict(zip(seen.read.rows.tolist(), seen.read.at_s.tolist(), strict=True))
    delay = np.log(seen.clicked.at_s - np.array([read_s[row] for row in seen.clicked.rows.tolist()]))
    bought = np.zeros(len(delay), np.bool_)
    bought[seen.bought] = True
    error = delay.std() * (1 / bought.sum() + 1 / (~bought).sum()) ** 0.5
    assert delay[bought].mean() == pytest.approx(delay[~bought].mean(), abs=5 * error)


def test_each_step_follows_its_cause() -> None:
    seen = drawn(scenario_of())
    at = {}
    for name in ("delivered", "read", "clicked", "replied", "ordered", "opted_out", "blocked", "complained"):
        event, at[name] = getattr(seen, name), np.full(SENDS, np.inf)
        at[name][event.rows] = event.at_s
    for later, earlier in (
        ("read", "delivered"),
        ("clicked", "read"),
        ("replied", "read"),
        ("ordered", "clicked"),
        ("opted_out", "read"),
        ("blocked", "read"),
        ("complained", "read"),
    ):
        rows = at[later] < np.inf
        assert rows.any()
        assert np.all(at[later][rows] > at[earlier][rows])


def test_a_change_of_click_leaves_delivery_and_read_to_the_bit() -> None:
    base, variant = drawn(scenario_of()), drawn(scenario_of(), times=3.0)
    for name in ("delivered", "read", "replied", "opted_out", "blocked", "complained"):
        for one_column, other in zip(getattr(base, name), getattr(variant, name), strict=True):
            assert np.array_equal(one_column, other)
    # who clicked at the lower odds clicks at the higher, too: the same luck
    assert np.isin(base.clicked.rows, variant.clicked.rows).all()
    assert len(variant.clicked.rows) > len(base.clicked.rows)


def test_bases_solve_the_population_mean() -> None:
    scenario = scenario_of("population.engagement_log_odds=2.5")
    values, share = engagement_cells(traits_of(scenario, ("all",), np.zeros(1, np.int8)))
    anchors = anchors_of(scenario, values, share)
    levels = np.log(attention(scenario.funnel)[:, 8:22]).ravel()
    chance = expit(anchors.read + anchors.slope * (2 * values - 1) + levels[:, None])
    assert (chance.mean(axis=0) * share).sum() == pytest.approx(scenario.funnel.read, abs=1e-6)


def test_attention_is_one_on_the_mean_of_daytime() -> None:
    assert np.log(attention(scenario_of().funnel)[:, 8:22]).mean() == pytest.approx(0, abs=1e-12)


def test_a_month_of_daily_posts_converts_what_the_kind_says() -> None:
    order = order_given_click(0.22, 0.78, 0.099)
    assert 1 - (1 - 0.099 * order) ** (30 * 0.78) == pytest.approx(0.22)
    assert order_given_click(0.9, 0.1, 0.01) == 0.95

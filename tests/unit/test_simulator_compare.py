"""Pairs under common random numbers; intervals and verdicts of their differences."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from scenarios import comparison
from scenarios.comparison import Comparison
from scenarios.loading import load
from scenarios.variants import variants_of
from simulator.compare import bonferroni, compare, difference, differences
from simulator.results.summary import KPIS, simulate_once
from simulator.world import world_of

SMALL = ["population.size=400", "experiment.replications=4"]


def compared(*stated: str, workers: int = 1, settings: tuple[str, ...] = ()) -> Comparison:
    own = [*SMALL, *settings]
    base = load("bulk_send", own)
    return compare(base, variants_of(base, stated, [], own), workers=workers)


@pytest.fixture(scope="module")
def several() -> Comparison:
    return compared("same:pacing.rate_per_min=12", "fast:pacing.rate_per_min=25", "click:funnel.click=0.15")


def test_the_same_variant_differs_by_exactly_0(several: Comparison) -> None:
    same = several.variants["same"]
    assert same.kpis == several.base
    assert set(same.differences) == set(several.base) == set(KPIS)
    for each in same.differences.values():
        assert (each.value, each.low, each.high, each.distinguishable) == (0, 0, 0, False)


def test_every_kpi_has_a_difference_and_every_figure_is_finite(several: Comparison) -> None:
    """In the document too: a figure that is not finite would become null there."""
    for variant in several.variants.values():
        assert set(variant.differences) == set(variant.kpis) == set(KPIS)
        figures = [(each.value, each.low, each.high) for each in variant.differences.values()]
        assert np.isfinite(figures).all()
    assert b"null" not in comparison.encode(several)


def test_a_variant_moves_what_it_changes_and_nothing_before_it(several: Comparison) -> None:
    changes = several.variants["click"].differences
    assert changes["messages_clicked"].value > 0
    assert (
        changes["messages_delivered"].value
        == changes["messages_read"].value
        == changes["cost_usd"].value
        == 0
    )
    fast = several.variants["fast"].differences
    assert fast["account_ban_rate"].distinguishable
    assert fast["send_duration_s"].high < 0
    assert fast["orders"].value == 0


def test_a_difference_is_that_of_the_means(several: Comparison) -> None:
    for variant in several.variants.values():
        for name in ("messages_clicked", "orders", "send_duration_s", "account_ban_rate"):
            expected = variant.kpis[name].value - several.base[name].value
            assert variant.differences[name].value == pytest.approx(expected, abs=1e-9)


def test_the_document_says_what_was_run(several: Comparison) -> None:
    assert (several.kind, several.scenario, several.seed, several.replications) == (
        "comparison",
        "bulk_send",
        1,
        4,
    )
    assert (several.family, several.confidence) == (3, 0.95)
    assert several.adjusted_confidence == pytest.approx(1 - 0.05 / 3)
    assert several.variants["fast"].settings == ["pacing.rate_per_min=25"]
    assert several.provenance["population.size"].source == "--set on the command line"


def test_the_same_bytes_with_one_worker_and_two(several: Comparison) -> None:
    stated = ("same:pacing.rate_per_min=12", "fast:pacing.rate_per_min=25", "click:funnel.click=0.15")
    assert comparison.encode(compared(*stated, workers=2)) == comparison.encode(several)


def test_more_variants_widen_each_interval(several: Comparison) -> None:
    alone = compared("click:funnel.click=0.15").variants["click"].differences["messages_clicked"]
    among = several.variants["click"].differences["messages_clicked"]
    assert alone.value == among.value
    ratio = stats.t.ppf(1 - 0.05 / 6, 3) / stats.t.ppf(0.975, 3)
    assert (among.high - among.low) / (alone.high - alone.low) == pytest.approx(ratio)


def test_progress_is_told_after_each_run() -> None:
    base = load("bulk_send", ["population.size=20", "experiment.replications=2"])
    own = variants_of(
        base, ["fast:pacing.rate_per_min=25"], [], ["population.size=20", "experiment.replications=2"]
    )
    told: list[tuple[int, int]] = []
    compare(base, own, progress=lambda done, total: told.append((done, total)))
    assert told == [(n, 4) for n in (1, 2, 3, 4)]


def test_common_random_numbers_cut_the_variance_of_a_click_lift_tenfold() -> None:
    """10 % more clicks: with common luck only the customers between the two rates differ."""
    size, runs = ["population.size=400", "accounts.count=2", "experiment.horizon_days=3"], 50
    base = world_of(load("bulk_send", size))
    lifted = world_of(load("bulk_send", [*size, "funnel.click=0.1089"]))
    other = world_of(load("bulk_send", [*size, "funnel.click=0.1089", "experiment.seed=2"]))
    assert lifted.scenario.funnel.click == pytest.approx(1.1 * base.scenario.funnel.click)
    rows = [[simulate_once(world, n).kpis for n in range(1, runs + 1)] for world in (base, lifted, other)]
    for kpi in ("messages_clicked", "orders"):
        old, common, independent = (np.array([row[kpi] for row in world]) for world in rows)
        ratio = np.var(independent - old, ddof=1) / np.var(common - old, ddof=1)
        print(f"{kpi}: variance of the difference {ratio:.1f} times smaller")
        assert ratio >= 10


# ---------------------------------------------------------------- intervals and verdicts

Draw = Callable[[np.random.Generator, int], NDArray[np.float64]]


def funnel_pairs(rng: np.random.Generator, size: int) -> NDArray[np.float64]:
    """Orders among 500 customers at 10 % and 13 % under common uniforms: truth 15."""
    luck = rng.random((size, 500))
    return np.stack([(luck < 0.10).sum(axis=1), (luck < 0.13).sum(axis=1)]).astype(float)


def normal_pairs(rng: np.random.Generator, size: int) -> NDArray[np.float64]:
    common = rng.normal(100, 10, size)
    return np.stack([common, common + rng.normal(15, 4, size)])


def skewed_pairs(rng: np.random.Generator, size: int) -> NDArray[np.float64]:
    """Lognormal money of which the variant earns an independent lognormal share more, mean 15."""
    common = rng.lognormal(4, 1, size)
    return np.stack([common, common + rng.lognormal(np.log(15) - 0.02, 0.2, size)])


@pytest.mark.parametrize("draw", [funnel_pairs, normal_pairs, skewed_pairs])
def test_95_percent_intervals_cover_the_truth_in_93_to_97_percent_of_400_experiments(draw: Draw) -> None:
    rng = np.random.default_rng(4)
    covered = 0
    for _ in range(400):
        before, after = draw(rng, 20)
        found = difference("orders", before.tolist(), after.tolist(), 0.95)
        assert found is not None
        covered += found.low <= 15 <= found.high
    assert 0.93 <= covered / 400 <= 0.97


def test_under_no_difference_bonferroni_keeps_false_alarms_of_a_family_below_5_percent() -> None:
    rng = np.random.default_rng(5)
    alarms = dict.fromkeys((0.95, bonferroni(0.95, 5)), 0)
    for _ in range(400):
        base, variants = rng.normal(size=12), rng.normal(size=(5, 12))
        for level in alarms:
            found = [difference("orders", base.tolist(), each.tolist(), level) for each in variants]
            alarms[level] += any(each is not None and each.distinguishable for each in found)
    plain, adjusted = (count / 400 for count in alarms.values())
    assert adjusted <= 0.05 + 2 * (0.05 * 0.95 / 400) ** 0.5
    assert plain > 2 * adjusted


@pytest.mark.parametrize(
    ("before", "after", "distinguishable", "sign"),
    [
        ([10, 20, 30, 40], [11, 21, 31, 41], True, 1),  # always 1 more
        ([10, 20, 30, 40], [9.1, 18.9, 29, 39], True, -1),
        ([10, 20, 30, 40], [11, 19, 33, 38], False, 1),
        ([10, 20, 30, 40], [40, 30, 20, 10], False, 0),
        ([0.1, 0.2, 0.3, 0.4], [0.1 + 1e-17, 0.2, 0.3, 0.4], False, 0),
        ([1.0, 2.0, 3.0], [x * (1 + 2e-16) for x in (1.0, 2.0, 3.0)], False, 0),  # rounding alone
    ],
)
def test_verdicts(before: list[float], after: list[float], distinguishable: bool, sign: int) -> None:
    found = difference("orders", before, after, 0.95)
    assert found is not None
    assert (found.distinguishable, np.sign(found.value)) == (distinguishable, sign)
    assert found.distinguishable == (not found.low <= 0 <= found.high)
    assert found.unit == "orders"


def test_the_interval_is_the_paired_t_test_s() -> None:
    rng = np.random.default_rng(6)
    before, after = rng.normal(10, 3, 15), rng.normal(11, 3, 15)
    found = difference("orders", before.tolist(), after.tolist(), 0.9)
    low, high = stats.ttest_rel(after, before).confidence_interval(0.9)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((low, high))


def test_pairs_with_an_undefined_side_do_not_count() -> None:
    before = [
        {"orders": 1.0, "cac_usd": np.nan},
        {"orders": 2.0, "cac_usd": 3.0},
        {"orders": 4.0, "cac_usd": 1.0},
    ]
    after = [
        {"orders": 2.0, "cac_usd": 1.0},
        {"orders": 3.0, "cac_usd": np.nan},
        {"orders": 4.0, "cac_usd": 2.0},
    ]
    found = differences(before, after, 0.95)
    assert list(found) == ["orders"]
    assert found["orders"].value == pytest.approx(2 / 3)


def test_a_figure_that_only_one_of_both_has_makes_no_pair() -> None:
    groups = {"orders": 1.0, "group_leave_rate": 0.1}
    assert set(differences([groups] * 3, [{"orders": 2.0}] * 3, 0.95)) == {"orders"}
    assert set(differences([{"orders": 2.0}] * 3, [groups] * 3, 0.95)) == {"orders"}

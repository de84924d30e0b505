"""The sequential rule on hand-made sequences, against sim-tools, and within a simulation."""

import numpy as np
import pytest

from scenarios.errors import InputError
from scenarios.loading import Loaded, load
from scenarios.result import Precision, Result, encode
from simulator.results.summary import KPIS, reported, simulate_once
from simulator.run import simulate
from simulator.statistics.precision import LEAST, Goal, Watch, look_ahead, relative_half_width
from simulator.world import world_of


def watched(values: list[float], precision: float, budget: int = 1000, least: int = LEAST) -> Watch:
    """A watch told values until it is done; AssertionError if they run out before."""
    watch = Watch(Goal("orders", precision, budget), 0.95, least)
    for value in values:
        if watch.done:
            return watch
        watch.add(value)
    assert watch.done
    return watch


def test_constant_values_stop_after_the_least_and_the_look_ahead() -> None:
    watch = watched([5.0] * 20, 0.01)
    assert len(watch.values) == 8
    assert watch.outcome() == Precision("orders", 0.01, 0.0, 3, 1000)


def test_a_precision_that_is_lost_during_the_look_ahead_starts_again() -> None:
    values = [100.0, 100.0, 100.0, 100.0, 160.0, *[100.0] * 200]
    widths = [relative_half_width(values[:n], 0.95) for n in range(3, 206)]
    again = next(n for n, width in enumerate(widths, 3) if n > 5 and width is not None and width <= 0.1)
    watch = watched(values, 0.1)
    assert widths[0] == widths[1] == 0  # held at 3 and 4, lost at 5
    assert (watch.outcome().first, len(watch.values)) == (again, again + 5)


def test_at_least_as_many_as_the_scenario_says_are_run() -> None:
    watch = watched([5.0] * 40, 0.01, least=20)
    assert (len(watch.values), watch.outcome().first) == (20, 3)


def test_the_budget_is_a_cap_and_the_outcome_says_that_it_was_not_reached() -> None:
    values = np.random.default_rng(1).exponential(1, 30).tolist()
    watch = watched(values, 0.001, budget=30)
    outcome = watch.outcome()
    assert len(watch.values) == 30
    assert outcome.first is None
    assert outcome.achieved == relative_half_width(values, 0.95)


def test_a_precision_that_has_not_held_for_the_look_ahead_is_not_reached() -> None:
    assert watched([5.0] * 6, 0.01, budget=6).outcome().first is None


def test_an_event_never_seen_is_not_precise() -> None:
    assert watched([0.0] * 50, 0.5, budget=50).outcome() == Precision("orders", 0.5, None, None, 50)


def test_undefined_replications_count_as_run_but_not_for_the_interval() -> None:
    watch = watched([np.nan, 5.0, np.nan, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0], 0.01)
    assert (watch.outcome().first, len(watch.values)) == (4, 9)


def test_the_look_ahead_grows_from_100_on() -> None:
    assert [look_ahead(n) for n in (3, 100, 119, 120, 1000)] == [5, 5, 5, 6, 50]


class Recorded:
    """Values as a model of sim-tools."""

    def __init__(self, values: list[float]) -> None:
        self.values = values

    def single_run(self, replication_number: int) -> dict[str, float]:
        return {"orders": self.values[replication_number]}


@pytest.mark.parametrize("precision", [0.1, 0.2, 0.4])
def test_the_rule_stops_where_sim_tools_does(precision: float) -> None:
    """Up to some 130 replications, where the look-ahead grows."""
    # here, since it takes seconds and each process that collects tests would pay them
    from sim_tools.output_analysis import ReplicationsAlgorithm

    for seed in range(8):
        values = np.random.default_rng(seed).gamma(4.0, 0.25, 400).tolist()
        algorithm = ReplicationsAlgorithm(half_width_precision=precision, replication_budget=390)
        needed, _ = algorithm.select(Recorded(values), ["orders"])
        watch = watched(values, precision, budget=390)
        assert (watch.outcome().first, len(watch.values)) == (needed["orders"], algorithm.n)


# ---------------------------------------------------------------- within a simulation


def small(*settings: str) -> Loaded:
    return load("bulk_send", ["population.size=200", "experiment.replications=3", *settings])


GOAL = Goal("messages_clicked", 0.15, 60)


@pytest.fixture(scope="module")
def result() -> Result:
    return simulate(small(), goal=GOAL)


def test_a_simulation_adds_replications_until_its_kpi_is_precise(result: Result) -> None:
    precision, kpi = result.precision, result.kpis["messages_clicked"]
    assert isinstance(precision, Precision)
    assert precision.first is not None
    assert 3 < precision.first < result.replications < 60
    assert precision.achieved == pytest.approx((kpi.high - kpi.low) / 2 / kpi.value)
    assert precision.achieved <= 0.15


def test_it_equals_the_simulation_of_as_many_replications(result: Result) -> None:
    plain = simulate(
        load("bulk_send", ["population.size=200", f"experiment.replications={result.replications}"])
    )
    assert plain.kpis == result.kpis
    assert b"precision" not in encode(plain)


def test_the_number_of_workers_does_not_change_where_it_stops(result: Result) -> None:
    assert encode(simulate(small(), goal=GOAL, workers=2)) == encode(result)


def test_progress_counts_towards_the_budget() -> None:
    told: list[tuple[int, int]] = []
    goal = Goal("messages_sent", 0.5, 50)
    simulate(small("population.size=20"), goal=goal, progress=lambda done, total: told.append((done, total)))
    assert told == [(n, 50) for n in range(1, 9)]


def test_the_names_to_choose_from_are_those_of_the_document(result: Result) -> None:
    assert tuple(result.kpis) == KPIS


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("bulk_send", ()),
        ("daily_programme", ()),
        ("daily_programme", ("groups.joined_fraction=0", "experiment.warm_up_days=2")),
        ("business_push", ("agents.shifts=[]", "experiment.warm_up_days=2")),
    ],
)
def test_the_names_to_choose_from_are_those_that_the_scenario_reports(
    name: str, settings: tuple[str, ...]
) -> None:
    world = world_of(load(name, ["population.size=40", "experiment.horizon_days=9", *settings]))
    assert sorted(reported(world)) == sorted(simulate_once(world, 1).kpis)


@pytest.mark.parametrize(
    ("goal", "expected"),
    [
        (
            Goal("agent_hours", 0.1, 50),
            "--primary agent_hours: no such KPI in this scenario (have: messages_sent",
        ),
        (Goal("ordres", 0.1, 50), "--primary ordres: no such KPI in this scenario; did you mean 'orders'?"),
        (Goal("error_rate", 0.1, 50), "--primary error_rate: no such KPI in this scenario"),
        (Goal("orders", 0.0, 50), "--precision: found 0; must be > 0 and < 1"),
        (Goal("orders", 2.0, 50), "--precision: found 2; must be > 0 and < 1"),
        (Goal("orders", float("nan"), 50), "--precision: found nan"),
        (Goal("orders", 0.1, 2), "--max-replications: found 2; must be at least experiment.replications, 3"),
    ],
)
def test_a_goal_that_cannot_be_is_one_line(goal: Goal, expected: str) -> None:
    with pytest.raises(InputError, match=r"\A[^\n]*\Z") as caught:
        simulate(small(), goal=goal)
    assert expected in str(caught.value)

"""Kim and Nelson's procedure: against sim-tools, on drawn values, and within a comparison.

How often it chooses the best is in tests/verification/test_statistics.py.
"""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from scenarios import comparison
from scenarios.comparison import Best
from scenarios.errors import InputError
from scenarios.loading import load
from scenarios.variants import variants_of
from simulator.compare import compare
from simulator.statistics.selection import Aim, Choice, Race

ALPHA = 0.05


def run(race: Race, draws: NDArray[np.float64]) -> Race:
    """Told rows of draws (rounds, systems) until it is done."""
    for row in draws:
        if race.done:
            break
        race.add({system: row[system] for system in race.standing})
    assert race.done
    return race


def draws(seed: int, means: list[float], rounds: int = 2000, own: float = 1.0) -> NDArray[np.float64]:
    """Normal values with a part in common (standard deviation 2) and one of their own."""
    rng = np.random.default_rng(seed)
    return np.array(means) + 2 * rng.normal(size=(rounds, 1)) + own * rng.normal(size=(rounds, len(means)))


class Recorded:
    """Draws as a model of sim-tools, which asks for one value at a time."""

    def __init__(self, values: NDArray[np.float64]) -> None:
        self.values, self.taken = values, [0] * values.shape[1]

    def register_observer(self, observer: Any) -> None:
        self.observer = observer

    def simulate(self, system: int) -> None:
        value = self.values[self.taken[system], system]
        self.taken[system] += 1
        self.observer.feedback(self, system, value)


def test_two_systems_end_where_sim_tools_ends() -> None:
    # here, since it takes seconds and each process that collects tests would pay them
    from sim_tools.ovs.indifference_zone import KN

    for seed in range(20):
        values = draws(seed, [0.0, 0.3])
        model = Recorded(values)
        chosen = KN(model, 2, 0.3, ALPHA, 10).solve()
        race = run(Race(2, 0.3, ALPHA, 10), values)
        # sim-tools runs the chosen one once more before it looks how many are left
        assert (race.leader, race.rounds + 1) == (chosen[0], model.taken[chosen[0]])


def test_luck_in_common_ends_it_sooner() -> None:
    means = [0.0, 0.0, 0.5]
    common = [run(Race(3, 0.5, ALPHA, 10), draws(seed, means)).rounds for seed in range(10)]
    # as much variance each, but nothing in common
    rng = np.random.default_rng(1)
    apart = [
        run(Race(3, 0.5, ALPHA, 10), np.array(means) + 5**0.5 * rng.normal(size=(3000, 3))).rounds
        for _ in range(10)
    ]
    assert np.mean(apart) > 3 * np.mean(common)


def test_equal_systems_end_with_the_first() -> None:
    values = np.repeat(np.random.default_rng(1).normal(size=(50, 1)), 3, axis=1)
    race = run(Race(3, 0.1, ALPHA, 10), values)
    assert (race.leader, race.rounds, race.standing) == (0, 10, (0, 1, 2))


def test_what_falls_far_behind_is_run_no_more() -> None:
    values = draws(1, [0.0, 0.3, -50.0])
    race = Race(3, 0.3, ALPHA, 10)
    for row in values[:10]:
        race.add(dict(enumerate(row)))
    assert race.standing == (0, 1)


def told(aim: Aim, names: list[str], rows: list[list[float]], first: int = 3) -> Best:
    choice = Choice(aim, names, 0.95, first)
    for row in rows:
        for system, value in enumerate(row):
            if choice.wants(system):
                choice.add(system, value)
    return choice.outcome()


ROWS = [[1.0, 5.0], [1.1, 5.1], [0.9, 4.9], [1.0, 5.0]]


def test_lowest_turns_the_order_round() -> None:
    names = ["base", "fast"]
    highest = told(Aim("orders", 1.0, False, 100), names, ROWS)
    lowest = told(Aim("orders", 1.0, True, 100), names, ROWS)
    assert (highest.chosen, lowest.chosen) == ("fast", "base")
    assert highest.means == lowest.means == pytest.approx({"base": 1.0, "fast": 5.0})
    assert highest.replications == {"base": 3, "fast": 3}


def test_an_undecided_race_names_who_is_still_in_it() -> None:
    rows = [[1.0, 3.0], [4.0, 2.0], [2.0, 5.0], [5.0, 1.0]]
    outcome = told(Aim("orders", 0.001, False, 4), ["base", "fast"], rows)
    assert (outcome.chosen, outcome.standing) == (None, ["base", "fast"])


def test_an_undefined_value_is_one_line() -> None:
    with pytest.raises(InputError, match=r"--best cac_usd: is undefined in replication 2 of fast; choose"):
        told(Aim("cac_usd", 1.0, False, 9), ["base", "fast"], [[1.0, 2.0], [1.0, float("nan")]])


# ---------------------------------------------------------------- within a comparison

SMALL = ["population.size=400", "experiment.replications=5"]
STATED = ["less:funnel.click=0.08", "more:funnel.click=0.12", "same:funnel.click=0.099"]


def best_of(aim: Aim, workers: int = 1) -> comparison.Comparison:
    base = load("bulk_send", SMALL)
    return compare(base, variants_of(base, STATED, [], SMALL), workers=workers, aim=aim)


def test_the_best_variant_is_found_and_differences_stay_those_of_the_scenario() -> None:
    aim = Aim("messages_clicked", 3.0, False, 200)
    found = best_of(aim)
    assert isinstance(found.best, Best)
    assert found.best.chosen == "more"
    counts = found.best.replications
    assert all(5 <= count <= counts["more"] for count in counts.values())
    assert found.replications == 5
    base = load("bulk_send", SMALL)
    plain = compare(base, variants_of(base, STATED, [], SMALL))
    assert (found.variants, found.base) == (plain.variants, plain.base)
    assert comparison.encode(best_of(aim, workers=2)) == comparison.encode(found)


@pytest.mark.parametrize(
    ("aim", "expected"),
    [
        (
            Aim("ordres", 1.0, False, 50),
            "--best ordres: no such KPI in this scenario; did you mean 'orders'?",
        ),
        (
            Aim("orders", 0.0, False, 50),
            "--indifference: found 0; must be > 0, the least difference in orders",
        ),
        (Aim("orders", 1.0, False, 4), "--best: experiment.replications: found 5; must be from 3 to"),
    ],
)
def test_an_aim_that_cannot_be_is_one_line(aim: Aim, expected: str) -> None:
    with pytest.raises(InputError, match=r"\A[^\n]*\Z") as caught:
        best_of(aim)
    assert expected in str(caught.value)

from collections import defaultdict

import numpy as np
import pytest

from scenarios.loading import load
from scenarios.schema import Script, Turn
from simulator.engine.inbox import HOUR_S, NEVER, _turns, paths_of, rulebook_of
from simulator.world import world_of

WORLD = world_of(load("daily_programme", ["population.size=10"]))
SCRIPTS = [script for script in WORLD.scenario.conversations.scripts if script.kind != "stop"]


@pytest.mark.parametrize("max_per_hour", [1, 2, 20])
@pytest.mark.parametrize(("size", "customers"), [(0, 1), (1, 1), (2_000, 40), (2_000, 1_500)])
def test_answers_of_the_hour_before_count_in_the_loop_guard(
    max_per_hour: int, size: int, customers: int
) -> None:
    rulebook = rulebook_of(WORLD)._replace(max_per_hour=max_per_hour)
    draw = np.random.default_rng(size + customers)
    customer = draw.integers(0, customers, size).astype(np.int32)
    at_s = draw.uniform(0, 2 * 86_400, size)
    script, wording = draw.integers(0, len(SCRIPTS), size), draw.random(size, np.float32)
    turn, answers = _turns(SCRIPTS, rulebook, customer, at_s, script, wording)

    most = min(max_per_hour, max(len(one.turns) for one in SCRIPTS))
    paths = [paths_of(one, rulebook, most) for one in SCRIPTS]
    latest: defaultdict[int, tuple[float, int]] = defaultdict(lambda: (-np.inf, 0))
    for row in np.argsort(at_s).tolist():
        began_s, before = latest[customer[row]]
        recent = min(before, most) if at_s[row] - began_s < HOUR_S else 0
        path = paths[script[row]]
        pick = int(wording[row] * np.float32(path.turn.shape[1]))
        assert (turn[row], answers[row]) == (path.turn[recent, pick], path.answers[recent, pick])
        latest[customer[row]] = at_s[row], int(answers[row])
    assert size < 2 or np.any(turn != NEVER)


def test_a_long_script_with_many_wordings_is_followed_as_far_as_the_loop_guard_lets_it() -> None:
    turn = Turn(says=["How much is it?", "what is the price", "any discount?", "cheaper?"], expect="price")
    long = Script(kind="question", share=1.0, turns=[turn] * 12)
    rulebook = rulebook_of(WORLD)._replace(max_per_hour=3)
    paths = paths_of(long, rulebook, 3)
    assert paths.turn.shape == (4, 4**4)  # of 12 turns four are reached
    assert paths.turn[:, 0].tolist() == paths.answers[:, 0].tolist() == [3, 2, 1, 0]
    short = Script(kind="question", share=1.0, turns=[turn] * 4)
    assert [column.tolist() for column in paths_of(short, rulebook, 3)] == [
        column.tolist() for column in paths
    ]

"""`make bench-server` in small: every measurement once, on a server that answers as it should."""

import pytest
from server_speed import Effort, Figure, measure, shown

SMALL = Effort(rounds=1, seconds=0.2, connections=4, contacts=2_000, bulk=200, dispatched=2_000, settle_s=0.1)


def test_every_figure_is_measured() -> None:
    figures = list(measure(SMALL))
    assert len(figures) == 6
    for figure in figures:
        assert len(figure.rounds) == 1
        assert figure.median > 0
        assert figure.what in shown(figure)


@pytest.mark.parametrize(
    ("rounds", "is_most", "is_missed"),
    [
        ([0.4, 0.4, 0.4, 0.6, 0.6], False, False),  # two in five reach it: noise
        ([0.4, 0.4, 0.4, 0.4, 0.6], False, True),
        ([0.6, 0.6, 0.6, 0.4, 0.4], True, False),
        ([0.6, 0.6, 0.6, 0.6, 0.4], True, True),
    ],
)
def test_a_target_is_missed_by_more_than_noise(rounds: list[float], is_most: bool, is_missed: bool) -> None:
    assert Figure("", rounds, 0.5, None, "", is_most).is_missed == is_missed

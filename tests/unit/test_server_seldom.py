import logging
from collections.abc import Iterator

import pytest

from server.http.seldom import EVERY_S, MOST_KEPT, Seldom


class Heard(logging.Handler):
    def __init__(self, seldom: Seldom) -> None:
        super().__init__()
        self.addFilter(seldom)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def heard(clock: Clock) -> Iterator[Heard]:
    handler = Heard(Seldom(clock))
    log = logging.getLogger("seldom")
    log.propagate = False
    log.addHandler(handler)
    yield handler
    log.removeHandler(handler)


def test_the_same_is_said_once_and_then_counted(clock: Clock, heard: Heard) -> None:
    log = logging.getLogger("seldom")
    for _ in range(500):
        log.error("the database failed: %s", "full")
    log.error("the database failed: %s", "gone")
    clock.now_s = EVERY_S
    log.error("the database failed: %s", "full")
    clock.now_s = 2 * EVERY_S
    log.error("the database failed: %s", "full")
    assert heard.texts == [
        "the database failed: full",
        "the database failed: gone",
        "the database failed: full (499 times more before this)",
        "the database failed: full",
    ]


def test_faults_of_two_places_are_both_told(heard: Heard) -> None:
    log = logging.getLogger("seldom")
    for _ in range(3):
        try:
            int("x")
        except ValueError:
            log.exception("a fault")
        try:
            int("y")
        except ValueError:
            log.exception("a fault")
    assert heard.texts == ["a fault", "a fault"]


def test_what_is_remembered_is_bounded(heard: Heard) -> None:
    log = logging.getLogger("seldom")
    for number in range(MOST_KEPT + 1):
        log.error("fault %d", number)
    log.error("fault 0")
    assert heard.texts[-1] == "fault 0"
    assert len(heard.texts) == MOST_KEPT + 2

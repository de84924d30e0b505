"""Conversations of simulated customers: what counts as an answer. Time goes by hand, and without HTTP."""

import heapq

from scenarios.schema import Script, Turn
from server.clock import Clock
from server.network.graph.behaviour import Behaviour
from server.network.graph.calendar import Calendar
from server.network.graph.conversing import Conversations
from server.network.graph.numbers import Number
from server.network.limits import Limits
from server.network.quality import Parameters, Ratings
from server.network.rules import rules_at

CUSTOMER = "4915112345678"
BEHAVIOUR = Behaviour(think_time_mean_s=5.0)


class ByHand(Calendar):
    """Calls what is due when it is told to go on, and sets no timer."""

    def __init__(self) -> None:
        self.now_s = 0.0
        super().__init__(Clock(0.0, 1.0, lambda: self.now_s))

    def go_on(self, to_s: float) -> None:
        while self._entries and self._entries[0][0] <= to_s:
            self.now_s, _, action = heapq.heappop(self._entries)
            action()
        self.now_s = to_s

    def _set_timer(self) -> None:
        pass


def test_a_message_from_before_a_question_is_no_answer_to_it() -> None:
    """A bot that answers in two messages, of which the second is read only after the next question."""
    limits = Limits(rules_at(0.0).limits)
    limited = limits.number(limits.portfolio())
    number = Number("1", "49151", "A shop", limited, Ratings(Parameters()))
    calendar, said = ByHand(), []
    script = Script("question", 1.0, [Turn(["How much?"], ["price"]), Turn(["And the blue one?"], ["price"])])
    talking = Conversations([script], calendar, 1, lambda *what: said.append(what[2]))
    assert talking.begin(BEHAVIOUR, number, CUSTOMER)
    calendar.go_on(1.0)
    first_s = second_s = calendar.clock.now()  # both are sent
    talking.note_answer(number.id, CUSTOMER)
    talking.answered(BEHAVIOUR, number, CUSTOMER, first_s)
    calendar.go_on(100.0)
    assert said == ["How much?", "And the blue one?"]
    talking.answered(BEHAVIOUR, number, CUSTOMER, second_s)
    assert (talking.answers, talking.completed) == (1, 0)
    talking.note_answer(number.id, CUSTOMER)
    talking.answered(BEHAVIOUR, number, CUSTOMER, calendar.clock.now())
    assert (talking.answers, talking.completed, talking.abandoned) == (2, 1, 0)

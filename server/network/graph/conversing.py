"""Customers who hold conversations by the scenario's scripts: they write, wait for an answer, think, and go
on.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from scenarios.schema import Script
from server.network.graph.behaviour import Behaviour
from server.network.graph.calendar import Calendar
from server.network.graph.chance import draws
from server.network.graph.numbers import Number

MAX_TIMES = 100_000  # waiting times kept for the percentiles; the latest

# (number, wa_id, text): the customer writes.
Write = Callable[[Number, str, str], None]


@dataclass(slots=True)
class Conversation:
    """`turn`: the next thing to say. `asked_s`: since when the customer waits to read an answer.

    `is_answered`: one was sent since.
    """

    serial: int
    number: Number
    wa_id: str
    script: Script
    turn: int = 0
    asked_s: float | None = None
    is_answered: bool = False


class Conversations:
    """All conversations that are held now; one a pair of number and customer."""

    def __init__(self, scripts: Sequence[Script], calendar: Calendar, seed: int, write: Write) -> None:
        self._scripts = scripts
        self._calendar = calendar
        self._seed = seed
        self._write = write
        self._live: dict[tuple[str, str], Conversation] = {}
        self._waits_s: list[float] = []
        self.begun = self.completed = self.abandoned = self.answers = 0

    def is_in_one(self, number_id: str, wa_id: str) -> bool:
        return (number_id, wa_id) in self._live

    def begin(self, behaviour: Behaviour, number: Number, wa_id: str) -> bool:
        """The customer begins one with its first message; False: is in one already."""
        if self.is_in_one(number.id, wa_id):
            return False
        self.begun += 1
        script = self._pick(draws(self._seed, f"script/{self.begun}", 1)[0])
        conversation = Conversation(self.begun, number, wa_id, script)
        self._live[number.id, wa_id] = conversation
        self._say(behaviour, conversation)
        return True

    def answered(self, behaviour: Behaviour, number: Number, wa_id: str, accepted_s: float) -> None:
        """A message that the business sent at this time was read: the first one since a question counts as
        its answer.
        """
        conversation = self._live.get((number.id, wa_id))
        if conversation is None or conversation.asked_s is None or accepted_s < conversation.asked_s:
            return
        conversation.asked_s = None
        self.answers += 1
        if conversation.turn == len(conversation.script.turns):
            self.completed += 1
            del self._live[number.id, wa_id]
            return
        think = draws(self._seed, f"think/{conversation.serial}/{conversation.turn}", 1)[0]
        due_s = self._calendar.clock.now() - behaviour.think_time_mean_s * math.log(think)
        self._calendar.at(due_s, lambda: self._go_on(behaviour, conversation))

    def note_answer(self, number_id: str, wa_id: str) -> None:
        """The business sent something: how long the customer waited for it is taken down."""
        conversation = self._live.get((number_id, wa_id))
        if conversation is None or conversation.asked_s is None or conversation.is_answered:
            return
        conversation.is_answered = True
        if len(self._waits_s) >= MAX_TIMES:
            del self._waits_s[: MAX_TIMES // 2]
        self._waits_s.append(self._calendar.clock.now() - conversation.asked_s)

    def shown(self) -> dict[str, Any]:
        """Counts, and percentiles of the time from a question to the business's message (emulated
        seconds).
        """
        waits = sorted(self._waits_s)
        at = {
            f"p{share}": waits[min(len(waits) - 1, len(waits) * share // 100)]
            for share in (50, 95, 99)
            if waits
        }
        return {
            "begun": self.begun,
            "live": len(self._live),
            "completed": self.completed,
            "abandoned": self.abandoned,
            "answers": self.answers,
            "answer_time_s": at,
        }

    def _pick(self, uniform: float) -> Script:
        total = sum(script.share for script in self._scripts)
        for script in self._scripts:
            uniform -= script.share / total
            if uniform < 0:
                return script
        return self._scripts[-1]

    def _go_on(self, behaviour: Behaviour, conversation: Conversation) -> None:
        if self._live.get((conversation.number.id, conversation.wa_id)) is conversation:
            self._say(behaviour, conversation)

    def _say(self, behaviour: Behaviour, conversation: Conversation) -> None:
        turn = conversation.script.turns[conversation.turn]
        wording = draws(self._seed, f"wording/{conversation.serial}/{conversation.turn}", 1)[0]
        conversation.turn += 1
        conversation.is_answered = False
        asked_s = conversation.asked_s = self._calendar.clock.now()
        self._calendar.at(asked_s + behaviour.patience_s, lambda: self._lose_patience(conversation, asked_s))
        self._write(conversation.number, conversation.wa_id, turn.says[int(wording * len(turn.says))])

    def _lose_patience(self, conversation: Conversation, asked_s: float) -> None:
        key = conversation.number.id, conversation.wa_id
        if conversation.asked_s == asked_s and self._live.get(key) is conversation:
            self.abandoned += 1
            del self._live[key]

"""Messages that template pacing holds back, until it is decided what becomes of them."""

from server.network.graph.calendar import Calendar
from server.network.graph.lives import Lives
from server.network.graph.messages import Message
from server.network.graph.numbers import Number
from server.network.graph.standing import Standing
from server.network.graph.templates import Template
from server.network.quality import DISABLED, PAUSED
from server.network.rules import THROUGHPUT_MPS
from server.network.template_pacing import Pacer
from server.network.tiers import Rating

LOOK_S = 300.0  # as often as `quality` asks for


class Holding:
    """Asks the pacer about each message with a template, and keeps those that it holds, in their order."""

    def __init__(self, pacer: Pacer, standing: Standing, lives: Lives, calendar: Calendar) -> None:
        self._pacer = pacer
        self._standing = standing
        self._lives = lives
        self._calendar = calendar
        self._held: dict[str, list[tuple[Number, Message]]] = {}  # by template

    def holds(self, number: Number, message: Message, template: Template) -> bool:
        """Whether the message must wait; then it is kept here."""
        now_s, rating = self._calendar.clock.now(), template.rated.ratings.rating
        if not self._pacer.holds(now_s, template.id, template.kind, rating):
            return False
        if template.id not in self._held:
            self._held[template.id] = []
            self._look_later(template)
        self._held[template.id].append((number, message))
        self._lives.wait()
        return True

    def _look_later(self, template: Template) -> None:
        due_s = min(self._calendar.clock.now() + LOOK_S, self._pacer.decide_s(template.id))
        self._calendar.at(due_s, lambda: self._look(template))

    def _look(self, template: Template) -> None:
        if template.id not in self._held:  # decided since
            return
        self._standing.review_template(template)
        self.decide(template, template.rated.ratings.rating)
        if template.id in self._held:
            self._look_later(template)

    def decide(self, template: Template, rating: Rating) -> None:
        """Let go or drop what is held, if that is to be done under this rating."""
        now_s = self._calendar.clock.now()
        outcome = self._pacer.review(now_s, template.id, rating)
        if outcome is None:
            return
        held = self._held.pop(template.id)
        if outcome == "dropped":
            code = DISABLED if template.state == "DISABLED" else PAUSED
            for number, message in held:
                self._lives.drop(number, message, now_s, code)
            return
        for place, (number, message) in enumerate(held):
            # Not faster than the number's throughput (assumed: the platform says no rate).
            self._lives.go(number, message, now_s + place / THROUGHPUT_MPS[number.limited.meter.kind])

"""How the business stands: quality, limits that move, pauses and restrictions, told as account events."""

from server.network import quality
from server.network.enforcement import Event
from server.network.graph.calendar import Calendar
from server.network.graph.messages import Message
from server.network.graph.numbers import Number
from server.network.graph.telling import Telling
from server.network.graph.templates import Template, Templates
from server.network.spam import BLOCKED, DELIVERED, REPORTED
from server.network.template_pacing import Pacer

TEMPLATES_EVERY_S = 300.0  # `quality` asks for every few minutes,
NUMBERS_EVERY_S = 3600.0  # and for every hour


class Standing:
    """Counts what users do, and looks at it again and again on the calendar."""

    def __init__(
        self,
        account: quality.Account,
        templates: Templates,
        pacer: Pacer,
        telling: Telling,
        calendar: Calendar,
    ) -> None:
        self._account = account
        self._templates = templates
        self._pacer = pacer
        self._telling = telling
        self._calendar = calendar
        self._is_watching = False

    def delivered(self, number: Number, message: Message) -> None:
        """A message reached its user."""
        self._watch()
        self._account.delivered(self._calendar.clock.now(), number.display)
        self._count(message, DELIVERED)

    def blocked(self, number: Number, because_of: Message | None) -> None:
        """A user blocked the number, perhaps because of a message."""
        self._watch()
        self._count(because_of, BLOCKED)
        self._tell(self._account.blocked(self._calendar.clock.now(), number.display, _delivered(because_of)))

    def reported(self, number: Number, because_of: Message | None) -> None:
        """A user reported the number."""
        self._watch()
        self._count(because_of, REPORTED)
        self._tell(self._account.reported(self._calendar.clock.now(), number.display, _delivered(because_of)))

    def _count(self, message: Message | None, kind: int) -> None:
        template_id = message.template_id if message is not None else None
        template = self._templates.get(template_id) if template_id is not None else None
        if template is not None:
            now_s = self._calendar.clock.now()
            about_s = None if kind == DELIVERED else _delivered(message)
            template.rated.ratings.count(now_s, kind, delivered_s=about_s)
            if kind == BLOCKED:
                template.blocks_s.append(now_s)

    def _watch(self) -> None:
        """Begin to look, at the first thing that there is to look at."""
        if not self._is_watching:
            self._is_watching = True
            now_s = self._calendar.clock.now()
            self._calendar.at(now_s + TEMPLATES_EVERY_S, self._review_templates)
            self._calendar.at(now_s + NUMBERS_EVERY_S, self._review_numbers)

    def _review_templates(self) -> None:
        now_s = self._calendar.clock.now()
        for template in self._templates:
            self.review_template(template)
        self._calendar.at(now_s + TEMPLATES_EVERY_S, self._review_templates)

    def review_template(self, template: Template) -> None:
        """Rates it, and pauses it or lets it go where that is due."""
        now_s, before = self._calendar.clock.now(), template.rated.status
        self._tell(template.rated.review(now_s, is_held=self._pacer.is_holding(template.id)))
        if template.rated.status == before:
            return
        if template.rated.status == "APPROVED":
            self._pacer.begin(template.id)
        else:
            self._pacer.paused(now_s, template.kind)

    def _review_numbers(self) -> None:
        now_s = self._calendar.clock.now()
        self._tell(self._account.review(now_s))
        self._calendar.at(now_s + NUMBERS_EVERY_S, self._review_numbers)

    def _tell(self, events: list[Event]) -> None:
        for event in events:
            self._telling.account_event(event.field, event.value)


def _delivered(message: Message | None) -> float | None:
    """When it was, if it was."""
    return message.delivered_s if message is not None else None

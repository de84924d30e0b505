"""The life of an accepted message: sent, delivered, read; or failed. Each step is told."""

from server.network.graph.calendar import Calendar
from server.network.graph.customers import Customers
from server.network.graph.faults import Of
from server.network.graph.messages import Message
from server.network.graph.numbers import Number
from server.network.graph.refusal import explained
from server.network.graph.standing import Standing
from server.network.graph.telling import Telling
from server.network.graph.webhook_bodies import Pricing
from server.network.limits import Limits
from server.network.pricing import charge
from server.network.rules import rules_at

LOST = 131000  # assumed: the platform names no code for a message that is lost on the way


class Lives:
    """Puts the steps of every message on the calendar.

    `counts`: how many messages made each step; held: how many are held now.
    """

    def __init__(
        self,
        calendar: Calendar,
        telling: Telling,
        limits: Limits,
        standing: Standing,
        customers: Customers,
    ) -> None:
        self._calendar = calendar
        self._telling = telling
        self._limits = limits
        self._standing = standing
        self._customers = customers
        self.counts = dict.fromkeys(("accepted", "held", "sent", "delivered", "read", "failed"), 0)

    def begin(self, number: Number, message: Message, code: int | None) -> None:
        """A message was accepted. `code`: it fails with this, and the limits have not booked it."""
        self.counts["accepted"] += 1
        sent_s = message.accepted_s + self._customers.behaviour.sent_delay_s
        if code is not None:
            self._calendar.at(sent_s, lambda: self._fail(number, message, sent_s, code))
        else:
            self._calendar.at(sent_s, lambda: self._send(number, message, sent_s))

    def wait(self) -> None:
        """A message was accepted, and is held until `go` or `drop`."""
        self.counts["accepted"] += 1
        self.counts["held"] += 1

    def go(self, number: Number, message: Message, from_s: float) -> None:
        """One that was held is on its way from then on."""
        self.counts["held"] -= 1
        sent_s = from_s + self._customers.behaviour.sent_delay_s
        self._calendar.at(sent_s, lambda: self._send(number, message, sent_s))

    def drop(self, number: Number, message: Message, at_s: float, code: int) -> None:
        """One that was held is given up."""
        self.counts["held"] -= 1
        self._lose(number, message, at_s, code)

    def _send(self, number: Number, message: Message, at_s: float) -> None:
        message.sent_s = at_s
        self.counts["sent"] += 1
        message.pricing = self._pricing(number, message)
        self._tell(number, message, "sent", at_s, is_priced=True)
        if message.to in number.blocked_by:
            return  # a sender who is blocked stays at sent (platform 1.4)
        delay_s = self._customers.delivery_s(message)
        if delay_s is None:
            due_s = at_s + self._customers.behaviour.delivery_delay_median_s
            self._calendar.at(due_s, lambda: self._lose(number, message, due_s, LOST))
        else:
            due_s = at_s + delay_s
            self._calendar.at(due_s, lambda: self._deliver(number, message, due_s))

    def _lose(self, number: Number, message: Message, at_s: float, code: int) -> None:
        """What the limits have booked is given back."""
        self._limits.failed(message.accepted_s, number.limited, message.to, message.category, message.window)
        self._fail(number, message, at_s, code)

    def _fail(self, number: Number, message: Message, at_s: float, code: int) -> None:
        message.failed_s, message.code = at_s, code
        self.counts["failed"] += 1
        self._tell(number, message, "failed", at_s)

    def _deliver(self, number: Number, message: Message, at_s: float) -> None:
        message.delivered_s = at_s
        self.counts["delivered"] += 1
        now_s = self._calendar.clock.now()
        self._limits.delivered(now_s, number.limited, message.to, message.category, message.window)
        self._standing.delivered(number, message)
        read_s, act, act_s = self._customers.reaction(message)
        is_told = read_s is None or read_s > self._customers.behaviour.coincide_s
        if is_told:
            self._tell(number, message, "delivered", at_s, is_priced=True)
        if read_s is not None:
            due_s = at_s + read_s
            self._calendar.at(due_s, lambda: self._read(number, message, due_s, is_alone=not is_told))
            if act is not None:
                self._calendar.at(due_s + act_s, lambda: self._customers.act(number, message, act))

    def _read(self, number: Number, message: Message, at_s: float, *, is_alone: bool) -> None:
        """`is_alone`: it was not told as delivered."""
        message.read_s = at_s
        self.counts["read"] += 1
        self._limits.read(self._calendar.clock.now(), message.to, message.category)
        self._tell(number, message, "read", at_s, is_priced=is_alone)
        customers = self._customers
        customers.conversations.answered(customers.behaviour, number, message.to, message.accepted_s)

    def _tell(
        self, number: Number, message: Message, status: Of, at_s: float, *, is_priced: bool = False
    ) -> None:
        """The price is told with sent, and with one of delivered and read [M: statuses]."""
        details = explained(message.code) if message.code is not None else ""
        self._telling.status(number, message, status, at_s, details, is_priced=is_priced)

    def _pricing(self, number: Number, message: Message) -> Pricing:
        """Decided once, when it is sent. The API of marketing messages has a category of its own [M]."""
        now_s = self._calendar.clock.now()
        earlier = number.service_sent.add(now_s) if message.category == "service" else 0
        found = charge(rules_at(now_s).pricing, message.category, message.window, earlier)
        kind = found.type if found.model == "PMP" else None
        is_lite = message.is_lite and found.category == "marketing"
        return Pricing(found.billable, found.model, "marketing_lite" if is_lite else found.category, kind)

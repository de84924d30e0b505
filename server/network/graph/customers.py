"""The customers of the emulated network: what they write, and what they do with a message that reached
them.
"""

from functools import partial

from scenarios.schema import Script
from server.network.graph import behaviour as behaving
from server.network.graph import inbound
from server.network.graph.behaviour import Act, Behaviour
from server.network.graph.calendar import Calendar
from server.network.graph.conversing import Conversations
from server.network.graph.media import MediaStore
from server.network.graph.messages import Message, Messages
from server.network.graph.numbers import Number
from server.network.graph.outgoing import wa_id
from server.network.graph.standing import Standing
from server.network.graph.telling import Telling
from server.network.graph.users import user_id
from server.network.limits import Limits


class Customers:
    """All of them. `behaviour` may be set anew; it holds for what happens from then on."""

    def __init__(
        self,
        behaviour: Behaviour,
        seed: int,
        scripts: list[Script],
        calendar: Calendar,
        telling: Telling,
        limits: Limits,
        standing: Standing,
        media: MediaStore,
        messages: Messages,
    ) -> None:
        self.behaviour = behaviour
        self.conversations = Conversations(scripts, calendar, seed, self._say)
        self._seed = seed
        self._calendar = calendar
        self._telling = telling
        self._limits = limits
        self._standing = standing
        self._media = media
        self._messages = messages
        self._made_up = 0
        self._came: set[str] = set()  # who wrote, and would not be on WhatsApp by the share of numbers

    def is_registered(self, customer: str) -> bool:
        """Whether the number is on WhatsApp: a share of all, and who wrote."""
        return customer in self._came or behaving.is_registered(self.behaviour, self._seed, customer)

    def delivery_s(self, message: Message) -> float | None:
        """Seconds from the sending to the delivery; None: it never arrives."""
        return behaving.delivery(self.behaviour, self._seed, message.to, message.sequence)

    def reaction(self, message: Message) -> behaving.Reaction:
        """What the one whom it reached does with it."""
        return behaving.reaction(
            self.behaviour,
            self._seed,
            message.to,
            message.sequence,
            in_conversation=self.conversations.is_in_one(message.number_id, message.to),
            is_template=message.template_id is not None,
        )

    def act(self, number: Number, message: Message, act: Act) -> None:
        """Moved by a message."""
        if act == "reply":
            self.conversations.begin(self.behaviour, number, message.to)
        elif act == "block":
            self.block(number, message.to, message)
        elif act == "report":
            self.report(number, message.to, message)
        else:
            self.stop_marketing(number, message.to)

    def begin_conversations(self, number: Number, count: int, over_s: float) -> None:
        """So many new customers begin a conversation, evenly over `over_s` emulated seconds."""
        now_s = self._calendar.clock.now()
        for index in range(count):
            self._made_up += 1
            customer = f"87810{self._made_up:010d}"
            begin = partial(self.conversations.begin, self.behaviour, number, customer)
            self._calendar.at(now_s + over_s * index / count, begin)

    def _say(self, number: Number, customer: str, text: str) -> None:
        self.write(number, inbound.Writes(from_=customer, text=text))

    def write(self, number: Number, written: inbound.Writes, origin: str = "") -> str:
        """One writes to a number; the message's id. Problem 422 for what no customer could write.

        `origin`: scheme and host under which media can be downloaded; texts need none.
        Whom the business blocked is not heard, and nobody is by a number that is not registered.
        """
        now_s, sender = self._calendar.clock.now(), wa_id(written.from_)
        message_id = self._messages.new_id(sender, self._messages.next_sequence())
        item = inbound.message_json(written, message_id, now_s, number.display, self._media, origin)
        if sender in number.blocked or not number.is_registered:
            return message_id
        if not self.is_registered(sender):
            self._came.add(sender)
        self._limits.heard(now_s, number.limited, sender, from_ad=written.from_ad)
        contact = self._telling.contact(sender, written.name)
        self._telling.inbound(number, item, None if written.type == "system" else contact)
        return message_id

    def block(self, number: Number, customer: str, because_of: Message | None = None) -> None:
        """What is sent to the customer from now on stays at sent."""
        if customer not in number.blocked_by:
            number.blocked_by.add(customer)
            self._standing.blocked(number, because_of)

    def unblock(self, number: Number, customer: str) -> None:
        number.blocked_by.discard(customer)

    def report(self, number: Number, customer: str, because_of: Message | None = None) -> None:
        """As spam; who reports a number also blocks it (assumed: the app offers both in one step)."""
        number.blocked_by.add(customer)
        self._standing.reported(number, because_of)

    def stop_marketing(self, number: Number, customer: str) -> None:
        number.limited.stopped.add(customer)
        self._tell_preference(number, customer, "stop")

    def resume_marketing(self, number: Number, customer: str) -> None:
        number.limited.stopped.discard(customer)
        self._tell_preference(number, customer, "resume")

    def _tell_preference(self, number: Number, customer: str, value: str) -> None:
        preference = {
            "wa_id": customer,
            "user_id": user_id(customer),
            "detail": f"User requested to {value} marketing messages",
            "category": "marketing_messages",
            "value": value,
            "timestamp": int(self._calendar.clock.now()),
        }
        event = {"contacts": [self._telling.contact(customer)], "user_preferences": [preference]}
        self._telling.number_event(number, "user_preferences", event)

"""The emulated network behind the API: takes messages, lets them live, and tells what became of them."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any

import phonenumbers

from scenarios.schema import Scenario
from server.clock import Clock
from server.network import limits
from server.network.errors import PROFILES, Place, Profile, places
from server.network.graph import behaviour as behaving
from server.network.graph import inbound, outgoing, templates
from server.network.graph.addresses import AllowList, NotAllowed
from server.network.graph.behaviour import Act, Behaviour
from server.network.graph.calendar import Calendar
from server.network.graph.conversing import Conversations
from server.network.graph.faults import Faults
from server.network.graph.media import MediaStore
from server.network.graph.messages import Message, Messages
from server.network.graph.numbers import Account, Callback, Number, callback_of
from server.network.graph.posting import Target
from server.network.graph.refusal import ApiError, unknown_object
from server.network.graph.telling import Telling
from server.network.graph.templates import Template
from server.network.graph.webhooks import Sending, Webhooks
from server.network.limits import Assumed, Limits
from server.network.rules import Category, Throughput, rules_at

HELLO_WORLD = {
    "name": "hello_world",
    "language": "en_US",
    "category": "UTILITY",
    "components": [
        {"type": "HEADER", "format": "TEXT", "text": "Hello World"},
        {
            "type": "BODY",
            "text": "This template comes with every account, so that a first message can be sent.",
        },
        {"type": "FOOTER", "text": "Wavetank"},
    ],
}
FIRST_NUMBER_ID = 106_540_000_000_001
FIRST_DISPLAY = 87_819_000_000_001  # +878: a country code that was never taken into use
WABA_ID = "102290000000001"
APP_ID = "670840000000001"
MAX_REGISTRATIONS = 10  # of one number in 72 h; platform: 133016
REGISTRATIONS_S = 72 * 3600.0
THROUGHPUT_SHOWN: Mapping[Throughput, str] = {
    "standard": "STANDARD",
    "upgraded": "HIGH",
    "coexistence": "STANDARD",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """How one emulator is set up. `level` indexes the messaging limits (`rules.LimitRules.tiers`)."""

    seed: int
    behaviour: Behaviour
    number_ids: Sequence[str] = (str(FIRST_NUMBER_ID),)
    profile: Profile = PROFILES["modern"]
    places: Mapping[int, Place] = field(default_factory=places)
    assumed: Assumed = field(default_factory=Assumed)
    level: int = 1
    throughput: Throughput = "standard"
    template_review_s: float = 5.0  # assumed; the platform takes minutes to a day
    app_secret: str = ""
    webhook_url: str | None = None
    verify_token: str = ""
    allowed_hosts: Sequence[str] = ()
    batch_max: int = 1
    connections: int = 16


class Emulator:
    """One business account with its numbers, and all customers. Lives on the running event loop."""

    def __init__(
        self,
        settings: Settings,
        scenario: Scenario,
        clock: Clock,
        names: Mapping[str, str],
        clock_changed: Callable[[], None] = lambda: None,
    ) -> None:
        """`names`: what customers are called, by wa_id.

        `clock_changed` is called when a control sets the clock.
        NotAllowed for a webhook URL that is not on the list.
        """
        self.settings = settings
        self.clock = clock
        self.calendar = Calendar(clock)
        self.allowed = AllowList(settings.allowed_hosts)
        self.account = Account(WABA_ID, APP_ID, scenario.name)
        if settings.webhook_url is not None:
            self.allowed.target(settings.webhook_url)
            self.account.app_callback = Callback(settings.webhook_url, settings.verify_token)
        self.numbers = {
            one: Number(one, str(FIRST_DISPLAY + index), f"{scenario.name} {index + 1}")
            for index, one in enumerate(settings.number_ids)
        }
        self.templates = templates.Templates()
        self.templates.add(HELLO_WORLD, "APPROVED")
        self.media = MediaStore(settings.app_secret.encode())
        self.messages = Messages(time.time_ns() >> 16)
        self.faults = Faults()
        self.behaviour = settings.behaviour
        sending = Sending(settings.app_secret.encode(), settings.batch_max, settings.connections)
        self.webhooks = Webhooks(sending, self.calendar, self._target_of)
        self.telling = Telling(self.account, self.webhooks, self.faults, self.calendar)
        self.conversations = Conversations(
            scenario.conversations.scripts, self.calendar, settings.seed, self._says
        )
        self.limits = Limits(rules_at(clock.now()).limits, settings.assumed)
        self._portfolio = self.limits.portfolio(settings.level)
        self.limited = {one: self.limits.number(self._portfolio, settings.throughput) for one in self.numbers}
        self._names = names
        self._clock_changed = clock_changed
        self._blocked: set[tuple[str, str]] = set()  # (number, customer): the customer blocked the number
        self._customers = 0  # made up for conversations so far
        self._targets: dict[str, Target] = {}

    async def close(self) -> None:
        """Stop telling; nothing is kept."""
        self.calendar.close()
        await self.webhooks.close()

    # What the business does.

    def number(self, node: str) -> Number:
        """ApiError when there is no such number."""
        number = self.numbers.get(node)
        if number is None:
            raise unknown_object(node)
        return number

    def send(self, node: str, raw: bytes) -> dict[str, Any]:
        """Take the message or read receipt in `raw` from a number; the answer, or ApiError."""
        number = self.number(node)
        body = outgoing.read(raw)
        if not number.is_registered:
            raise ApiError(133010, "The account does not exist in the Cloud API: register the number first")
        if body.status is not None:
            return {"success": True}
        return self._take(number, body)

    def send_marketing(self, node: str, raw: bytes) -> dict[str, Any]:
        """As `send`, but for marketing templates alone."""
        body = outgoing.read(raw)
        template = body.template if body.type == "template" else None
        if template is None or templates.check_use(self.templates, template).category != "MARKETING":
            raise ApiError(131009, "Only marketing templates can be sent as marketing messages")
        return self.send(node, raw)

    def _take(self, number: Number, body: outgoing.Body) -> dict[str, Any]:
        now_s = self.clock.now()
        given = body.to if body.to is not None else body.recipient or ""
        to = outgoing.wa_id(given) if body.to is not None else _number_of_user(given)
        if body.recipient_type == "group":
            raise unknown_object(given)  # groups are not emulated
        template_id, category = self._checked_content(body, now_s)
        if to == number.display:
            raise ApiError(131009, "Parameter to is not valid: the number itself")
        if to in number.blocked:
            raise ApiError(131009, "Parameter to is not valid: the business blocked this user")
        decision = self._decide(number, to, category, now_s)
        code, window = decision.code, decision.window
        if code is not None and self.settings.places[code] == "sync":
            raise ApiError(code, DETAILS.get(code, ""))
        sequence = self.messages.next_sequence()
        message = Message(
            id=self.messages.new_id(to, sequence),
            sequence=sequence,
            number_id=number.id,
            to=to,
            type=body.type,
            category=category,
            window=window,
            accepted_s=now_s,
            template_id=template_id,
            opaque=body.biz_opaque_callback_data,
        )
        self.messages.add(message)
        self.conversations.note_answer(number.id, to)
        self._begin(number, message, code)
        return {
            "messaging_product": "whatsapp",
            "contacts": [{"input": given, "wa_id": to}],
            "messages": [{"id": message.id, "message_status": "accepted"}],
        }

    def _checked_content(self, body: outgoing.Body, now_s: float) -> tuple[str | None, Category]:
        """The template used, if one is, and the category; ApiError for what cannot be sent."""
        if body.type == "template" and body.template is not None:
            template = templates.check_use(self.templates, body.template)
            return template.id, template.kind
        if body.type in outgoing.MEDIA_TYPES:
            media_id = getattr(body, body.type).id
            media = self.media.find(media_id, now_s) if media_id is not None else None
            if media_id is not None and media is None:
                raise ApiError(131009, f"Parameter {body.type}.id is not valid: no such media, or expired")
            if media is not None and body.type not in (media.kind, "document"):
                raise ApiError(131053, f"Media {media_id} is of type {media.kind}, not {body.type}")
        return None, "service"

    def _decide(self, number: Number, to: str, category: Category, now_s: float) -> limits.Decision:
        """What the limits say; faults and unregistered numbers come in the same shape."""
        region = region_of(to) if category == "marketing" else None
        decision = self.limits.decide(now_s, self.limited[number.id], to, category, region)
        if decision.code is not None:
            return decision
        forced = self.faults.hits(("fail",), number.id)
        if forced:
            return self._refused_after_all(number, to, category, decision, forced[0][0].code or 131000)
        if not behaving.is_registered(self.behaviour, self.settings.seed, to):
            return self._refused_after_all(number, to, category, decision, 131026)
        return decision

    def _refused_after_all(
        self, number: Number, to: str, category: Category, decision: limits.Decision, code: int
    ) -> limits.Decision:
        self.limits.failed(self.limited[number.id], to, category, decision.window)
        return limits.Decision(code, decision.window)

    def note_registration(self, number: Number) -> None:
        """ApiError 133016 when the number has been registered or deregistered too often lately."""
        now_s = self.clock.now()
        number.registrations_s = [at_s for at_s in number.registrations_s if at_s > now_s - REGISTRATIONS_S]
        if len(number.registrations_s) >= MAX_REGISTRATIONS:
            raise ApiError(133016, "Too many registrations of this number; try again later")
        number.registrations_s.append(now_s)

    def shown_number(self, number: Number) -> dict[str, Any]:
        """A number as the API shows it."""
        limited = self.limited[number.id]
        tier = self.limits.rules.tiers[limited.tier.level]
        return number.shown("GREEN", THROUGHPUT_SHOWN[limited.meter.kind], tier_name(tier))

    def review(self, template: Template) -> None:
        """The platform looks at a new or edited template, and approves it after a while."""
        due_s = self.clock.now() + self.settings.template_review_s
        self.calendar.at(due_s, lambda: self._reviewed(template))

    def _reviewed(self, template: Template) -> None:
        if template.status == "PENDING":
            self.set_template_status(template, "APPROVED")

    def set_template_status(self, template: Template, status: templates.Status) -> None:
        """Change it, and tell the business."""
        template.status = status
        value = {
            "event": status,
            "message_template_id": int(template.id),
            "message_template_name": template.name,
            "message_template_language": template.language,
            "message_template_category": template.category,
            "reason": template.rejected_reason,
        }
        self.telling.account_event("message_template_status_update", value)

    # The life of a message.

    def _begin(self, number: Number, message: Message, code: int | None) -> None:
        sent_s = message.accepted_s + self.behaviour.sent_delay_s
        if code is not None:
            self.calendar.at(sent_s, lambda: self._fail(number, message, sent_s, code))
            return
        self.calendar.at(sent_s, lambda: self._sent(number, message, sent_s))

    def _sent(self, number: Number, message: Message, at_s: float) -> None:
        message.sent_s = at_s
        self._tell(number, message, "sent", at_s)
        if (number.id, message.to) in self._blocked:
            return  # stays at sent (platform 1.4)
        delay_s = behaving.delivery(self.behaviour, self.settings.seed, message.to, message.sequence)
        if delay_s is None:
            due_s = at_s + self.behaviour.delivery_delay_median_s
            self.calendar.at(due_s, lambda: self._lose(number, message, due_s))
            return
        due_s = at_s + delay_s
        self.calendar.at(due_s, lambda: self._deliver(number, message, due_s))

    def _lose(self, number: Number, message: Message, at_s: float) -> None:
        self.limits.failed(self.limited[number.id], message.to, message.category, message.window)
        self._fail(number, message, at_s, 131000)

    def _fail(self, number: Number, message: Message, at_s: float, code: int) -> None:
        message.failed_s, message.code = at_s, code
        self._tell(number, message, "failed", at_s)

    def _deliver(self, number: Number, message: Message, at_s: float) -> None:
        message.delivered_s = at_s
        self.limits.delivered(
            self.clock.now(),
            self.limited[number.id],
            message.to,
            message.category,
            message.window,
        )
        reaction = behaving.reaction(
            self.behaviour,
            self.settings.seed,
            message.to,
            message.sequence,
            in_conversation=self.conversations.is_in_one(number.id, message.to),
            is_template=message.template_id is not None,
        )
        if reaction.read_s is None or reaction.read_s > self.behaviour.coincide_s:
            self._tell(number, message, "delivered", at_s)
        if reaction.read_s is not None:
            read_s = at_s + reaction.read_s
            self.calendar.at(read_s, lambda: self._read(number, message, read_s))
            if reaction.act is not None:
                act = reaction.act
                self.calendar.at(read_s + reaction.act_s, lambda: self._act(number, message, act))

    def _read(self, number: Number, message: Message, at_s: float) -> None:
        message.read_s = at_s
        self.limits.read(self.clock.now(), message.to, message.category)
        self._tell(number, message, "read", at_s)
        self.conversations.answered(self.behaviour, number.id, message.to)

    def _tell(self, number: Number, message: Message, status: Any, at_s: float) -> None:
        self.telling.status(number, message, status, at_s, None, DETAILS.get(message.code or 0, ""))

    # What customers do.

    def _act(self, number: Number, message: Message, act: Act) -> None:
        if act == "reply":
            self.conversations.begin(self.behaviour, number.id, message.to)
        elif act == "block":
            self.block(number, message.to)
        elif act == "report":
            self.report(number, message.to)
        else:
            self.stop_marketing(number, message.to)

    def _says(self, number_id: str, sender: str, text: str) -> None:
        """A simulated customer writes a text."""
        self._hear(self.numbers[number_id], sender, inbound.Writes(from_=sender, text=text))

    def write(self, written: inbound.Writes) -> str:
        """A customer writes; the message's id. Problem 422 for what no customer could write."""
        number = (
            self.number(written.number) if written.number is not None else next(iter(self.numbers.values()))
        )
        return self._hear(number, outgoing.wa_id(written.from_), written)

    def _hear(self, number: Number, sender: str, written: inbound.Writes) -> str:
        now_s = self.clock.now()
        message_id = self.messages.new_id(sender, self.messages.next_sequence())
        item = inbound.message_json(written, message_id, now_s, number.display, self.media)
        if sender in number.blocked:
            return message_id  # the business blocked this user: it hears nothing
        self.limits.heard(now_s, self.limited[number.id], sender, from_ad=written.from_ad)
        name = written.name or self._names.get(sender) or f"Customer {sender[-4:]}"
        contact = None if written.type == "system" else inbound.contact_json(sender, name)
        self.telling.inbound(number, item, contact)
        return message_id

    def block(self, number: Number, customer: str) -> None:
        """A customer blocks the number: what is sent from now on stays at sent."""
        self._blocked.add((number.id, customer))
        self.limits.blocked(self.clock.now(), self.limited[number.id])

    def unblock(self, number: Number, customer: str) -> None:
        self._blocked.discard((number.id, customer))

    def report(self, number: Number, customer: str) -> None:
        """A customer reports the number as spam, and blocks it."""
        self._blocked.add((number.id, customer))
        self.limits.reported(self.clock.now(), self.limited[number.id])

    def stop_marketing(self, number: Number, customer: str) -> None:
        """A customer stops the number's marketing messages."""
        self.limited[number.id].stopped.add(customer)
        self._tell_preference(number, customer, "stop")

    def resume_marketing(self, number: Number, customer: str) -> None:
        self.limited[number.id].stopped.discard(customer)
        self._tell_preference(number, customer, "resume")

    def _tell_preference(self, number: Number, customer: str, value: str) -> None:
        name = self._names.get(customer) or f"Customer {customer[-4:]}"
        preference = {
            "wa_id": customer,
            "detail": f"User requested to {value} marketing messages",
            "category": "marketing_messages",
            "value": value,
            "timestamp": int(self.clock.now()),
        }
        contacts = [{"profile": {"name": name}, "wa_id": customer}]
        self.telling.number_event(
            number, "user_preferences", {"contacts": contacts, "user_preferences": [preference]}
        )

    def begin_conversations(self, number: Number, count: int, over_s: float) -> None:
        """So many new customers begin a conversation, evenly over `over_s` emulated seconds."""
        now_s = self.clock.now()
        for index in range(count):
            self._customers += 1
            customer = f"87810{self._customers:010d}"
            self.calendar.at(
                now_s + over_s * index / count,
                partial(self.conversations.begin, self.behaviour, number.id, customer),
            )

    def change_throughput(self, number: Number, throughput: Throughput) -> None:
        """As the platform's upgrade: the number cannot be used for up to a minute."""
        self.limited[number.id].meter.change(self.clock.now(), throughput)

    # Time, and where webhooks go.

    def set_speed(self, speed: float) -> None:
        self.clock.set_speed(speed)
        self.calendar.clock_changed()
        self._clock_changed()

    def advance(self, by_s: float) -> None:
        """Jump forward; what was due meanwhile happens now, in order."""
        self.clock.advance(by_s)
        self.calendar.clock_changed()
        self._clock_changed()

    def _target_of(self, number_id: str, _waba_id: str) -> Target | None:
        callback = callback_of(self.account, self.numbers.get(number_id))
        if callback is None:
            return None
        target = self._targets.get(callback.url)
        if target is None:
            target = self._targets[callback.url] = self.allowed.target(callback.url)
        return target

    def checked_callback(self, url: str, verify_token: str) -> Callback:
        """ApiError when webhooks may not go there."""
        try:
            self.allowed.target(url)
        except NotAllowed as error:
            raise ApiError(
                100, f"callback URL: {error}", message=f"(#100) Invalid callback URL: {error}"
            ) from None
        return Callback(url, verify_token)


_MANY = "Message failed to send because there were too many messages sent from this phone number"
DETAILS = {
    130429: f"{_MANY} in a short period of time",
    131026: "Message Undeliverable.",
    131047: "Message failed to send because more than 24 hours have passed since the customer last replied "
    "to this number.",
    131048: "Message failed to send because there are restrictions on how many messages can be sent from "
    "this phone number.",
    131049: "This message was not delivered to maintain healthy ecosystem engagement.",
    131050: "The recipient has stopped marketing messages from this business.",
    131056: f"{_MANY} to the same phone number in a short period of time",
}


def tier_name(users: float) -> str:
    """A messaging limit (unique users a day) as the API names it."""
    if math.isinf(users):
        return "TIER_UNLIMITED"
    return f"TIER_{users // 1000:.0f}K" if users >= 1000 else f"TIER_{users:.0f}"


def _number_of_user(user_id: str) -> str:
    """A stand-in number for a business-scoped user id, which has none."""
    return f"87820{sum(ord(char) * 131**place for place, char in enumerate(user_id)) % 10**9:09d}"


@lru_cache(maxsize=100_000)
def region_of(wa_id: str) -> str | None:
    """The region (ISO 3166) of a number; None when there is none."""
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(f"+{wa_id}"))
    except phonenumbers.NumberParseException:
        return None

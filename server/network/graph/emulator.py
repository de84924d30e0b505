"""The emulated network behind the API: one business account with its numbers, and all customers."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scenarios.phones import region_of
from scenarios.schema import Scenario
from server.clock import Clock
from server.network import quality
from server.network.errors import PROFILES, UNDELIVERABLE, Place, Profile, places
from server.network.graph import flows, outgoing, templates
from server.network.graph.addresses import AllowList
from server.network.graph.behaviour import Behaviour
from server.network.graph.calendar import Calendar
from server.network.graph.customers import Customers
from server.network.graph.faults import Faults
from server.network.graph.flows import Flow, Flows
from server.network.graph.holding import Holding
from server.network.graph.lives import Lives
from server.network.graph.media import MediaStore
from server.network.graph.messages import Message, Messages
from server.network.graph.numbers import Account, Callback, Number
from server.network.graph.posting import Target
from server.network.graph.refusal import ApiError, explained, not_emulated, unknown_object
from server.network.graph.standing import Standing
from server.network.graph.telling import Telling
from server.network.graph.templates import Template
from server.network.graph.uploads import Uploads
from server.network.graph.users import wa_id_of
from server.network.graph.webhook_bodies import Update
from server.network.graph.webhooks import Sending, Webhooks
from server.network.limits import Assumed, Decision, Limits, Portfolio
from server.network.rules import Category, LimitRules, Throughput, next_limits, rules_at
from server.network.template_pacing import Pacer, PacingParameters

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
BUSINESS_ID = "506910000000001"
MARKETING_ALONE = "Only marketing templates can be sent as marketing messages"


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
    pacing: PacingParameters | None = None  # of templates; None: none is paced
    app_secret: str = ""
    webhook_url: str | None = None
    verify_token: str = ""
    allowed_hosts: Sequence[str] = ()
    batch_max: int = 1
    connections: int = 16


class Emulator:
    """Lives on the running event loop. What is not the business's own doing is in `customers` and `lives`."""

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
        self.account = Account(WABA_ID, APP_ID, BUSINESS_ID, scenario.name)
        if settings.webhook_url is not None:
            self.allowed.target(settings.webhook_url)
            self.account.app_callback = Callback(settings.webhook_url, settings.verify_token)
        self.limits = Limits(rules_at(clock.now()).limits, settings.assumed)
        self.portfolio = self.limits.portfolio(settings.level)
        judged = quality.Account(self.limits, self.portfolio)
        self.numbers = _numbers(settings, self.portfolio, judged, scenario.name)
        self.templates = templates.Templates()
        self.templates.add(HELLO_WORLD, "APPROVED", clock.now())
        self.flows = Flows()
        self.media = MediaStore(settings.app_secret.encode())
        self.uploads = Uploads()
        self.messages = Messages(time.time_ns() >> 16)
        self.faults = Faults()
        sending = Sending(settings.app_secret.encode(), settings.batch_max, settings.connections)
        self.webhooks = Webhooks(sending, self.calendar, self._target_of)
        self.telling = Telling(self.account, self.webhooks, self.faults, self.calendar, names)
        self._pacer = Pacer(settings.pacing)
        self.standing = Standing(judged, self.templates, self._pacer, self.telling, self.calendar)
        self.customers = Customers(
            settings.behaviour,
            settings.seed,
            scenario.conversations.scripts,
            self.calendar,
            self.telling,
            self.limits,
            self.standing,
            self.media,
            self.messages,
        )
        self.lives = Lives(self.calendar, self.telling, self.limits, self.standing, self.customers)
        self._holding = Holding(self._pacer, self.standing, self.lives, self.calendar)
        self._clock_changed = clock_changed
        self._targets: dict[str, Target] = {}
        self._await_limits(clock.now())

    @property
    def app_token(self) -> str:
        """The app's own token, as the platform makes it of id and secret."""
        return f"{self.account.app_id}|{self.settings.app_secret}"

    async def close(self) -> None:
        """Stop telling; nothing is kept."""
        self.calendar.close()
        await self.webhooks.close()

    def number(self, node: str) -> Number:
        """ApiError when there is no such number."""
        number = self.numbers.get(node)
        if number is None:
            raise unknown_object(node)
        return number

    def send(self, node: str, raw: bytes, *, is_lite: bool = False) -> dict[str, Any]:
        """Take the message or read receipt in `raw` from a number; the answer, or ApiError.

        `is_lite`: by the API of marketing messages, which takes marketing templates alone.
        """
        number = self.number(node)
        body = outgoing.read(raw)
        if not number.is_registered:
            raise ApiError(133010, "The account does not exist in the Cloud API: register the number first")
        if is_lite and (body.status is not None or body.type != "template"):
            raise ApiError(131009, MARKETING_ALONE)
        if body.status is not None:
            return {"success": True}
        return self._take(number, body, is_lite=is_lite)

    def _take(self, number: Number, body: outgoing.Body, *, is_lite: bool) -> dict[str, Any]:
        now_s = self.clock.now()
        given, to = _recipient(body)
        template = self._checked_content(body, now_s)
        category: Category = template.kind if template is not None else "service"
        if is_lite and category != "marketing":
            raise ApiError(131009, MARKETING_ALONE)
        if to == number.display:
            raise ApiError(131021, "Sender and recipient phone number is the same")
        if to in number.blocked:
            raise ApiError(131009, "Parameter to is not valid: the business blocked this user")
        code, window = self._decide(number, to, category, now_s)
        if code is not None and self.settings.places[code] == "sync":
            raise ApiError(code, explained(code))
        if code is None and (forced := self.faults.hits(("fail",), number.id)):
            self.limits.failed(now_s, number.limited, to, category, window)
            code = forced[0][0].code
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
            template_id=template.id if template is not None else None,
            free_until_s=number.limited.windows.free_entry_ends(to) if window.free_entry else None,
            is_lite=is_lite,
            opaque=body.biz_opaque_callback_data,
        )
        self.messages.add(message)
        if (flow := self._flow_in(body)) is not None:
            flow.note_sent(now_s)
        is_held = code is None and template is not None and self._holding.holds(number, message, template)
        if not is_held:
            self.lives.begin(number, message, code)
            if code is None:
                self.customers.conversations.note_answer(number.id, to)
        status = "held_for_quality_assessment" if is_held else "accepted"
        return {
            "messaging_product": "whatsapp",
            "contacts": [{"input": given, "wa_id": to} if body.to else {"input": given, "user_id": given}],
            "messages": [{"id": message.id, "message_status": status}],
        }

    def _checked_content(self, body: outgoing.Body, now_s: float) -> Template | None:
        """The template used, if one is; ApiError for what cannot be sent."""
        if body.type == "template" and body.template is not None:
            template = templates.check_use(self.templates, body.template)
            for kind, media_id in body.template.media:
                self._check_media(kind, media_id, now_s)
            return template
        header = (
            body.interactive.header if body.type == "interactive" and body.interactive is not None else None
        )
        if header is not None and header.file is not None:
            self._check_media(header.type, header.file.id, now_s)
        if (flow := self._flow_in(body)) is not None and body.interactive is not None:
            flow.check_send(str(body.interactive.action.parameters.get("mode") or "published"), now_s)
        if body.type in outgoing.MEDIA_TYPES:
            self._check_media(body.type, getattr(body, body.type).id, now_s)
        return None

    def _flow_in(self, body: outgoing.Body) -> Flow | None:
        """The flow that a message carries; None too for one made elsewhere, which counts as published."""
        if body.type != "interactive" or body.interactive is None or body.interactive.type != "flow":
            return None
        parameters = body.interactive.action.parameters
        named, flow_id = parameters.get("flow_name"), parameters.get("flow_id")
        return self.flows.named(str(named)) if named else self.flows.get(str(flow_id))

    def _check_media(self, kind: str, media_id: str | None, now_s: float) -> None:
        if media_id is None:
            return
        media = self.media.find(media_id, now_s)
        if media is None:
            raise ApiError(131009, f"Parameter {kind}.id is not valid: no such media, or expired")
        if kind not in (media.kind, "document"):
            raise ApiError(131053, f"Media {media_id} is of type {media.kind}, not {kind}")

    def _decide(self, number: Number, to: str, category: Category, now_s: float) -> Decision:
        """What the limits say; and a number that is not on WhatsApp, whose booking is given back at once."""
        region = region_of(f"+{to}") if category == "marketing" else None
        decision = self.limits.decide(now_s, number.limited, to, category, region)
        if decision.code is not None or self.customers.is_registered(to):
            return decision
        self.limits.failed(now_s, number.limited, to, category, decision.window)
        return Decision(UNDELIVERABLE, decision.window)

    def review(self, template: Template) -> None:
        """The platform looks at a new or edited template, and approves it after a while."""
        due_s = self.clock.now() + self.settings.template_review_s
        self.calendar.at(due_s, lambda: self._reviewed(template))

    def _reviewed(self, template: Template) -> None:
        if template.status == "PENDING" and self.templates.get(template.id) is template:
            self.set_template_status(template, "APPROVED")

    def set_template_status(self, template: Template, status: templates.Status) -> None:
        """Change it, and tell the business. Approving ends every pause, also one for quality; pausing or
        disabling it drops what is held of it.
        """
        template.status = status
        if status == "APPROVED":
            template.rated.unpause(self.clock.now())
            self._pacer.begin(template.id)
        elif status == "PAUSED":
            self._pacer.paused(self.clock.now(), template.kind)
        if status in ("PAUSED", "DISABLED"):
            self._holding.decide(template, "RED")
        more = {"disable_info": quality.disable_info(self.clock.now())} if status == "DISABLED" else {}
        told = template.rated.told(status, template.rejected_reason, **more)
        self.telling.account_event(told.field, told.value)

    def set_flow_status(self, flow: Flow, status: flows.Status) -> None:
        """Change it, and tell the business."""
        old, flow.status = flow.status, status
        value = {
            "event": "FLOW_STATUS_CHANGE",
            "message": f"Flow {flow.name} changed status from {old} to {status}",
            "flow_id": flow.id,
            "old_status": old,
            "new_status": status,
        }
        self.telling.account_event("flows", value)

    def set_speed(self, speed: float) -> None:
        self.clock.set_speed(speed)
        self.calendar.clock_changed()
        self._clock_changed()

    def advance(self, by_s: float) -> None:
        """Jump forward; what was due meanwhile happens now, in order."""
        self.clock.advance(by_s)
        self.calendar.clock_changed()
        self._clock_changed()

    def _await_limits(self, after_s: float) -> None:
        """Change the limits when the platform did, after this time."""
        if (coming := next_limits(after_s)) is not None:
            at_s, rules = coming
            self.calendar.at(at_s, lambda: self._change_limits(at_s, rules))

    def _change_limits(self, at_s: float, rules: LimitRules) -> None:
        self.limits.change_rules(rules, [one.limited for one in self.numbers.values()])
        self._await_limits(at_s)

    def _target_of(self, update: Update) -> Target | None:
        """Where it goes; None: nowhere."""
        callback = self.account.callback_of(update.field, self.numbers.get(update.sender.phone_number_id))
        if callback is None:
            return None
        target = self._targets.get(callback.url)
        if target is None:
            target = self._targets[callback.url] = self.allowed.target(callback.url)
        return target


def _numbers(
    settings: Settings, portfolio: Portfolio, judged: quality.Account, name: str
) -> dict[str, Number]:
    numbers = {}
    for index, one in enumerate(settings.number_ids):
        display, limited = str(FIRST_DISPLAY + index), judged.limits.number(portfolio, settings.throughput)
        numbers[one] = Number(one, display, f"{name} {index + 1}", limited, judged.watch(display, limited))
    return numbers


def _recipient(body: outgoing.Body) -> tuple[str, str]:
    """As it was given, and its digits."""
    given = str(body.to) if body.to is not None else body.recipient or ""
    if body.recipient_type == "group":
        raise not_emulated("groups")
    return given, outgoing.wa_id(given) if body.to is not None else wa_id_of(given)

"""The controls of the emulator, under /emulator: customers, faults, time, and what has become of messages."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, structs

from server.http.problems import Problem, of_decoding
from server.network.graph.behaviour import Behaviour
from server.network.graph.digits import whole
from server.network.graph.faults import Fault, as_listed, problem_of
from server.network.graph.http import Answer, Call, Line, answer
from server.network.graph.inbound import Writes
from server.network.graph.messages import Message
from server.network.graph.numbers import Number
from server.network.graph.outgoing import is_number, wa_id
from server.network.rules import Throughput

LISTED, MAX_LISTED = 100, 1000
LOOKS = ("opaque", "id", "to", "limit")  # parameters by which messages are looked for


class ClockBody(Struct, forbid_unknown_fields=True, kw_only=True):
    """`speed`: emulated seconds a real one; `advance_s`: jump forward by so many emulated seconds."""

    speed: Annotated[float, Meta(gt=0, le=1e6)] | None = None
    advance_s: Annotated[float, Meta(ge=0, le=366 * 86_400)] | None = None


class ActBody(Struct, forbid_unknown_fields=True, kw_only=True):
    """On which number (phone_number_id), by default that of the message or the first; `message`: the id of
    the one that moved to it.
    """

    number: str | None = None
    message: str | None = None


class ConversationsBody(Struct, forbid_unknown_fields=True, kw_only=True):
    """`count` customers begin a conversation with `number`, spread evenly over `over_s` emulated seconds."""

    count: Annotated[int, Meta(ge=1, le=100_000)]
    over_s: Annotated[float, Meta(ge=0, le=7 * 86_400)] = 0.0
    number: str | None = None


class NumberBody(Struct, forbid_unknown_fields=True, kw_only=True):
    """`level`: index of the messaging limit; `registered` False: as if it had been deregistered."""

    throughput: Throughput | UnsetType = UNSET
    level: Annotated[int, Meta(ge=0, le=4)] | UnsetType = UNSET
    registered: bool | UnsetType = UNSET


class FlowBody(Struct, forbid_unknown_fields=True, kw_only=True):
    """As the platform does to a flow whose endpoint fails, and takes back."""

    status: Literal["PUBLISHED", "BLOCKED", "THROTTLED"]


class TemplateBody(Struct, forbid_unknown_fields=True, kw_only=True):
    status: Literal["PENDING", "APPROVED", "REJECTED", "PAUSED", "DISABLED"]


async def write(call: Call) -> Answer:
    number = _number(call, call.body.number)
    return answer({"id": call.emulator.customers.write(number, call.body, call.origin)}, 201)


async def listed(call: Call) -> Answer:
    """Of this opaque callback data, with this id, to this person: the latest of those that are all of it."""
    messages, query = call.emulator.messages, call.query
    if strange := query.keys() - LOOKS:
        raise Problem(422, f"no such parameter; there are {', '.join(LOOKS)}", min(strange))
    limit = whole(query.get("limit", str(MAX_LISTED if "opaque" in query else LISTED)))
    if limit is None or not 1 <= limit <= MAX_LISTED:
        raise Problem(422, f"must be a number from 1 to {MAX_LISTED}", "limit")
    to = _customer(query["to"], "to") if "to" in query else None
    if "id" in query:
        found = [one] if (one := messages.get(query["id"])) is not None else []
    elif "opaque" in query:
        found = messages.with_opaque(query["opaque"])
    else:
        found = messages.latest(limit, to)
    are_meant = [
        one for one in found if to in (None, one.to) and query.get("opaque", one.opaque) == one.opaque
    ]
    return answer({"messages": [one.shown() for one in are_meant[-limit:]]})


def _customer(text: str, field: str) -> str:
    digits = wa_id(text)
    if not is_number(digits):
        raise Problem(422, "not a phone number", field)
    return digits


async def act(call: Call) -> Answer:
    """A customer blocks, unblocks, reports, stops or resumes marketing."""
    customers, customer = call.emulator.customers, _customer(call.path["customer"], "customer")
    message = _message(call, customer)
    number = _number(call, call.body.number if message is None else message.number_id)
    acts: dict[str, Callable[[Number, str], None]] = {
        "block": partial(customers.block, because_of=message),
        "unblock": customers.unblock,
        "report": partial(customers.report, because_of=message),
        "stop": customers.stop_marketing,
        "resume": customers.resume_marketing,
    }
    if call.path["act"] not in acts:
        raise Problem(404, f"a customer can {', '.join(acts)}")
    acts[call.path["act"]](number, customer)
    return answer({"number": number.id, "customer": customer})


def _message(call: Call, customer: str) -> Message | None:
    """The one that moved the customer, if any."""
    if call.body.message is None:
        return None
    message = call.emulator.messages.get(call.body.message)
    if message is None:
        raise Problem(404, "no such message", "message")
    if message.to != customer or call.body.number not in (None, message.number_id):
        raise Problem(422, f"went from {message.number_id} to {message.to}", "message")
    return message


def _number(call: Call, node: str | None) -> Number:
    numbers = call.emulator.numbers
    if node is None:
        return next(iter(numbers.values()))
    if node not in numbers:
        raise Problem(404, f"no such number; there are {', '.join(list(numbers)[:10])}", "number")
    return numbers[node]


async def get_behaviour(call: Call) -> Answer:
    return answer(call.emulator.customers.behaviour)


async def put_behaviour(call: Call) -> Answer:
    """Only what is given changes; it holds for what happens from now on."""
    whole = {**structs.asdict(call.emulator.customers.behaviour), **call.body}
    try:
        call.emulator.customers.behaviour = msgspec.convert(whole, Behaviour)
    except msgspec.ValidationError as error:
        raise of_decoding(error, Behaviour) from None
    return answer(call.emulator.customers.behaviour)


async def begin_conversations(call: Call) -> Answer:
    body: ConversationsBody = call.body
    call.emulator.customers.begin_conversations(_number(call, body.number), body.count, body.over_s)
    return answer(call.emulator.customers.conversations.shown(), 202)


async def get_conversations(call: Call) -> Answer:
    return answer(call.emulator.customers.conversations.shown())


async def add_fault(call: Call) -> Answer:
    fault: Fault = call.body
    if (problem := problem_of(fault)) is not None:
        field, why = problem
        raise Problem(422, why, field)
    if fault.number is not None:
        _number(call, fault.number)
    return answer(as_listed(call.emulator.faults.add(fault)), 201)


async def get_faults(call: Call) -> Answer:
    return answer({"faults": [as_listed(one) for one in call.emulator.faults.listed()]})


async def clear_faults(call: Call) -> Answer:
    call.emulator.faults.clear()
    return answer({"faults": []})


async def remove_fault(call: Call) -> Answer:
    if not call.emulator.faults.remove(call.path["fault"]):
        raise Problem(404, "no such fault is on", "fault")
    return await get_faults(call)


async def get_clock(call: Call) -> Answer:
    return answer(_clock(call))


async def post_clock(call: Call) -> Answer:
    if call.body.speed is not None:
        call.emulator.set_speed(call.body.speed)
    if call.body.advance_s is not None:
        call.emulator.advance(call.body.advance_s)
    return answer(_clock(call))


def _clock(call: Call) -> dict[str, float]:
    return {"now_s": call.emulator.clock.now(), "speed": call.emulator.clock.speed}


async def app_secret(call: Call) -> Answer:
    """What webhooks are signed with, for who may control the emulator."""
    return answer({"app_secret": call.emulator.settings.app_secret})


async def set_number(call: Call) -> Answer:
    body: NumberBody = call.body
    number = _number(call, call.path["number"])
    if body.throughput is not UNSET:
        number.limited.meter.change(call.emulator.clock.now(), body.throughput)
    if body.level is not UNSET:
        number.limited.tier.set_level(body.level)
    if body.registered is not UNSET:
        number.is_registered = body.registered
    return answer(number.shown())


async def set_template(call: Call) -> Answer:
    template = call.emulator.templates.get(call.path["template"])
    if template is None:
        raise Problem(404, "no such template", "template")
    call.emulator.set_template_status(template, call.body.status)
    return answer(template.shown())


async def set_flow(call: Call) -> Answer:
    flow = call.emulator.flows.get(call.path["flow"])
    if flow is None:
        raise Problem(404, "no such flow", "flow")
    if flow.status in ("DRAFT", "DEPRECATED"):
        raise Problem(409, f"the flow is {flow.status}; only a published one can change so", "flow")
    call.emulator.set_flow_status(flow, call.body.status)
    return answer({"id": flow.id, "status": flow.status})


async def state(call: Call) -> Answer:
    """Counts of everything, and the numbers as the API shows them."""
    emulator, account = call.emulator, call.emulator.account
    numbers: list[dict[str, Any]] = [one.shown() for one in emulator.numbers.values()]
    return answer(
        {
            "clock": _clock(call),
            "account": {
                "waba_id": account.waba_id,
                "app_id": account.app_id,
                "business_id": account.business_id,
            },
            "numbers": numbers,
            "messages": emulator.lives.counts,
            "webhooks": emulator.webhooks.shown(),
            "conversations": emulator.customers.conversations.shown(),
            "faults": [as_listed(one) for one in emulator.faults.listed()],
        }
    )


ADMIN = "admin"
ROUTES = (
    Line("POST", "/emulator/messages", write, ADMIN, Writes, 32 * 1024 * 1024),
    Line("GET", "/emulator/messages", listed, "read"),
    Line("POST", "/emulator/customers/{customer}/{act}", act, ADMIN, ActBody),
    Line("GET", "/emulator/behaviour", get_behaviour, "read"),
    Line("PUT", "/emulator/behaviour", put_behaviour, ADMIN, dict[str, Any]),
    Line("GET", "/emulator/conversations", get_conversations, "read"),
    Line("POST", "/emulator/conversations", begin_conversations, ADMIN, ConversationsBody),
    Line("GET", "/emulator/faults", get_faults, "read"),
    Line("POST", "/emulator/faults", add_fault, ADMIN, Fault),
    Line("DELETE", "/emulator/faults", clear_faults, ADMIN),
    Line("DELETE", "/emulator/faults/{fault:int}", remove_fault, ADMIN),
    Line("GET", "/emulator/clock", get_clock, "read"),
    Line("POST", "/emulator/clock", post_clock, ADMIN, ClockBody),
    Line("POST", "/emulator/numbers/{number}", set_number, ADMIN, NumberBody),
    Line("POST", "/emulator/templates/{template}", set_template, ADMIN, TemplateBody),
    Line("POST", "/emulator/flows/{flow}", set_flow, ADMIN, FlowBody),
    Line("GET", "/emulator/app-secret", app_secret, ADMIN),
    Line("GET", "/emulator/state", state, "read"),
)

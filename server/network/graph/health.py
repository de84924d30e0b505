"""The field health_status: whether a number, a template or the account can send, and what is in the way.

Shape and words of status: the platform's page on health status. Assumed: which state of the emulator counts
as what, and every text; codes and titles are those that a message would be refused with. Calls are not
emulated, so nothing is said of them.
"""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from server.network.errors import CODES, LOCKED, MAINTENANCE, RESTRICTED
from server.network.graph.flows import BLOCKED, THROTTLED, Flow
from server.network.graph.numbers import Account, Number
from server.network.graph.templates import Status, Template
from server.network.limits import Portfolio

Sending = Literal["AVAILABLE", "LIMITED", "BLOCKED"]
WORST_FIRST: tuple[Sending, ...] = ("BLOCKED", "LIMITED", "AVAILABLE")
UNREGISTERED = 133010
TEMPLATE_CODES: Mapping[Status, int] = {
    "PENDING": 132001,
    "REJECTED": 132001,
    "PAUSED": 132015,
    "DISABLED": 132016,
}
SOLUTIONS: Mapping[int, str] = {
    UNREGISTERED: "Register the phone number.",
    MAINTENANCE: "Wait until the upgrade of the throughput is over.",
    LOCKED: "The account is disabled for good.",
    RESTRICTED: "Wait until the restriction expires.",
    132001: "Wait until the template is approved, or edit it.",
    132015: "Wait until the pause is over, or unpause the template.",
    132016: "Use another template.",
    BLOCKED: "Mend the endpoint of the flow.",
}


class Trouble(Struct, frozen=True):
    """Why a node is blocked."""

    error_code: int
    error_description: str
    possible_solution: str


class Entity(Struct, frozen=True, omit_defaults=True):
    """One node that a message would pass; `errors` if it is blocked, `additional_info` if it is limited."""

    entity_type: Literal["PHONE_NUMBER", "MESSAGE_TEMPLATE", "FLOW", "WABA", "BUSINESS", "APP"]
    id: str
    can_send_message: Sending
    errors: tuple[Trouble, ...] = ()
    additional_info: tuple[str, ...] = ()


class Health(Struct, frozen=True):
    """`can_send_message`: the worst of all."""

    can_send_message: Sending
    entities: tuple[Entity, ...]


def of_number(now_s: float, account: Account, number: Number) -> Health:
    """Of a phone number and all above it."""
    return _health(now_s, account, number.limited.portfolio, _number(now_s, number))


def of_template(now_s: float, account: Account, portfolio: Portfolio, template: Template) -> Health:
    """Of a template and all above it."""
    code = TEMPLATE_CODES.get(template.state)
    return _health(now_s, account, portfolio, _entity("MESSAGE_TEMPLATE", template.id, code))


def of_flow(now_s: float, account: Account, portfolio: Portfolio, flow: Flow) -> Health:
    """Of a flow and all above it."""
    held = (f"{CODES[THROTTLED].title}: few messages an hour may carry it.",)
    entity = _entity(
        "FLOW",
        flow.id,
        BLOCKED if flow.status == "BLOCKED" else None,
        held if flow.status == "THROTTLED" else (),
    )
    return _health(now_s, account, portfolio, entity)


def of_account(now_s: float, account: Account, portfolio: Portfolio) -> Health:
    """Of the business account alone."""
    return _health(now_s, account, portfolio)


def _health(now_s: float, account: Account, portfolio: Portfolio, *first: Entity) -> Health:
    entities = (
        *first,
        _waba(now_s, account, portfolio),
        Entity("BUSINESS", account.business_id, "AVAILABLE"),
        Entity("APP", account.app_id, "AVAILABLE"),
    )
    return Health(min((one.can_send_message for one in entities), key=WORST_FIRST.index), entities)


def _number(now_s: float, number: Number) -> Entity:
    if not number.is_registered:
        return _entity("PHONE_NUMBER", number.id, UNREGISTERED)
    if now_s < number.limited.meter.unusable_until_s:
        return _entity("PHONE_NUMBER", number.id, MAINTENANCE)
    held = ("Users blocked or reported this number: only answers are sent.",)
    return _entity("PHONE_NUMBER", number.id, limits=held if now_s < number.limited.spam.held_until_s else ())


def _waba(now_s: float, account: Account, portfolio: Portfolio) -> Entity:
    if portfolio.disabled:
        return _entity("WABA", account.waba_id, LOCKED)
    if now_s < portfolio.all_restricted_until_s:
        return _entity("WABA", account.waba_id, RESTRICTED)
    limits = ("Messages that the business initiates are restricted: only answers are sent.",)
    is_limited = now_s < portfolio.initiated_restricted_until_s
    return _entity("WABA", account.waba_id, limits=limits if is_limited else ())


def _entity(
    kind: Literal["PHONE_NUMBER", "MESSAGE_TEMPLATE", "FLOW", "WABA"],
    node: str,
    code: int | None = None,
    limits: tuple[str, ...] = (),
) -> Entity:
    if code is not None:
        return Entity(kind, node, "BLOCKED", (Trouble(code, CODES[code].title, SOLUTIONS[code]),))
    return Entity(kind, node, "LIMITED" if limits else "AVAILABLE", additional_info=limits)

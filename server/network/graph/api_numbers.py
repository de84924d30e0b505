"""Routes of a phone number: registration, blocked users."""

import hmac
import re
from typing import Any

from server.network.graph.http import Answer, Call, Line, answer
from server.network.graph.outgoing import is_number, wa_id
from server.network.graph.refusal import ApiError
from server.network.graph.requests import SUCCESS, page_of, parameters_of
from server.network.graph.users import user_id

SIX_DIGITS = re.compile("[0-9]{6}")


async def register(call: Call) -> Answer:
    number, given = call.emulator.number(call.node), parameters_of(call)
    pin = pin_of(given)
    if number.pin is not None and not hmac.compare_digest(pin, number.pin):
        raise ApiError(131031, "The two-step verification PIN is not the number's")
    number.note_registration(call.emulator.clock.now())
    number.pin, number.is_registered = pin, True
    return SUCCESS


async def deregister(call: Call) -> Answer:
    number = call.emulator.number(call.node)
    if not number.is_registered:
        raise ApiError(133010, "The number is not registered")
    number.note_registration(call.emulator.clock.now())
    number.is_registered = False
    return SUCCESS


def pin_of(given: dict[str, Any]) -> str:
    pin = str(given.get("pin", ""))
    if not pin:
        raise ApiError(131008, "Parameter is missing: pin")
    if not SIX_DIGITS.fullmatch(pin):
        raise ApiError(131009, "Parameter pin is not valid: six digits")
    return pin


async def request_code(call: Call) -> Answer:
    """A code by SMS or voice: none is sent, any six digits will do."""
    call.emulator.number(call.node)
    return SUCCESS


async def verify_code(call: Call) -> Answer:
    call.emulator.number(call.node)
    given = str(parameters_of(call).get("code", ""))
    if not given:
        raise ApiError(131008, "Parameter is missing: code")
    if not SIX_DIGITS.fullmatch(given.replace("-", "")):
        raise ApiError(131009, "Parameter code is not valid: six digits")
    return SUCCESS


async def get_blocked(call: Call) -> Answer:
    blocked = list(call.emulator.number(call.node).blocked)
    page, paging = page_of(
        call,
        [
            {"messaging_product": "whatsapp", "input": f"+{one}", "wa_id": one, "user_id": user_id(one)}
            for one in blocked
        ],
    )
    return answer({"data": page, "paging": paging})


async def post_blocked(call: Call) -> Answer:
    number, users = call.emulator.number(call.node), _users(call)
    number.blocked.update(dict.fromkeys(wa_id(user) for user in users))
    return answer({"messaging_product": "whatsapp", "block_users": {"added_users": _named(users)}})


async def delete_blocked(call: Call) -> Answer:
    number, users = call.emulator.number(call.node), _users(call)
    for user in users:
        number.blocked.pop(wa_id(user), None)
    return answer({"messaging_product": "whatsapp", "block_users": {"removed_users": _named(users)}})


def _users(call: Call) -> list[str]:
    listed = parameters_of(call).get("block_users")
    if not isinstance(listed, list) or not listed:
        raise ApiError(131008, "Parameter is missing: block_users")
    users = [str(one.get("user", "")) if isinstance(one, dict) else "" for one in listed]
    for index, user in enumerate(users):
        if not is_number(wa_id(user)):
            raise ApiError(131009, f"Parameter block_users[{index}].user is not valid: not a phone number")
    return users


def _named(users: list[str]) -> list[dict[str, str]]:
    return [{"input": user, "wa_id": wa_id(user), "user_id": user_id(wa_id(user))} for user in users]


ROUTES = (
    Line("POST", "/{node:node}/register", register),
    Line("POST", "/{node:node}/deregister", deregister),
    Line("POST", "/{node:node}/request_code", request_code),
    Line("POST", "/{node:node}/verify_code", verify_code),
    Line("GET", "/{node:node}/block_users", get_blocked),
    Line("POST", "/{node:node}/block_users", post_blocked),
    Line("DELETE", "/{node:node}/block_users", delete_blocked),
)

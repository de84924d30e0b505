"""Routes of the business account and its app: numbers, subscriptions, tokens."""

import hmac
from typing import Any

from server.http.problems import Problem
from server.network.graph.fields import OBJECT, check_object, fields_of
from server.network.graph.http import Answer, Call, Line, answer
from server.network.graph.numbers import APP_NAME
from server.network.graph.refusal import ApiError, unknown_object
from server.network.graph.requests import SUCCESS, account_of, page_of, parameters_of
from server.network.graph.showing import shown_number
from server.network.graph.verifying import override_in, verified

USER_ID = "410770000000001"  # of the system user whose token it is
VERSION = "v26.0"  # of a field's webhooks, as subscriptions show it
PERMISSIONS = ("whatsapp_business_management", "whatsapp_business_messaging")


async def get_subscribed(call: Call) -> Answer:
    account = account_of(call)
    return answer({"data": account.apps_shown()})


async def post_subscribed(call: Call) -> Answer:
    account, given = account_of(call), parameters_of(call)
    account.callback = await override_in(call.emulator.allowed, given)
    account.is_subscribed = True
    if account.callback is None:
        return SUCCESS
    return answer({"success": True, "data": [account.app_shown()]})


async def delete_subscribed(call: Call) -> Answer:
    account = account_of(call)
    account.is_subscribed, account.callback = False, None
    return SUCCESS


async def post_subscription(call: Call) -> Answer:
    """The app's own webhook address, and the fields it is told of: these, and no longer those of before."""
    emulator, given = call.emulator, _of_app(call)
    names = fields_of(given)
    callback = await verified(emulator.allowed, str(given.get("callback_url", "")), given)
    emulator.account.app_callback, emulator.account.app_fields = callback, names
    return SUCCESS


async def get_subscriptions(call: Call) -> Answer:
    _of_app(call)
    account = call.emulator.account
    if (callback := account.app_callback) is None:
        return answer({"data": []})
    names = [{"name": one, "version": VERSION} for one in account.app_fields]
    shown = {"object": OBJECT, "callback_url": callback.url, "active": True, "fields": names}
    return answer({"data": [shown]})


async def delete_subscription(call: Call) -> Answer:
    """The fields that are named are told no more; without any, or when none is left, nothing is."""
    gone, account = fields_of(_of_app(call)), call.emulator.account
    account.app_fields = tuple(one for one in account.app_fields if one not in gone)
    if not account.app_fields:
        account.app_callback = None
    return SUCCESS


def _of_app(call: Call) -> dict[str, Any]:
    """What is asked of the app's subscription."""
    if call.node != call.emulator.account.app_id:
        raise unknown_object(call.node)
    given = parameters_of(call)
    check_object(given)
    return given


async def phone_numbers(call: Call) -> Answer:
    account_of(call)
    shown = [shown_number(call, one) for one in call.emulator.numbers.values()]
    page, paging = page_of(call, shown)
    return answer({"data": page, "paging": paging})


async def access_token(call: Call) -> Answer:
    """The app's token, for the app's secret."""
    secret = call.emulator.settings.app_secret
    given = str(parameters_of(call).get("client_secret", ""))
    if not secret or not hmac.compare_digest(given.encode(), secret.encode()):
        why = "Error validating client secret."
        raise ApiError(190, why, message=why)
    return answer({"access_token": call.emulator.app_token, "token_type": "bearer"})


async def debug_token(call: Call) -> Answer:
    """What a token may do. Ours may do all that the API offers, and does not expire."""
    given = call.query.get("input_token", "")
    try:
        call.tokens.demand([(b"authorization", b"Bearer " + given.encode())], "send")
    except Problem:
        why = {"code": 190, "message": "The access token could not be decrypted"}
        return answer({"data": {"error": why, "is_valid": False, "scopes": []}})
    account = call.emulator.account
    told: dict[str, Any] = {
        "app_id": account.app_id,
        "type": "SYSTEM_USER",
        "application": APP_NAME,
        "expires_at": 0,
        "is_valid": True,
        "issued_at": 0,
        "scopes": PERMISSIONS,
        "granular_scopes": [{"scope": one, "target_ids": [account.waba_id]} for one in PERMISSIONS],
        "user_id": USER_ID,
    }
    return answer({"data": told})


async def me(_call: Call) -> Answer:
    """Whose the token is."""
    return answer({"id": USER_ID, "name": APP_NAME})


ROUTES = (
    Line("GET", "/debug_token", debug_token),
    Line("GET", "/me", me),
    Line("GET", "/{node:node}/subscribed_apps", get_subscribed),
    Line("POST", "/{node:node}/subscribed_apps", post_subscribed),
    Line("DELETE", "/{node:node}/subscribed_apps", delete_subscribed),
    Line("GET", "/{node:node}/subscriptions", get_subscriptions),
    Line("POST", "/{node:node}/subscriptions", post_subscription),
    Line("DELETE", "/{node:node}/subscriptions", delete_subscription),
    Line("GET", "/{node:node}/phone_numbers", phone_numbers),
    Line("GET", "/oauth/access_token", access_token, None),
    Line("POST", "/oauth/access_token", access_token, None),
)

"""The routes of the Cloud API that client libraries call, each one a function of the call."""

import asyncio
import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from server.network.graph import media as media_store
from server.network.graph.http import Answer, Call, Line, answer
from server.network.graph.numbers import PROFILE_FIELDS, Account, Number
from server.network.graph.outgoing import wa_id
from server.network.graph.refusal import ApiError, unknown_object
from server.network.graph.templates import Template, checked_components
from server.network.graph.users import user_id
from server.network.graph.verifying import verify

SUCCESS = answer({"success": True})
MAX_UPLOAD = media_store.LARGEST + 64 * 1024
MAX_PAGE = 1000
MAX_TEMPLATES = 6000  # of a verified business, by the platform's page on templates
CONTENT_PATH = "/whatsapp_business/attachments"
_uploads = asyncio.Semaphore(2)  # whole files are held in memory


async def messages(call: Call) -> Answer:
    return answer(call.emulator.send(call.node, _json(call)))


async def marketing_messages(call: Call) -> Answer:
    return answer(call.emulator.send_marketing(call.node, _json(call)))


def _json(call: Call) -> bytes:
    """The body, where a form stands for an object: its values may be JSON, as `text={"body": "Hi"}`."""
    kind = call.header(b"content-type") or ""
    if not kind.startswith("application/x-www-form-urlencoded") or call.body[:1] in b"{[":
        return bytes(call.body)
    fields = parse_qsl(call.body.decode("latin-1"), keep_blank_values=True)
    return msgspec.json.encode({name: _value(text) for name, text in fields})


def _value(text: str) -> Any:
    if text[:1] not in ("{", "["):
        return text
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


async def upload(call: Call) -> Answer:
    call.emulator.number(call.node)
    async with _uploads:
        content, mime_type = await _uploaded(call)
        kept = call.emulator.media.add(content, mime_type, call.emulator.clock.now())
    return answer({"id": kept.id})


async def _uploaded(call: Call) -> tuple[bytes, str]:
    """The file of a multipart form and its format."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": call.body, "more_body": False}

    scope = {"type": "http", "method": "POST", "headers": list(call.headers)}
    try:
        async with Request(scope, receive).form(max_files=1, max_fields=8) as form:
            given, product = form.get("file"), form.get("messaging_product")
            if product != "whatsapp":
                raise ApiError(100, "The parameter messaging_product is required and must be whatsapp.")
            if not isinstance(given, UploadFile):
                raise ApiError(131008, "Parameter is missing: file")
            mime_type = given.content_type or str(form.get("type") or "")
            return await given.read(), mime_type
    except HTTPException as error:
        raise ApiError(100, f"The form cannot be read: {error.detail}") from None


async def download(call: Call) -> Answer:
    query = call.query
    found = call.emulator.media.open(
        query.get("mid", ""), query.get("ext", ""), query.get("hash", ""), call.emulator.clock.now()
    )
    return Answer(found.content, 200, found.mime_type.encode("latin-1", "replace"))


async def get_node(call: Call) -> Answer:
    """A number, the account, a template or a medium."""
    emulator, node = call.emulator, call.node
    if node in emulator.numbers:
        return answer(_selected(call, emulator.numbers[node].shown()))
    if node == emulator.account.waba_id:
        return answer(_selected(call, emulator.account.shown()))
    if (template := emulator.templates.get(node)) is not None:
        return answer(template.shown())
    return answer(_shown_media(call, emulator.media.get(node, emulator.clock.now())))


def _selected(call: Call, whole: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that the query asks for, and the id; all without a query."""
    wanted = call.query.get("fields")
    if wanted is None:
        return dict(whole)
    names = {"id", *wanted.split(",")}
    return {name: value for name, value in whole.items() if name in names}


def _shown_media(call: Call, found: media_store.Media) -> dict[str, Any]:
    host = call.header(b"host") or "localhost"
    query = call.emulator.media.url_query(found.id, call.emulator.clock.now())
    return {
        "url": f"{call.scheme}://{host}{CONTENT_PATH}?{query}",
        "mime_type": found.mime_type,
        "sha256": found.sha256.hex(),
        "file_size": len(found.content),
        "id": found.id,
        "messaging_product": "whatsapp",
    }


async def post_node(call: Call) -> Answer:
    """Settings of a number (webhook address, PIN), or an edited template."""
    emulator, given = call.emulator, _object(call)
    template = emulator.templates.get(call.node)
    if template is not None:
        _edit(template, given)
        emulator.review(template)
        return SUCCESS
    number = emulator.number(call.node)
    if "pin" in given:
        number.pin = _pin(given)
    if isinstance(configuration := given.get("webhook_configuration"), dict):
        await _override(call, number, configuration)
    return SUCCESS


async def _override(call: Call, number: Number, configuration: dict[str, Any]) -> None:
    url = str(configuration.get("override_callback_uri", ""))
    if not url:
        number.callback = None
        return
    callback = call.emulator.checked_callback(url, str(configuration.get("verify_token", "")))
    await verify(call.emulator.allowed.target(url), callback.verify_token)
    number.callback = callback


def _edit(template: Template, given: dict[str, Any]) -> None:
    if "components" in given:
        template.components = checked_components(given["components"], template.category)
    template.status = "PENDING"


async def delete_node(call: Call) -> Answer:
    call.emulator.media.delete(call.node, call.emulator.clock.now())
    return SUCCESS


async def register(call: Call) -> Answer:
    number, given = call.emulator.number(call.node), _object(call)
    pin = _pin(given)
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


def _pin(given: dict[str, Any]) -> str:
    pin = str(given.get("pin", ""))
    if not pin:
        raise ApiError(131008, "Parameter is missing: pin")
    if len(pin) != 6 or not pin.isdecimal():
        raise ApiError(131009, "Parameter pin is not valid: six digits")
    return pin


async def request_code(call: Call) -> Answer:
    """A code by SMS or voice: none is sent, any six digits will do."""
    call.emulator.number(call.node)
    return SUCCESS


async def verify_code(call: Call) -> Answer:
    call.emulator.number(call.node)
    given = str(call.query.get("code") or (_object(call).get("code", "") if call.body else ""))
    if not given:
        raise ApiError(131008, "Parameter is missing: code")
    if len(given.replace("-", "")) != 6:
        raise ApiError(131009, "Parameter code is not valid: six digits")
    return SUCCESS


async def get_profile(call: Call) -> Answer:
    profile = call.emulator.number(call.node).profile
    return answer({"data": [{"messaging_product": "whatsapp", **profile}]})


async def post_profile(call: Call) -> Answer:
    number, given = call.emulator.number(call.node), _object(call)
    number.profile.update({name: given[name] for name in PROFILE_FIELDS if name in given})
    return SUCCESS


async def get_settings(call: Call) -> Answer:
    return answer(call.emulator.number(call.node).settings)


async def post_settings(call: Call) -> Answer:
    call.emulator.number(call.node).settings.update(_object(call))
    return SUCCESS


async def get_blocked(call: Call) -> Answer:
    blocked = list(call.emulator.number(call.node).blocked)
    page, paging = _page(
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
    listed = _object(call).get("block_users")
    if not isinstance(listed, list) or not listed:
        raise ApiError(131008, "Parameter is missing: block_users")
    return [str(one.get("user", "")) for one in listed if isinstance(one, dict)]


def _named(users: list[str]) -> list[dict[str, str]]:
    return [{"input": user, "wa_id": wa_id(user), "user_id": user_id(wa_id(user))} for user in users]


async def get_templates(call: Call) -> Answer:
    _account(call)
    query = call.query
    found = [
        one.shown()
        for one in call.emulator.templates
        if query.get("name", one.name) == one.name
        and query.get("status", one.state).upper() == one.state
        and query.get("category", one.category).upper() == one.category
        and query.get("language", one.language) == one.language
    ]
    page, paging = _page(call, found)
    summary = {
        "total_count": len(found),
        "message_template_count": len(list(call.emulator.templates)),
        "message_template_limit": MAX_TEMPLATES,
        "are_translations_complete": True,
    }
    return answer({"data": page, "paging": paging, "summary": summary})


async def post_template(call: Call) -> Answer:
    _account(call)
    template = call.emulator.templates.add(_object(call), "PENDING", call.emulator.clock.now())
    call.emulator.review(template)
    return answer({"id": template.id, "status": template.status, "category": template.category})


async def delete_template(call: Call) -> Answer:
    _account(call)
    name = call.query.get("name", "")
    if not call.emulator.templates.remove(name, call.query.get("hsm_id")):
        raise ApiError(
            100, f"there is no template {name}", subcode=2593002, message="Message Template Not Found"
        )
    return SUCCESS


async def unpause_template(call: Call) -> Answer:
    template = call.emulator.templates.get(call.node)
    if template is None:
        raise unknown_object(call.node)
    if template.status != "PAUSED":
        why = "is paused for its quality" if template.state == "PAUSED" else "is not paused"
        return answer({"success": False, "reason": f"The template {why}"})
    call.emulator.set_template_status(template, "APPROVED")
    return SUCCESS


async def get_subscribed(call: Call) -> Answer:
    account = _account(call)
    return answer({"data": [account.app_shown()] if account.is_subscribed else []})


async def post_subscribed(call: Call) -> Answer:
    account, given = _account(call), _object(call) if call.body else {}
    account.is_subscribed = True
    url = str(given.get("override_callback_uri", ""))
    if not url:
        account.callback = None
        return SUCCESS
    callback = call.emulator.checked_callback(url, str(given.get("verify_token", "")))
    await verify(call.emulator.allowed.target(url), callback.verify_token)
    account.callback = callback
    return answer({"success": True, "data": [account.app_shown()]})


async def delete_subscribed(call: Call) -> Answer:
    account = _account(call)
    account.is_subscribed, account.callback = False, None
    return SUCCESS


async def post_subscription(call: Call) -> Answer:
    """The app's own webhook address."""
    emulator = call.emulator
    if call.node != emulator.account.app_id:
        raise unknown_object(call.node)
    given = {**call.query, **(_object(call) if call.body else {})}
    url = str(given.get("callback_url", ""))
    callback = emulator.checked_callback(url, str(given.get("verify_token", "")))
    await verify(emulator.allowed.target(url), callback.verify_token)
    emulator.account.app_callback = callback
    return SUCCESS


async def get_subscriptions(call: Call) -> Answer:
    account = call.emulator.account
    if call.node != account.app_id:
        raise unknown_object(call.node)
    callback = account.app_callback
    shown = (
        {"object": "whatsapp_business_account", "callback_url": callback.url, "active": True}
        if callback
        else {}
    )
    return answer({"data": [shown] if shown else []})


async def phone_numbers(call: Call) -> Answer:
    _account(call)
    shown = [one.shown() for one in call.emulator.numbers.values()]
    page, paging = _page(call, shown)
    return answer({"data": page, "paging": paging})


async def access_token(call: Call) -> Answer:
    """The app's token, for the app's secret."""
    secret = call.emulator.settings.app_secret
    given = call.query.get("client_secret", "")
    if not secret or not hmac.compare_digest(given.encode(), secret.encode()):
        raise ApiError(190, "Error validating client secret.")
    return answer({"access_token": f"{call.emulator.account.app_id}|app", "token_type": "bearer"})


async def begin_upload(call: Call) -> Answer:
    if call.node != call.emulator.account.app_id:
        raise unknown_object(call.node)
    query = call.query
    session_id = call.emulator.uploads.begin(query.get("file_length", ""), query.get("file_type", ""))
    return answer({"id": session_id})


async def put_upload(call: Call) -> Answer:
    offset = call.header(b"file_offset") or "0"
    session_id = call.path["session"]
    handle = call.emulator.uploads.put(session_id, offset, call.body)
    return answer({"h": handle} if handle else {"id": session_id})


async def get_upload(call: Call) -> Answer:
    session_id = call.path["session"]
    return answer({"id": session_id, "file_offset": call.emulator.uploads.offset(session_id)})


async def unknown(call: Call) -> Answer:
    """Whatever else is asked of an object."""
    raise unknown_object(call.node)


def _account(call: Call) -> Account:
    account = call.emulator.account
    if call.node != account.waba_id:
        raise unknown_object(call.node)
    return account


def _object(call: Call) -> dict[str, Any]:
    try:
        given = msgspec.json.decode(call.body, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise ApiError(100, f"The request body is not valid JSON: {error}") from None
    return given


def _page(call: Call, rows: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """A page of rows by the query's limit and cursors, which are places in the list."""
    limit = call.query.get("limit", "25")
    size = min(int(limit), MAX_PAGE) if limit.isdecimal() and int(limit) else 25
    after, before = call.query.get("after", ""), call.query.get("before", "")
    start = int(after) if after.isdecimal() else 0
    if before.isdecimal():
        start = max(0, int(before) - size)
    page = rows[start : start + size]
    paging: dict[str, Any] = {"cursors": {"before": str(start), "after": str(start + len(page))}}
    if start + size < len(rows):
        paging["next"] = f"?limit={size}&after={start + size}"
    return page, paging


ROUTES = (
    Line("POST", "/{node:node}/messages", messages),
    Line("POST", "/{node:node}/marketing_messages", marketing_messages),
    Line("POST", "/{node:node}/media", upload, max_body=MAX_UPLOAD),
    Line("GET", "/{node:node}", get_node),
    Line("POST", "/{node:node}", post_node),
    Line("POST", "/{node:node}/", post_node),
    Line("DELETE", "/{node:node}", delete_node),
    Line("POST", "/{node:node}/register", register),
    Line("POST", "/{node:node}/deregister", deregister),
    Line("POST", "/{node:node}/request_code", request_code),
    Line("POST", "/{node:node}/verify_code", verify_code),
    Line("GET", "/{node:node}/whatsapp_business_profile", get_profile),
    Line("POST", "/{node:node}/whatsapp_business_profile", post_profile),
    Line("GET", "/{node:node}/settings", get_settings),
    Line("POST", "/{node:node}/settings", post_settings),
    Line("GET", "/{node:node}/block_users", get_blocked),
    Line("POST", "/{node:node}/block_users", post_blocked),
    Line("DELETE", "/{node:node}/block_users", delete_blocked),
    Line("GET", "/{node:node}/message_templates", get_templates),
    Line("POST", "/{node:node}/message_templates", post_template),
    Line("DELETE", "/{node:node}/message_templates", delete_template),
    Line("POST", "/{node:node}/unpause", unpause_template),
    Line("GET", "/{node:node}/subscribed_apps", get_subscribed),
    Line("POST", "/{node:node}/subscribed_apps", post_subscribed),
    Line("DELETE", "/{node:node}/subscribed_apps", delete_subscribed),
    Line("GET", "/{node:node}/subscriptions", get_subscriptions),
    Line("POST", "/{node:node}/subscriptions", post_subscription),
    Line("GET", "/{node:node}/phone_numbers", phone_numbers),
    Line("POST", "/{node:node}/uploads", begin_upload),
    Line("POST", "/{session:upload}", put_upload, max_body=MAX_UPLOAD),
    Line("GET", "/{session:upload}", get_upload),
    Line("GET", "/oauth/access_token", access_token, None),
    Line("GET", CONTENT_PATH, download),
)
UNKNOWN = tuple(Line(method, "/{node:node}/{edge:path}", unknown) for method in ("GET", "POST", "DELETE"))

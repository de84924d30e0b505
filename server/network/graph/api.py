"""The routes of the Cloud API, functions of a call; here messages, media and what an id stands for."""

import asyncio
from typing import Any

from starlette.datastructures import UploadFile

from server.network.graph import (
    api_absent,
    api_account,
    api_business,
    api_flows,
    api_links,
    api_numbers,
    api_settings,
    api_templates,
    templates,
)
from server.network.graph import media as media_store
from server.network.graph.forms import file_in, form_of
from server.network.graph.http import Answer, Call, Line, answer
from server.network.graph.refusal import ApiError, unknown_object
from server.network.graph.requests import SUCCESS, json_of, parameters_of, selected
from server.network.graph.showing import shown_account, shown_number, shown_template
from server.network.graph.verifying import override_in
from server.network.media_formats import FORMATS, kind_of

MAX_UPLOAD = media_store.LARGEST + 64 * 1024
_uploads = asyncio.Semaphore(2)  # a file is held twice while its form is read


async def messages(call: Call) -> Answer:
    return answer(call.emulator.send(call.node, json_of(call)))


async def marketing_messages(call: Call) -> Answer:
    return answer(call.emulator.send(call.node, json_of(call), is_lite=True))


async def upload(call: Call) -> Answer:
    call.emulator.number(call.node)
    async with _uploads:
        content, mime_type = await _uploaded(call)
        kept = call.emulator.media.add(content, mime_type, call.emulator.clock.now())
    return answer({"id": kept.id})


async def _uploaded(call: Call) -> tuple[bytes, str]:
    """The file of a multipart form and its format."""
    async with form_of(call) as form:
        if form.get("messaging_product") != "whatsapp":
            raise ApiError(100, "The parameter messaging_product is required and must be whatsapp.")
        given = file_in(form)
        return await given.read(), _format_of(given, str(form.get("type") or ""))


def _format_of(given: UploadFile, declared: str) -> str:
    """The part's own format, else the one declared beside it; ApiError 100 for one that the platform refuses.

    Code and words as users of the platform were answered; so was a part that is only bytes, whatever is
    declared beside it.
    """
    mime_type = given.content_type or declared
    if kind_of(mime_type) is None or mime_type == "application/octet-stream":
        known = ", ".join(one for formats in FORMATS.values() for one in sorted(formats))
        why = (
            f"one of the following types: {known}, or a document. Received file of type '{mime_type[:100]}'."
        )
        message = f"(#100) Param file must be a file with {why}"
        raise ApiError(100, message.removeprefix("(#100) "), message=message)
    return mime_type


async def download(call: Call) -> Answer:
    query = call.query
    found = call.emulator.media.open(
        query.get("mid", ""), query.get("ext", ""), query.get("hash", ""), call.emulator.clock.now()
    )
    return Answer(found.content, 200, found.mime_type.encode("latin-1", "replace"))


async def get_node(call: Call) -> Answer:
    """A number, the account, its owner, the app, a template, a flow or a medium."""
    emulator, node = call.emulator, call.node
    if node in emulator.numbers:
        return answer(selected(call, shown_number(call, emulator.numbers[node])))
    if node == emulator.account.waba_id:
        return answer(selected(call, shown_account(call)))
    if node == emulator.account.business_id:
        return answer(selected(call, emulator.account.business_shown()))
    if node == emulator.account.app_id:
        return answer(selected(call, emulator.account.app_shown()["whatsapp_business_api_data"]))
    if (template := emulator.templates.get(node)) is not None:
        return answer(selected(call, shown_template(call, template)))
    if (flow := emulator.flows.get(node)) is not None:
        return answer(selected(call, api_flows.shown(call, flow)))
    return answer(_shown_media(call, emulator.media.get(node, emulator.clock.now())))


def _shown_media(call: Call, found: media_store.Media) -> dict[str, Any]:
    return {
        "url": call.emulator.media.url(call.origin, found.id, call.emulator.clock.now()),
        "mime_type": found.mime_type,
        "sha256": found.sha256.hex(),
        "file_size": len(found.content),
        "id": found.id,
        "messaging_product": "whatsapp",
    }


async def post_node(call: Call) -> Answer:
    """Settings of a number (webhook address, PIN, another display name), an edited template or flow."""
    emulator, given = call.emulator, parameters_of(call)
    template = emulator.templates.get(call.node)
    if template is not None:
        templates.edit(template, given)
        emulator.review(template)
        return SUCCESS
    if (flow := emulator.flows.get(call.node)) is not None:
        emulator.flows.change(flow, given, emulator.clock.now())
        return SUCCESS
    number = emulator.number(call.node)
    pin = api_numbers.pin_of(given) if "pin" in given else None
    if isinstance(configuration := given.get("webhook_configuration"), dict):
        number.callback = await override_in(emulator.allowed, configuration)
    if pin is not None:
        number.pin = pin
    if "new_display_name" in given:
        number.new_display_name = str(given["new_display_name"])
    return SUCCESS


async def delete_node(call: Call) -> Answer:
    """A medium, or a draft of a flow."""
    if (flow := call.emulator.flows.get(call.node)) is not None:
        call.emulator.flows.remove(flow)
        return SUCCESS
    call.emulator.media.delete(call.node, call.emulator.clock.now())
    return SUCCESS


async def begin_upload(call: Call) -> Answer:
    if call.node != call.emulator.account.app_id:
        raise unknown_object(call.node)
    given = parameters_of(call)
    return answer({"id": call.emulator.uploads.begin(str(given.get("file_length", "")))})


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


ROUTES = (
    Line("POST", "/{node:node}/messages", messages),
    Line("POST", "/{node:node}/marketing_messages", marketing_messages),
    Line("POST", "/{node:node}/media", upload, max_body=MAX_UPLOAD),
    Line("GET", "/{node:node}", get_node),
    Line("POST", "/{node:node}", post_node),
    Line("DELETE", "/{node:node}", delete_node),
    Line("POST", "/{node:node}/uploads", begin_upload),
    Line("POST", "/{session:upload}", put_upload, max_body=MAX_UPLOAD),
    Line("GET", "/{session:upload}", get_upload),
    Line("GET", media_store.CONTENT_PATH, download),
    *api_numbers.ROUTES,
    *api_settings.ROUTES,
    *api_links.ROUTES,
    *api_account.ROUTES,
    *api_templates.ROUTES,
    *api_business.ROUTES,
    *api_flows.ROUTES,
    *api_absent.ROUTES,
)
UNKNOWN = tuple(Line(method, "/{node:node}/{edge:path}", unknown) for method in ("GET", "POST", "DELETE"))

"""Routes of flows: made, listed, changed, published, deprecated; their JSON up and down.

A flow itself is a node: it is shown, changed and deleted by `api`.
"""

import hmac
from datetime import UTC, datetime
from typing import Any

from starlette.datastructures import UploadFile

from server.network.graph import flows, health
from server.network.graph.flows import Flow
from server.network.graph.forms import file_in, form_of
from server.network.graph.http import Answer, Call, Line, answer
from server.network.graph.parameters import PARTS
from server.network.graph.refusal import ApiError, invalid_parameter, unknown_object
from server.network.graph.requests import SUCCESS, account_of, page_of, parameters_of

MAX_JSON = 10 * 1024 * 1024  # bytes; the platform's page on flow JSON
FIRST_SHOWN = ("id", "name", "status", "categories", "validation_errors")  # without `fields`
ASSET = "flow.json"
CONTENT_PATH = "/flow_assets/{flow:node}/{mark}/flow.json"


async def get_flows(call: Call) -> Answer:
    account_of(call)
    rows = [shown(call, one) for one in call.emulator.flows]
    page, paging = page_of(call, rows)
    return answer({"data": page, "paging": paging})


async def post_flow(call: Call) -> Answer:
    """A new draft; published at once where `publish` asks for it and its JSON is sound."""
    account_of(call)
    given = {**parameters_of(call), **await _attached(call)}
    flow = call.emulator.flows.add(given, call.emulator.clock.now())
    if str(given.get("publish", "")).lower() == "true" and flow.content is not None and not flow.faults:
        _publish(call, flow)
    if flow.content is None:
        return answer({"id": flow.id})
    return answer({"id": flow.id, "success": not flow.faults, "validation_errors": flow.faults})


async def _attached(call: Call) -> dict[str, str]:
    """The parameter flow_json where it is a file of a form, as whatsapp-cloud-api-py sends it."""
    if not (call.header(b"content-type") or "").startswith(PARTS):
        return {}
    async with form_of(call) as form:
        given = form.get("flow_json")
        if not isinstance(given, UploadFile):
            return {}
        return {"flow_json": (await given.read()).decode("utf-8", "replace")}


async def post_asset(call: Call) -> Answer:
    flow = _flow(call)
    async with form_of(call) as form:
        if form.get("asset_type", "FLOW_JSON") != "FLOW_JSON":
            raise invalid_parameter("asset_type", "FLOW_JSON")
        content = await file_in(form).read()
    try:
        call.emulator.flows.set_content(flow, content.decode(), call.emulator.clock.now())
    except UnicodeDecodeError:
        raise ApiError(flows.NOT_CHANGED, "The JSON of the flow is not UTF-8 text") from None
    return answer({"success": not flow.faults, "validation_errors": flow.faults})


async def get_assets(call: Call) -> Answer:
    flow = _flow(call)
    asset = {"name": ASSET, "asset_type": "FLOW_JSON", "download_url": _url(call, flow)}
    page, paging = page_of(call, [asset] if flow.content is not None else [])
    return answer({"data": page, "paging": paging})


async def download(call: Call) -> Answer:
    """The JSON of a flow, for whoever was told its address."""
    flow = call.emulator.flows.get(call.path["flow"])
    mark = call.path["mark"].encode()
    if flow is None or flow.content is None or not hmac.compare_digest(mark, _mark(call, flow).encode()):
        raise unknown_object(call.path["flow"])
    return Answer(flow.content.encode())


async def publish(call: Call) -> Answer:
    _publish(call, _flow(call))
    return SUCCESS


def _publish(call: Call, flow: Flow) -> None:
    has_key = any(one.public_key is not None for one in call.emulator.numbers.values())
    flows.check_publish(flow, has_key)
    call.emulator.set_flow_status(flow, "PUBLISHED")


async def deprecate(call: Call) -> Answer:
    flow = _flow(call)
    flows.check_deprecate(flow)
    call.emulator.set_flow_status(flow, "DEPRECATED")
    return SUCCESS


def _flow(call: Call) -> Flow:
    flow = call.emulator.flows.get(call.node)
    if flow is None:
        raise unknown_object(call.node)
    return flow


def shown(call: Call, flow: Flow) -> dict[str, Any]:
    """As the API lists it: the rest of its fields only when they are asked for."""
    account, portfolio = call.emulator.account, call.emulator.portfolio
    now_s, wanted = call.emulator.clock.now(), call.query.get("fields", "")
    condition = health.of_flow(now_s, account, portfolio, flow) if "health_status" in wanted else None
    whole = {
        "id": flow.id,
        "name": flow.name,
        "status": flow.status,
        "categories": flow.categories,
        "validation_errors": flow.faults,
        "json_version": flow.json_version,
        "data_api_version": flow.data_api_version,
        "endpoint_uri": flow.endpoint_uri,
        "data_channel_uri": flow.endpoint_uri,  # its name before v19.0
        "updated_at": _time(flow.updated_s),
        "preview": {"preview_url": _url(call, flow), "expires_at": _time(now_s + 30 * 86_400)},
        "whatsapp_business_account": account.shown(),
        "application": account.app_shown()["whatsapp_business_api_data"],
        "health_status": condition,
    }
    return {
        name: value for name, value in whole.items() if value is not None and (wanted or name in FIRST_SHOWN)
    }


def _time(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")


def _url(call: Call, flow: Flow) -> str:
    return call.origin + f"/flow_assets/{flow.id}/{_mark(call, flow)}/{ASSET}"


def _mark(call: Call, flow: Flow) -> str:
    secret = call.emulator.settings.app_secret.encode()
    return hmac.digest(secret, f"flow/{flow.id}".encode(), "sha256").hex()[:32]


ROUTES = (
    Line("GET", "/{node:node}/flows", get_flows),
    Line("POST", "/{node:node}/flows", post_flow),
    Line("GET", "/{node:node}/assets", get_assets),
    Line("POST", "/{node:node}/assets", post_asset, max_body=MAX_JSON),
    Line("POST", "/{node:node}/publish", publish),
    Line("POST", "/{node:node}/deprecate", deprecate),
    Line("GET", CONTENT_PATH, download, None),
)

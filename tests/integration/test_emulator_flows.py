"""Flows and shops: made, published and sent; what the emulator does not have is refused by its name."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from running_emulator import (
    BUSINESS,
    NUMBER,
    WABA,
    Emulator,
    emulator,
    new_customer,
    receiver,
)

FLOW_JSON = {"version": "7.0", "screens": [{"id": "WELCOME", "title": "Hi", "terminal": True, "layout": {}}]}
FIELDS = "id,name,status,categories,json_version,preview,endpoint_uri,updated_at,health_status,application"
KEY = "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n"


@pytest.fixture(scope="module")
def network() -> Iterator[Emulator]:
    with emulator("--speed", "20") as running:
        yield running


def make(network: Emulator, name: str, **more: Any) -> str:
    body = {"name": name, "categories": ["SURVEY"], **more}
    return str(network.post(f"/v26.0/{WABA}/flows", body)["id"])


def refused(network: Emulator, method: str, path: str, body: Any = None) -> dict[str, Any]:
    answer = network.calls.request(method, path, json=body)
    assert answer.status_code == 400, answer.text
    return dict(answer.json()["error"])


def upload(network: Emulator, flow: str, content: bytes) -> dict[str, Any]:
    parts = {
        "file": ("flow.json", content, "application/json"),
        "name": (None, "flow.json"),
        "asset_type": (None, "FLOW_JSON"),
        "messaging_product": (None, "whatsapp"),
    }
    answer = network.calls.post(f"/v26.0/{flow}/assets", files=parts)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_a_flow_from_its_draft_to_its_end(network: Emulator) -> None:
    flow = make(network, "survey")
    assert network.get(f"/{flow}") == {
        "id": flow,
        "name": "survey",
        "status": "DRAFT",
        "categories": ["SURVEY"],
        "validation_errors": [],
    }
    assert refused(network, "POST", f"/{flow}/publish")["code"] == 139002
    told = upload(network, flow, b'{\n "version": oops}')
    assert not told["success"]
    (fault,) = told["validation_errors"]
    assert (fault["error"], fault["line_start"], fault["column_start"]) == ("INVALID_JSON", 2, 13)
    assert "JSON has faults" in refused(network, "POST", f"/{flow}/publish")["error_data"]["details"]
    assert upload(network, flow, json.dumps(FLOW_JSON).encode()) == {"success": True, "validation_errors": []}
    (asset,) = network.get(f"/{flow}/assets", fields="name,asset_type,download_url")["data"]
    assert (asset["name"], asset["asset_type"]) == ("flow.json", "FLOW_JSON")
    with network.client() as stranger:
        del stranger.headers["Authorization"]
        assert stranger.get(asset["download_url"]).json() == FLOW_JSON
        assert stranger.get(asset["download_url"].replace("/flow.json", "x/flow.json")).status_code == 400
    assert network.post(f"/{flow}", {"name": "survey 2", "categories": ["OTHER"]}) == {"success": True}
    assert network.post(f"/{flow}/publish") == {"success": True}
    whole = network.get(f"/{flow}", fields=FIELDS)
    assert (whole["name"], whole["status"], whole["json_version"]) == ("survey 2", "PUBLISHED", "7.0")
    assert whole["health_status"]["entities"][0]["entity_type"] == "FLOW"
    for method, path, code in (
        ("POST", f"/{flow}/publish", 139002),
        ("POST", f"/{flow}", 139001),
        ("DELETE", f"/{flow}", 139004),
    ):
        assert refused(network, method, path, {"name": "again"})["code"] == code
    assert network.post(f"/{flow}/deprecate") == {"success": True}
    assert refused(network, "POST", f"/{flow}/deprecate")["code"] == 139003


def test_flows_are_listed_cloned_and_deleted(network: Emulator) -> None:
    first = network.post(
        f"/{WABA}/flows",
        {"name": "one", "categories": ["OTHER"], "flow_json": json.dumps(FLOW_JSON), "publish": True},
    )
    assert first["success"]
    clone = make(network, "two", clone_flow_id=first["id"], categories='["OTHER"]')
    listed = {one["id"]: one["status"] for one in network.get(f"/{WABA}/flows", limit="100")["data"]}
    assert (listed[first["id"]], listed[clone]) == ("PUBLISHED", "DRAFT")
    assert network.get(f"/{clone}", fields="json_version")["json_version"] == "7.0"
    assert network.calls.delete(f"/{clone}").json() == {"success": True}
    assert refused(network, "GET", f"/{clone}")["error_subcode"] == 33


def test_the_json_of_a_new_flow_may_be_a_file(network: Emulator) -> None:
    parts = {"flow_json": ("flow.json", json.dumps(FLOW_JSON).encode(), "application/json")}
    data = {"name": "attached", "categories": '["OTHER"]'}
    answer = network.calls.post(f"/v26.0/{WABA}/flows", data=data, files=parts)
    assert answer.json()["success"], answer.text


def test_flows_do_not_fill_the_memory() -> None:
    big = b" " * (9 * 1024 * 1024)
    with emulator() as own:
        for number in range(7):
            upload(own, make(own, f"big-{number}"), big)
        flow = make(own, "one too many")
        parts = {"file": ("flow.json", big, "application/json")}
        answer = own.calls.post(f"/{flow}/assets", files=parts)
        assert answer.json()["error"]["code"] == 139001
        assert own.calls.post(f"/{flow}/assets", files={"file": ("f", big * 2, "x/y")}).status_code == 413


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({}, "name"),
        ({"name": "x"}, "categories"),
        ({"name": "x", "categories": ["FUN"]}, "categories"),
        ({"name": "taken", "categories": ["OTHER"]}, "name"),
        ({"name": "x", "categories": ["OTHER"], "clone_flow_id": "1"}, "clone_flow_id"),
        ({"name": "x", "categories": ["OTHER"], "endpoint_uri": "no"}, "endpoint_uri"),
    ],
)
def test_what_is_no_flow_is_refused(network: Emulator, given: dict[str, Any], name: str) -> None:
    if given.get("name") == "taken" and not any(
        one["name"] == "taken" for one in network.get(f"/{WABA}/flows", limit="100")["data"]
    ):
        make(network, "taken")
    error = refused(network, "POST", f"/{WABA}/flows", given)
    assert error["code"] == 100
    assert f"parameter {name}" in error["message"]


def test_a_change_of_a_flow_that_is_refused_changes_nothing(network: Emulator) -> None:
    flow = make(network, "unchanged")
    before = network.get(f"/{flow}")
    refused(network, "POST", f"/{flow}", {"categories": ["OTHER"], "endpoint_uri": "no URL"})
    assert network.get(f"/{flow}") == before


def test_a_flow_with_an_endpoint_needs_a_key(network: Emulator) -> None:
    dynamic = {**FLOW_JSON, "data_api_version": "3.0"}
    flow = make(network, "dynamic", flow_json=dynamic)
    assert "endpoint_uri" in refused(network, "POST", f"/{flow}/publish")["error_data"]["details"]
    network.post(f"/{flow}", {"endpoint_uri": "https://example.org/flow"})
    assert "public key" in refused(network, "POST", f"/{flow}/publish")["error_data"]["details"]
    network.post(f"/{NUMBER}/whatsapp_business_encryption", {"business_public_key": KEY})
    assert network.post(f"/{flow}/publish") == {"success": True}


def flow_message(**parameters: Any) -> dict[str, Any]:
    action = {"name": "flow", "parameters": {"flow_message_version": "3", "flow_cta": "Go", **parameters}}
    return {
        "messaging_product": "whatsapp",
        "type": "interactive",
        "interactive": {"type": "flow", "body": {"text": "Sign up"}, "action": action},
    }


def send(network: Emulator, message: dict[str, Any]) -> Any:
    customer = new_customer()
    network.open_window(customer)
    return network.calls.post(f"/v26.0/{NUMBER}/messages", json={**message, "to": customer})


def test_a_flow_is_sent_in_the_mode_of_its_status(network: Emulator) -> None:
    flow = make(network, "sent", flow_json=FLOW_JSON)
    for mode, taken in (("draft", True), ("published", False), (None, False)):
        answer = send(network, flow_message(flow_id=flow, **({"mode": mode} if mode else {})))
        assert (answer.status_code == 200) is taken, answer.text
        assert taken or answer.json()["error"]["code"] == 131009
    network.post(f"/{flow}/publish")
    assert send(network, flow_message(flow_name="sent")).status_code == 200
    assert send(network, flow_message(flow_id=flow, mode="draft")).status_code == 400
    network.post(f"/emulator/flows/{flow}", {"status": "BLOCKED"})
    assert send(network, flow_message(flow_id=flow)).json()["error"]["code"] == 132068
    network.post(f"/emulator/flows/{flow}", {"status": "THROTTLED"})
    own = network.get(f"/{NUMBER}")["display_phone_number"]
    for _ in range(11):  # what is refused for another reason is none of those that count
        to_itself = {**flow_message(flow_id=flow), "to": own}
        assert refused(network, "POST", f"/{NUMBER}/messages", to_itself)["code"] == 131021
    statuses = [send(network, flow_message(flow_id=flow)).status_code for _ in range(11)]
    assert statuses == [200] * 10 + [400]
    assert send(network, flow_message(flow_id=flow)).json()["error"]["code"] == 132069
    network.post("/emulator/clock", {"advance_s": 3601})
    assert send(network, flow_message(flow_id=flow)).status_code == 200
    network.post(f"/{flow}/deprecate")
    assert send(network, flow_message(flow_id=flow)).json()["error"]["code"] == 131009


def test_a_flow_that_was_made_elsewhere_is_taken(network: Emulator) -> None:
    assert send(network, flow_message(flow_id="1")).status_code == 200
    assert send(network, flow_message(flow_name="unheard of")).status_code == 200


@pytest.mark.parametrize(
    ("given", "code", "says"),
    [
        ({}, 131008, "flow_id or flow_name"),
        ({"flow_id": "1", "flow_cta": ""}, 131008, "flow_cta"),
        ({"flow_id": "1", "flow_message_version": None}, 131008, "flow_message_version"),
        ({"flow_id": "1", "mode": "test"}, 131009, "draft, published"),
        ({"flow_id": "1", "flow_action": "jump"}, 131009, "navigate, data_exchange"),
    ],
)
def test_a_flow_message_that_is_none_is_refused(
    network: Emulator, given: dict[str, Any], code: int, says: str
) -> None:
    error = send(network, flow_message(**given)).json()["error"]
    assert error["code"] == code
    assert says in error["error_data"]["details"]


def test_the_business_is_told_of_a_flow(network: Emulator) -> None:
    with emulator("--speed", "20") as fresh, receiver() as received:
        fresh.subscribe(received.url)
        flow = make(fresh, "told", flow_json=FLOW_JSON)
        fresh.post(f"/{flow}/publish")
        post = received.until(lambda: received.posts)[0]
    change = json.loads(post.body)["entry"][0]["changes"][0]
    assert change["field"] == "flows"
    assert change["value"] == {
        "event": "FLOW_STATUS_CHANGE",
        "message": "Flow told changed status from DRAFT to PUBLISHED",
        "flow_id": flow,
        "old_status": "DRAFT",
        "new_status": "PUBLISHED",
    }


def products(**action: Any) -> dict[str, Any]:
    return {
        "messaging_product": "whatsapp",
        "type": "interactive",
        "interactive": {
            "type": "product_list",
            "header": {"type": "text", "text": "Shop"},
            "body": {"text": "All"},
            "action": action,
        },
    }


def test_products_are_sent_and_ordered(network: Emulator) -> None:
    items = [{"product_retailer_id": f"sku-{index}"} for index in range(31)]
    whole = {"catalog_id": "c1", "sections": [{"title": "A", "product_items": items[:30]}]}
    assert send(network, products(**whole)).status_code == 200
    for wrong, code in (
        ({**whole, "catalog_id": None}, 131008),
        ({**whole, "sections": [{"title": "A", "product_items": items}]}, 131009),
        ({**whole, "sections": [{"title": "A"}]}, 131009),
        ({**whole, "sections": [{"product_items": [{}]}]}, 131008),
    ):
        assert send(network, products(**wrong)).json()["error"]["code"] == code


@pytest.mark.parametrize(
    ("method", "path", "what"),
    [
        ("POST", f"/{NUMBER}/groups", "groups"),
        ("GET", f"/{NUMBER}/groups", "groups"),
        ("GET", "/123456/invite_link", "groups"),
        ("POST", f"/{NUMBER}/calls", "calls"),
        ("GET", f"/{NUMBER}/call_permissions?user_wa_id=1", "calls"),
        ("GET", f"/{WABA}/product_catalogs", "catalogues"),
        ("POST", "/123456/products", "catalogues"),
        ("GET", f"/{BUSINESS}/owned_product_catalogs", "catalogues"),
        ("POST", f"/{WABA}/migrate_message_templates", "other account"),
        ("POST", f"/{WABA}/migrate_flows", "other account"),
        ("POST", f"/{WABA}/message_templates/archive", "archive"),
        ("GET", "/123456/message_template_library", "template library"),
        ("GET", "/message_template_library?search=x", "template library"),
        ("POST", f"/{NUMBER}/username", "user names"),
        ("POST", f"/{WABA}/phone_numbers", "new numbers"),
    ],
)
def test_what_the_emulator_has_not_is_named(network: Emulator, method: str, path: str, what: str) -> None:
    for prefix in ("", "/v26.0", "/graph/v25.0"):
        error = refused(network, method, prefix + path)
        assert (error["code"], error["error_subcode"]) == (100, 33)
        assert f"the emulator has no {what}" in error["message"]


def test_a_message_to_a_group_is_refused_by_name(network: Emulator) -> None:
    text = {"messaging_product": "whatsapp", "type": "text", "text": {"body": "x"}}
    path = f"/v26.0/{NUMBER}/messages"
    error = refused(network, "POST", path, {**text, "recipient_type": "group", "to": "Y2FwaV9n"})
    assert "the emulator has no groups" in error["message"]


def test_calling_settings_are_kept(network: Emulator) -> None:
    path = f"/v26.0/{NUMBER}/settings"
    network.post(path, {"calling": {"status": "ENABLED", "call_icon_visibility": "DEFAULT"}})
    network.post(path, {"calling": {"status": "DISABLED"}, "messaging_product": "whatsapp"})
    assert network.get(path)["calling"] == {"status": "DISABLED", "call_icon_visibility": "DEFAULT"}
    assert refused(network, "POST", path, {"calling": "ENABLED"})["code"] == 131009

"""One request, written in all the ways that the platform takes and that clients use."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
from running_emulator import (
    APP,
    NUMBER,
    SECRET,
    TOKEN,
    WABA,
    Emulator,
    emulator,
    new_customer,
    receiver,
    until,
)

TEMPLATE = {"name": "hello_world", "language": {"code": "en_US"}}


@pytest.fixture(scope="module")
def network() -> Iterator[Emulator]:
    with emulator("--speed", "20") as running:
        yield running


def twice(parameters: dict[str, Any]) -> bytes:
    """JSON in a text in JSON, as pywa encodes some bodies."""
    return json.dumps(json.dumps(parameters)).encode()


def ways(parameters: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """How httpx is to send `parameters`: as curl's --json, -d, -F and a query would."""
    texts = {k: v if isinstance(v, str) else json.dumps(v) for k, v in parameters.items()}
    return {
        "JSON": {"json": parameters},
        "form": {"data": texts},
        "parts": {"files": {name: (None, text) for name, text in texts.items()}},
        "query": {"params": texts},
        "JSON that is called a form": {
            "content": json.dumps(parameters).encode(),
            "headers": {"Content-Type": "application/x-www-form-urlencoded"},
        },
    }


WAYS = list(ways({}))


def send(network: Emulator, way: str, method: str, path: str, parameters: dict[str, Any]) -> Any:
    with network.client() as client:
        answer = client.request(method, path, **ways(parameters)[way])
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("way", WAYS)
def test_a_message_in_any_form(network: Emulator, way: str) -> None:
    body = {
        "messaging_product": "whatsapp",
        "to": new_customer(),
        "type": "template",
        "template": TEMPLATE,
        "biz_opaque_callback_data": f"Grüße {way}",
    }
    answer = send(network, way, "POST", f"/v26.0/{NUMBER}/messages", body)
    assert answer["contacts"] == [{"input": body["to"], "wa_id": body["to"]}]
    (kept,) = network.get("/emulator/messages", opaque=f"Grüße {way}")["messages"]
    assert kept["id"] == answer["messages"][0]["id"]


@pytest.mark.parametrize("way", WAYS)
def test_every_edge_in_any_form(network: Emulator, way: str) -> None:
    profile = f"/v26.0/{NUMBER}/whatsapp_business_profile"
    given = {"messaging_product": "whatsapp", "about": f"by {way}", "websites": ["https://example.org"]}
    assert send(network, way, "POST", profile, given) == {"success": True}
    (shown,) = network.get(profile)["data"]
    assert (shown["about"], shown["websites"]) == (given["about"], given["websites"])

    name = f"by_{way.lower().replace(' ', '_')}"
    components = [{"type": "BODY", "text": "Hello"}]
    template = {"name": name, "language": "en", "category": "UTILITY", "components": components}
    made = send(network, way, "POST", f"/{WABA}/message_templates", template)
    assert network.get(f"/{made['id']}")["components"] == components
    until(lambda: network.get(f"/{made['id']}")["status"] == "APPROVED")
    send(network, way, "POST", f"/{made['id']}", {"components": components})
    send(network, way, "DELETE", f"/{WABA}/message_templates", {"name": name, "hsm_id": made["id"]})

    user = new_customer()
    users = {"messaging_product": "whatsapp", "block_users": [{"user": user}]}
    send(network, way, "POST", f"/{NUMBER}/block_users", users)
    send(network, way, "DELETE", f"/{NUMBER}/block_users", users)
    send(network, way, "POST", f"/{NUMBER}/register", {"messaging_product": "whatsapp", "pin": "123456"})
    send(network, way, "POST", f"/{NUMBER}/request_code", {"code_method": "SMS", "language": "en_US"})
    send(network, way, "POST", f"/{NUMBER}/verify_code", {"code": "123456"})
    session = send(network, way, "POST", f"/{APP}/uploads", {"file_length": 3, "file_type": "image/png"})
    assert session["id"].startswith("upload:")
    client = {"client_id": APP, "client_secret": SECRET, "grant_type": "client_credentials"}
    assert send(network, way, "POST", "/oauth/access_token", client)["token_type"] == "bearer"
    with receiver() as hook:
        callback = {"callback_url": hook.url, "verify_token": "a verify token of the tests"}
        subscription = {"object": "whatsapp_business_account", **callback, "fields": "messages"}
        assert send(network, way, "POST", f"/{APP}/subscriptions", subscription) == {"success": True}


def test_a_request_with_nothing_in_it_asks_for_nothing(network: Emulator) -> None:
    """As SDKs send it that write `POST /{waba}/subscribed_apps` without a body."""
    with network.client() as client:
        for content_type in ("application/json", "application/x-www-form-urlencoded"):
            headers = {"Content-Type": content_type}
            assert client.post(f"/{WABA}/subscribed_apps", headers=headers).json() == {"success": True}
        error = client.post(f"/{NUMBER}/register", headers=headers).json()["error"]
    assert (error["code"], error["error_data"]["details"]) == (131008, "Parameter is missing: pin")


@pytest.mark.parametrize("boundary", ["", "; boundary=other"])
def test_a_form_that_cannot_be_read_is_refused(network: Emulator, boundary: str) -> None:
    headers = {"Content-Type": f"multipart/form-data{boundary}"}
    with network.client() as client:
        for path in (f"/{NUMBER}/messages", f"/{NUMBER}/register"):
            error = client.post(path, content=b"--x\r\n\r\n1", headers=headers).json()["error"]
            assert error["code"] == 100
            assert "form" in error["error_data"]["details"]


@pytest.mark.parametrize("node", [NUMBER, WABA, f"{NUMBER}/settings", f"{WABA}/phone_numbers"])
def test_a_slash_at_the_end_of_a_path_changes_nothing(network: Emulator, node: str) -> None:
    assert network.get(f"/v26.0/{node}/") == network.get(f"/v26.0/{node}")


@pytest.mark.parametrize(
    ("of_part", "declared", "code"),
    [
        ("image/png", "image/png", None),
        ("image/png", "image", None),
        ("application/octet-stream", "image/png", 100),
    ],
)
def test_an_upload_is_of_the_format_of_its_part(
    network: Emulator, of_part: str, declared: str, code: int | None
) -> None:
    form = {"messaging_product": "whatsapp", "type": declared}
    with network.client() as client:
        answer = client.post(f"/{NUMBER}/media", data=form, files={"file": ("a", b"PNG", of_part)}).json()
        assert answer.get("error", {}).get("code") == code
        if code is None:
            assert client.get(f"/{answer['id']}").json()["mime_type"] == of_part


LIST = {
    "type": "list",
    "body": {"text": "B"},
    "action": {"button": "go", "sections": [{"rows": [{"id": 1, "title": "a"}, {"id": 2, "title": "b"}]}]},
}
BUTTON = {
    "type": "button",
    "body": {"text": "B"},
    "action": {"buttons": [{"type": "reply", "reply": {"id": 1, "title": "a"}}]},
}
LINK = {
    "type": "cta_url",
    "body": {"text": "B"},
    "action": {"name": "cta_url", "parameters": {"display_text": "Look", "url": "https://example.org"}},
}
PRODUCT = {"type": "product", "action": {"catalog_id": "1", "product_retailer_id": "a"}}
PNG = {"link": "https://example.org/a.png"}
CONTACTS = json.dumps([{"name": {"formatted_name": "Ada"}}])


@pytest.mark.parametrize(
    ("part", "code"),
    [
        ({"type": "contacts", "contacts": CONTACTS}, None),  # whatsapp-api-js: JSON in a text
        ({"type": "contacts", "contacts": "[{}]"}, 131008),
        ({"type": "contacts", "contacts": "Ada"}, 131009),
        ({"type": "interactive", "interactive": LIST}, None),  # whatsapp-cloud-api: numbers for ids
        ({"type": "interactive", "interactive": BUTTON}, None),
        ({"type": "interactive", "interactive": {**LIST, "footer": {"text": None}}}, None),  # wa-cloud-py
        ({"type": "interactive", "interactive": {**LIST, "footer": {"text": "x" * 60}}}, None),
        ({"type": "interactive", "interactive": {**LIST, "footer": {"text": "x" * 61}}}, 131009),
        ({"type": "interactive", "interactive": LINK}, None),
        ({"type": "interactive", "interactive": {**LINK, "action": {"parameters": {"url": "x"}}}}, 131008),
        ({"type": "location", "location": {"latitude": "52.5", "longitude": "-13"}}, None),
        ({"type": "location", "location": {"latitude": "north", "longitude": "13"}}, 131009),
    ],
)
def test_parts_as_clients_write_them(network: Emulator, part: dict[str, Any], code: int | None) -> None:
    to = new_customer()
    network.open_window(to)
    with network.client() as client:
        body = {"messaging_product": "whatsapp", "to": to, **part}
        answer = client.post(f"/{NUMBER}/messages", json=body).json()
    assert answer.get("error", {}).get("code") == code, answer


@pytest.mark.parametrize(
    ("interactive", "header", "code"),
    [
        (LIST, None, None),
        (LIST, {"type": "text", "text": "Shop"}, None),
        (LIST, {"type": "text", "text": "x" * 61}, 131009),
        (LIST, {"type": "text"}, 131008),
        (LIST, {"type": "image", "image": PNG}, 131009),
        (BUTTON, {"type": "image", "image": PNG}, None),
        (BUTTON, {"type": "image", "image": {}}, 131008),
        (BUTTON, {"type": "image", "image": {"id": "none"}}, 131009),
        (BUTTON, {"type": "sticker", "sticker": PNG}, 131009),
        (PRODUCT, {"type": "text", "text": "Shop"}, 131009),
    ],
)
def test_a_header_is_of_its_type(
    network: Emulator, interactive: dict[str, Any], header: dict[str, Any] | None, code: int | None
) -> None:
    to = new_customer()
    network.open_window(to)
    whole = {"messaging_product": "whatsapp", "to": to, "type": "interactive"}
    with network.client() as client:
        body = {**whole, "interactive": {**interactive, "header": header}}
        answer = client.post(f"/{NUMBER}/messages", json=body).json()
    assert answer.get("error", {}).get("code") == code, answer


@pytest.mark.parametrize(
    ("path", "fields", "names"),
    [
        (NUMBER, "verified_name,throughput", {"id", "verified_name", "throughput"}),
        (NUMBER, "throughput{level},status", {"id", "throughput", "status"}),
        (NUMBER, "throughput{level{status},verified_name}, status", {"id", "throughput", "status"}),
        (WABA, "name, currency", {"id", "name", "currency"}),
        (f"{WABA}/phone_numbers", "display_phone_number", {"id", "display_phone_number"}),
        (f"{WABA}/message_templates", "name,status", {"id", "name", "status"}),
        ("7000000000001", "name", {"id", "name"}),  # hello_world
        (f"{NUMBER}/whatsapp_business_profile", "vertical,email", {"messaging_product", "vertical"}),
    ],
)
def test_fields_that_are_asked_for_are_all_that_is_told(
    network: Emulator, path: str, fields: str, names: set[str]
) -> None:
    answer = network.get(f"/v26.0/{path}", fields=fields)
    (shown, *_) = answer.get("data", [answer])
    assert set(shown) == names


@pytest.mark.parametrize("prefix", ["/v26.0", "/graph/v26.0"])
def test_the_pages_of_a_list_are_linked_in_both_directions(network: Emulator, prefix: str) -> None:
    path = f"{prefix}/{WABA}/phone_numbers"
    whole = [one["id"] for one in network.get(path)["data"]]
    with network.client() as client:
        pages = [client.get(path, params={"limit": "4", "fields": "id"}).json()]
        while "next" in pages[-1]["paging"]:
            pages.append(client.get(pages[-1]["paging"]["next"]).json())
        assert [one["id"] for page in pages for one in page["data"]] == whole
        assert len(pages) == -(-len(whole) // 4)
        assert "previous" not in pages[0]["paging"]
        back = client.get(pages[1]["paging"]["previous"]).json()
    assert back["data"] == pages[0]["data"]


def test_a_page_before_a_place_ends_there(network: Emulator) -> None:
    """The pages back from a place that is no multiple of their size; the first of them is shorter."""
    path = f"/{WABA}/phone_numbers"
    whole = [one["id"] for one in network.get(path)["data"]]
    page, pages = network.get(path, limit="2", after="5", fields="id"), []
    while "previous" in page["paging"]:
        page = network.calls.get(page["paging"]["previous"]).json()
        pages.insert(0, [one["id"] for one in page["data"]])
    assert pages == [whole[:1], whole[1:3], whole[3:5]]
    assert page["paging"]["next"].endswith("limit=2&after=1")
    beyond = network.get(path, limit="2", before="99", fields="id")["data"]
    assert [one["id"] for one in beyond] == whole[-2:]


def test_a_token_in_the_query_is_no_parameter(network: Emulator) -> None:
    """As the platform's own SDK sends every request: with the token, and its proof, in the query."""
    with network.client() as client:
        del client.headers["Authorization"]
        query = {"access_token": TOKEN, "appsecret_proof": "0" * 64}
        path = f"/{NUMBER}/settings"
        assert client.post(path, params=query, data={"storage_configuration": "{}"}).status_code == 200
        assert client.get(path, params=query).json() == {"storage_configuration": {}}


@pytest.mark.parametrize("edge", ["messages", "media", "whatsapp_business_profile"])
def test_parts_without_a_boundary_are_refused_without_a_word_in_the_log(network: Emulator, edge: str) -> None:
    """The log is looked at when the emulator ends."""
    headers = {"Content-Type": "multipart/form-data"}
    with network.client() as client:
        answer = client.post(f"/{NUMBER}/{edge}", content=b"about=x", headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == 100
    assert "boundary" in answer.json()["error"]["error_data"]["details"]


@pytest.mark.parametrize("way", [one for one in WAYS if one != "query"])
def test_a_token_in_the_body_is_no_parameter(network: Emulator, way: str) -> None:
    path = f"/{NUMBER}/settings"
    with network.client() as client:
        del client.headers["Authorization"]
        given = {"access_token": TOKEN, "storage_configuration": {"by": way}}
        assert client.post(path, **ways(given)[way]).status_code == 200
        for wrong in ({**given, "access_token": "x" * 20}, {"storage_configuration": {}}):
            answer = client.post(path, **ways(wrong)[way])
            assert (answer.status_code, answer.json()["error"]["code"]) == (401, 190)
        answer = client.post(path, content=b"{", headers={"Content-Type": "application/json"})
        assert answer.json()["error"]["code"] == 190
    assert network.get(path) == {"storage_configuration": {"by": way}}


def test_a_file_is_not_taken_in_before_its_sender_is_known(network: Emulator) -> None:
    parts = {"access_token": (None, TOKEN), "messaging_product": (None, "whatsapp")}
    with network.client() as client:
        del client.headers["Authorization"]
        answer = client.post(f"/{NUMBER}/media", files=parts)
    assert answer.json()["error"]["code"] == 190


def test_a_body_that_was_encoded_twice_is_read(network: Emulator) -> None:
    path, headers = f"/{NUMBER}/settings", {"Content-Type": "application/json"}
    with network.client() as client:
        given = {"storage_configuration": {"by": "pywa"}}
        assert client.post(path, content=twice(given), headers=headers).status_code == 200
        assert client.get(path).json() == given
        for wrong in (b'"x"', b'"[]"', b"5"):
            answer = client.post(path, content=wrong, headers=headers)
            assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)


class Plain(BaseHTTPRequestHandler):
    """Answers as a plain server does: no length, the connection closed at the end."""

    posts: ClassVar[list[bytes]] = []

    def do_GET(self) -> None:
        challenge = parse_qs(urlsplit(self.path).query)["hub.challenge"][0]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(challenge.encode())

    def do_POST(self) -> None:
        self.posts.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None: ...


def test_a_receiver_may_end_its_answer_by_closing() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Plain)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with emulator("--speed", "20") as own:
            own.subscribe(f"http://127.0.0.1:{server.server_port}/hook")
            own.open_window(new_customer())
            until(lambda: own.get("/emulator/state")["webhooks"].get("taken") == 1)
            time.sleep(0.5)  # ten emulated seconds: it would have been sent again
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert len(Plain.posts) == 1


@pytest.mark.parametrize("pin", ["12", "1234567", "١٢٣٤٥٦", "12 456"])
def test_a_pin_is_six_digits(network: Emulator, pin: str) -> None:
    answer = network.calls.post(
        f"/v26.0/{NUMBER}/register", json={"messaging_product": "whatsapp", "pin": pin}
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 131009)
    answer = network.calls.post(f"/v26.0/{NUMBER}/verify_code", json={"code": pin})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 131009)


def test_a_token_may_be_called_oauth(network: Emulator) -> None:
    with network.client() as client:
        client.headers["Authorization"] = f"OAuth {TOKEN}"
        assert client.get(f"/v26.0/{NUMBER}").json()["id"] == NUMBER


def test_a_token_can_be_looked_at(network: Emulator) -> None:
    """As Typebot does before it keeps one."""
    told = network.get("/v26.0/debug_token", input_token=TOKEN)["data"]
    assert (told["app_id"], told["is_valid"], told["expires_at"]) == (APP, True, 0)
    assert {"whatsapp_business_management", "whatsapp_business_messaging"} <= set(told["scopes"])
    other = network.get("/debug_token", input_token="another token, as long as it")["data"]
    assert (other["is_valid"], other["scopes"]) == (False, [])
    assert network.get("/v26.0/me") == {"id": told["user_id"], "name": "Wavetank"}


def test_what_is_wrong_with_a_message_is_said_in_its_own_words(network: Emulator) -> None:
    whole = {"messaging_product": "whatsapp", "to": "4915112345678"}
    for part, says in (
        (
            {"type": "image", "image": {"id": "1", "link": "https://example.org/a.png"}},
            "id or link, not both",
        ),
        ({"type": "interactive", "interactive": {"type": "lst"}}, "must be one of button, list, cta_url"),
    ):
        error = network.calls.post(f"/v26.0/{NUMBER}/messages", json={**whole, **part}).json()["error"]
        assert error["code"] == 131009
        assert says in error["error_data"]["details"]
    wrong = network.calls.get("/oauth/access_token", params={"client_id": APP, "client_secret": "x"}).json()
    assert wrong["error"]["message"] == "Error validating client secret."


def test_messages_are_looked_for_by_all_that_is_given(network: Emulator) -> None:
    whole = {"messaging_product": "whatsapp", "type": "template", "template": TEMPLATE}
    customers, ids = [new_customer(), new_customer()], []
    for to in (*customers, *customers):
        body = {**whole, "to": to, "biz_opaque_callback_data": "looked for"}
        ids.append(network.post(f"/{NUMBER}/messages", body)["messages"][0]["id"])

    def found(**query: str) -> list[str]:
        return [one["id"] for one in network.get("/emulator/messages", **query)["messages"]]

    assert found(opaque="looked for") == ids
    assert found(opaque="looked for", limit="1") == ids[-1:]
    assert found(opaque="looked for", to=customers[0]) == ids[::2]
    assert found(id=ids[0], to=customers[0], opaque="looked for") == ids[:1]
    assert found(id=ids[0], to=customers[1]) == found(id=ids[0], opaque="another") == []
    assert found(to=customers[1], limit="1") == ids[-1:]


def test_a_control_that_does_not_exist_is_told_which_there_are(network: Emulator) -> None:
    absent = network.calls.get("/emulator/stat")
    assert (absent.status_code, absent.json()["detail"]) == (
        404,
        "there is no route /emulator/stat; docs/emulator.md lists them",
    )
    answer = network.calls.put("/emulator/clock")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")
    assert answer.json()["detail"] == "/emulator/clock takes GET, HEAD, POST"

"""The Cloud API of a running emulator, as a plain HTTP client meets it."""

import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Iterator

import pytest
from running_emulator import (
    APP,
    HEADER,
    NUMBER,
    SECRET,
    WABA,
    Emulator,
    Post,
    Receiver,
    emulator,
    new_customer,
    receiver,
    until,
)

CUSTOMER = "4915112345678"


def text(to: str) -> dict[str, object]:
    return {"messaging_product": "whatsapp", "to": to, "type": "text", "text": {"body": "Grüße 👋"}}


def hello(to: str) -> dict[str, object]:
    template = {"name": "hello_world", "language": {"code": "en_US"}}
    return {"messaging_product": "whatsapp", "to": to, "type": "template", "template": template}


@pytest.fixture(scope="module")
def network() -> Iterator[Emulator]:
    with emulator("--speed", "20") as running:
        yield running


@pytest.fixture(scope="module")
def hook(network: Emulator) -> Iterator[Receiver]:
    with receiver() as kept:
        network.subscribe(kept.url)
        yield kept


def sent(network: Emulator, body: dict[str, object], path: str = f"/v26.0/{NUMBER}/messages") -> str:
    answer = network.post(path, body)
    return str(answer["messages"][0]["id"])


@pytest.mark.parametrize("prefix", ["/v26.0", "/v17.0", "", "/graph/v26.0", "/graph"])
def test_any_version_and_none_is_served(network: Emulator, prefix: str) -> None:
    customer = new_customer()
    answer = network.post(f"{prefix}/{NUMBER}/messages", hello(f"+49 (151) {customer[5:]}"))
    assert answer["messaging_product"] == "whatsapp"
    assert answer["contacts"] == [{"input": f"+49 (151) {customer[5:]}", "wa_id": customer}]
    assert answer["messages"][0]["id"].startswith("wamid.")
    assert answer["messages"][0]["message_status"] == "accepted"


def test_a_message_is_told_sent_delivered_and_read_and_is_signed(network: Emulator, hook: Receiver) -> None:
    customer = new_customer()
    network.open_window(customer)
    opaque = 'tracked "1" ü'
    message_id = sent(network, {**text(customer), "biz_opaque_callback_data": opaque})
    hook.until(lambda: len(hook.statuses(message_id)) == 3)
    statuses = hook.statuses(message_id)
    assert {one["status"] for one in statuses} == {"sent", "delivered", "read"}
    assert {one["recipient_id"] for one in statuses} == {customer}
    assert {one["biz_opaque_callback_data"] for one in statuses} == {opaque}
    assert all(one["timestamp"].isdecimal() for one in statuses)
    for post in hook.posts:
        expected = hmac.new(SECRET.encode(), post.body, hashlib.sha256).hexdigest()
        assert post.signature == f"sha256={expected}"
        assert post.body.isascii()
    shown = network.get("/emulator/messages", opaque=opaque)["messages"]
    assert [(one["id"], one["state"]) for one in shown] == [(message_id, "read")]


def test_a_customer_is_heard_with_name_and_context(network: Emulator, hook: Receiver) -> None:
    body = {"from": "+49 151 99", "text": "Ça va? 👍", "name": "Zoë", "reply_to": "wamid.X"}
    message_id = network.post("/emulator/messages", body)["id"]
    (message,) = hook.until(lambda: [one for one in hook.messages() if one["id"] == message_id])
    assert message["from"] == "4915199"
    assert message["text"] == {"body": "Ça va? 👍"}
    assert message["context"]["id"] == "wamid.X"
    (post,) = [one for one in hook.posts if message_id.encode() in one.body]
    contact = {"profile": {"name": "Zoë"}, "wa_id": "4915199", "user_id": message["from_user_id"]}
    assert post.value["contacts"] == [contact]
    assert post.value["metadata"]["phone_number_id"] == NUMBER


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"messaging_product": "x"}, 100),
        ({"type": "text", "text": {"body": "x"}}, 131008),
        ({"to": CUSTOMER, "type": "text"}, 131008),
        ({"to": CUSTOMER, "type": "text", "text": {}}, 131008),
        ({"to": CUSTOMER, "type": "text", "text": {"body": ""}}, 131009),
        ({"to": CUSTOMER, "type": "text", "text": {"body": "x" * 4097}}, 131009),
        ({"to": "12", "type": "text", "text": {"body": "x"}}, 131009),
        ({"to": CUSTOMER, "type": "smoke", "smoke": {}}, 100),
        ({"to": CUSTOMER, "type": "image", "image": {}}, 131008),
        ({"to": CUSTOMER, "type": "image", "image": {"link": "ftp://x"}}, 131009),
        ({"to": CUSTOMER, "type": "image", "image": {"id": "99"}}, 131009),
        ({"to": CUSTOMER, "type": "location", "location": {"latitude": 100, "longitude": 0}}, 131009),
        ({"to": CUSTOMER, "type": "contacts", "contacts": []}, 131009),
        ({"to": CUSTOMER, "type": "interactive", "interactive": {"type": "button"}}, 131008),
        ({"to": CUSTOMER, "type": "template", "template": {"name": "hello_world"}}, 131008),
        ({"status": "read"}, 131008),
        ({"to": CUSTOMER, "biz_opaque_callback_data": "x" * 513, "text": {"body": "x"}}, 131009),
    ],
)
def test_a_wrong_body_is_refused_with_the_platforms_code(
    network: Emulator, body: dict[str, object], code: int
) -> None:
    with network.client() as client:
        answer = client.post(f"/{NUMBER}/messages", json={"messaging_product": "whatsapp", **body})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == code, error
    assert set(error) >= {"message", "type", "code", "error_data", "fbtrace_id"}
    assert error["error_data"]["messaging_product"] == "whatsapp"


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic x"}])
def test_a_request_without_the_token_is_refused(network: Emulator, headers: dict[str, str]) -> None:
    with network.client() as client:
        del client.headers["Authorization"]
        for answer in (
            client.post(f"/{NUMBER}/messages", json=text(CUSTOMER), headers=headers),
            client.get("/emulator/state", headers=headers),
        ):
            assert answer.status_code == 401
            assert "www-authenticate" in answer.headers
        answer = client.post(f"/{NUMBER}/messages", json=text(CUSTOMER), headers=headers)
    assert answer.json()["error"]["code"] == 190


def test_what_does_not_exist_is_400_with_subcode_33(network: Emulator) -> None:
    with network.client() as client:
        for method, path in (
            ("POST", "/404404/messages"),
            ("GET", "/v26.0/404404"),
            ("DELETE", "/404404"),
            ("GET", f"/{NUMBER}/message_templates"),
            ("POST", f"/{WABA}/no_such_edge"),
            ("GET", "/v26.0/you"),
            ("PATCH", f"/v26.0/{NUMBER}"),
        ):
            answer = client.request(method, path, json=text(CUSTOMER))
            assert answer.status_code == 400, path
            assert (answer.json()["error"]["code"], answer.json()["error"]["error_subcode"]) == (100, 33)


def test_a_body_that_is_no_json_or_too_long_is_refused(network: Emulator) -> None:
    with network.client() as client:
        assert client.post(f"/{NUMBER}/messages", content=b"{").json()["error"]["code"] == 100
        answer = client.post(f"/{NUMBER}/messages", content=b"x" * (256 * 1024 + 1))
        assert answer.status_code == 413


def test_a_number_cannot_send_to_itself(network: Emulator) -> None:
    own = network.get(f"/{NUMBER}")["display_phone_number"]
    with network.client() as client:
        answer = client.post(f"/{NUMBER}/messages", json=hello(own))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 131021)


def test_read_receipts_and_typing_are_taken(network: Emulator) -> None:
    inbound = network.open_window(new_customer())
    body = {"messaging_product": "whatsapp", "status": "read", "message_id": inbound}
    assert network.post(f"/{NUMBER}/messages", body) == {"success": True}
    typing = {**body, "typing_indicator": {"type": "text"}}
    assert network.post(f"/{NUMBER}/messages", typing) == {"success": True}


def test_media_is_kept_told_downloaded_and_deleted(network: Emulator) -> None:
    content = b"\x89PNG" + bytes(range(256)) * 40
    with network.client() as client:
        files = {"file": ("a.png", content, "image/png"), "messaging_product": (None, "whatsapp")}
        media_id = client.post(f"/v26.0/{NUMBER}/media", files=files).json()["id"]
        shown = client.get(f"/v26.0/{media_id}").json()
        assert shown["sha256"] == hashlib.sha256(content).hexdigest()
        assert (shown["mime_type"], shown["file_size"]) == ("image/png", len(content))
        answer = client.get(shown["url"])
        assert (answer.content, answer.headers["content-type"]) == (content, "image/png")
        forged = shown["url"].replace("hash=", "hash=0")
        assert client.get(forged).status_code == 400
        assert client.get(shown["url"], headers={"Authorization": ""}).status_code == 401
        customer = new_customer()
        network.open_window(customer)
        sent(network, {**text(customer), "type": "image", "image": {"id": media_id}})
        assert client.delete(f"/{media_id}").json() == {"success": True}
        assert client.get(f"/{media_id}").status_code == 400
        wrong = {"file": ("a.exe", b"MZ", "model/3mf"), "messaging_product": (None, "whatsapp")}
        error = client.post(f"/{NUMBER}/media", files=wrong).json()["error"]
        assert error["code"] == 100
        assert error["message"].startswith("(#100) Param file must be a file with one of the following types")
        assert error["message"].endswith("Received file of type 'model/3mf'.")


def test_media_and_its_url_expire() -> None:
    with emulator() as network, network.client() as client:
        files = {"file": ("a.txt", b"text", "text/plain"), "messaging_product": (None, "whatsapp")}
        media_id = client.post(f"/{NUMBER}/media", files=files).json()["id"]
        url = client.get(f"/{media_id}").json()["url"]
        network.post("/emulator/clock", {"advance_s": 301})
        assert client.get(url).status_code == 404
        assert client.get(client.get(f"/{media_id}").json()["url"]).content == b"text"
        network.post("/emulator/clock", {"advance_s": 30 * 86_400})
        assert client.get(f"/{media_id}").status_code == 400


def test_templates_are_made_reviewed_used_and_deleted(network: Emulator) -> None:
    body, example = "Dear {{1}}, order {{2}} is {{3}} now.", {"body_text": [["Ada", "17", "packed"]]}
    made = network.post(
        f"/v26.0/{WABA}/message_templates",
        {
            "name": "order_state",
            "language": "en",
            "category": "UTILITY",
            "components": [{"type": "BODY", "text": body, "example": example}],
        },
    )
    assert made["status"] == "PENDING"
    use = {"name": "order_state", "language": {"code": "en"}}

    def refused(template: dict[str, object]) -> dict[str, object]:
        with network.client() as client:
            answer = client.post(f"/{NUMBER}/messages", json={**hello(new_customer()), "template": template})
        error: dict[str, object] = answer.json()["error"]
        return error

    assert refused(use)["code"] == 132001
    until(lambda: network.get(f"/{made['id']}")["status"] == "APPROVED")
    one = {"type": "body", "parameters": [{"type": "text", "text": "Ada"}]}
    error = refused({**use, "components": [one]})
    assert error["code"] == 132000
    assert error["error_data"] == {
        "messaging_product": "whatsapp",
        "details": "body: number of localizable_params (1) does not match the expected number of params (3)",
    }
    three = {"type": "body", "parameters": [{"type": "text", "text": text} for text in "abc"]}
    sent(network, {**hello(new_customer()), "template": {**use, "components": [three]}})
    for status, code in (("PAUSED", 132015), ("DISABLED", 132016), ("REJECTED", 132001)):
        network.post(f"/emulator/templates/{made['id']}", {"status": status})
        assert refused({**use, "components": [three]})["code"] == code
    listed = network.get(f"/{WABA}/message_templates", name="order_state")["data"]
    assert [one["id"] for one in listed] == [made["id"]]
    with network.client() as client:
        path = f"/{WABA}/message_templates"
        assert client.delete(path, params={"name": "order_state"}).json() == {"success": True}
        assert client.delete(path, params={"name": "order_state"}).status_code == 400


def test_a_webhook_address_is_verified_and_must_be_allowed(network: Emulator) -> None:
    with receiver() as other, network.client() as client:
        path = f"/{APP}/subscriptions"
        wrong = client.post(path, json={"callback_url": other.url, "verify_token": "wrong"})
        assert wrong.status_code == 400
        assert "403" in wrong.json()["error"]["message"]
        for url in ("http://192.0.2.1/", "http://example.org/", "file:///etc/passwd", "http://127.0.0.1:x/"):
            answer = client.post(path, json={"callback_url": url, "verify_token": "x"})
            assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100), url


def test_a_blocked_user_is_neither_heard_nor_sent_to(network: Emulator, hook: Receiver) -> None:
    user = "4915177777777"
    with network.client() as client:
        path, body = f"/v26.0/{NUMBER}/block_users", {"messaging_product": "whatsapp"}
        listed = {**body, "block_users": [{"user": f"+{user}"}]}
        assert client.post(path, json=listed).json()["block_users"]["added_users"][0]["wa_id"] == user
        assert [one["wa_id"] for one in client.get(path).json()["data"]] == [user]
        message_id = network.open_window(user)
        assert client.post(f"/{NUMBER}/messages", json=text(user)).status_code == 400
        client.request("DELETE", path, json=listed)
        heard = network.open_window(user)
    hook.until(lambda: any(one["id"] == heard for one in hook.messages()))
    assert not any(one["id"] == message_id for one in hook.messages())


def test_a_number_is_registered_and_deregistered() -> None:
    with receiver() as hook, emulator() as network, network.client() as client:
        network.subscribe(hook.url)
        assert network.post(f"/{NUMBER}/register", {"messaging_product": "whatsapp", "pin": "123456"})
        network.post(f"/{NUMBER}/deregister")
        unheard = network.open_window(CUSTOMER)
        assert (
            client.post(f"/{NUMBER}/messages", json=hello(new_customer())).json()["error"]["code"] == 133010
        )
        assert client.post(f"/{NUMBER}/register", json={"pin": "654321"}).json()["error"]["code"] == 131031
        network.post(f"/{NUMBER}/register", {"messaging_product": "whatsapp", "pin": "123456"})
        sent(network, hello(new_customer()))
        heard = network.open_window(CUSTOMER)
        hook.until(lambda: any(one["id"] == heard for one in hook.messages()))
        assert not any(one["id"] == unheard for one in hook.messages())
        codes = [
            client.post(f"/{NUMBER}/register", json={"pin": "123456"}).json().get("error", {}).get("code")
            for _ in range(10)
        ]
        assert codes[-1] == 133016


def test_slow_and_half_closed_clients_do_no_harm(network: Emulator) -> None:
    host, port = network.url.removeprefix("http://").split(":")
    head = f"POST /{NUMBER}/messages HTTP/1.1\r\nHost: x\r\nAuthorization: {HEADER['Authorization']}\r\n"
    open_ones = []
    for _ in range(50):
        one = socket.create_connection((host, int(port)))
        one.sendall(f"{head}Content-Length: 1000\r\n\r\n{{".encode())
        open_ones.append(one)
    half = socket.create_connection((host, int(port)))
    half.sendall(f"{head}Content-Length: 10\r\n\r\n{{".encode())
    half.shutdown(socket.SHUT_WR)
    assert network.get("/emulator/state")["numbers"]
    for one in (*open_ones, half):
        one.close()
    sent(network, hello(new_customer()))


def test_the_app_secret_gives_the_apps_token(network: Emulator) -> None:
    with network.client() as client:
        query = {"grant_type": "client_credentials", "client_id": APP, "client_secret": SECRET}
        token = client.get("/oauth/access_token", params=query).json()["access_token"]
        del client.headers["Authorization"]
        assert client.get(f"/{APP}/subscriptions", params={"access_token": token}).status_code == 200
        assert client.get("/emulator/state", headers={"Authorization": f"Bearer {token}"}).status_code == 403
        query["client_secret"] = "wrong"
        assert client.get("/oauth/access_token", params=query).json()["error"]["code"] == 190


def test_updates_share_a_webhook_when_batches_are_allowed() -> None:
    options = ("--webhook-batch", "1000", "--webhook-connections", "1", "--speed", "20")
    with receiver() as hook, emulator(*options) as network:
        network.subscribe(hook.url)
        may_go_on = threading.Event()

        def answer(_post: Post) -> int:
            may_go_on.wait(10)
            return 200 if len(hook.posts) > 1 else 503

        hook.answer = answer
        ids = {network.open_window(new_customer()) for _ in range(10)}
        may_go_on.set()
        hook.until(lambda: {one["id"] for one in hook.messages()} >= ids)
        hook.until(lambda: len(hook.posts) == 3)  # one alone and in vain, the other nine, the one again
        assert hook.posts[2].body == hook.posts[0].body
        (entry,) = json.loads(hook.posts[1].body)["entry"]
        (change,) = entry["changes"]
        assert len(change["value"]["contacts"]) == len(change["value"]["messages"]) == 9


def test_a_form_stands_for_an_object(network: Emulator) -> None:
    """As curl sends it without a content type, and as some clients do."""
    template = json.dumps({"name": "hello_world", "language": {"code": "en_US"}})
    form = {"messaging_product": "whatsapp", "type": "template", "template": template}
    with network.client() as client:
        answer = client.post(f"/{NUMBER}/messages", data={**form, "to": f"+{new_customer()}"})
        assert answer.status_code == 200, answer.text
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        content = json.dumps(hello(new_customer())).encode()
        assert client.post(f"/{NUMBER}/messages", content=content, headers=headers).status_code == 200
        wrong = client.post(f"/{NUMBER}/messages", data={**form, "to": "x", "template": "{"})
        assert wrong.json()["error"]["code"] in (100, 131009)


def test_a_file_goes_up_in_parts_and_gets_a_handle(network: Emulator) -> None:
    with network.client() as client:
        query = {"file_length": "10", "file_type": "image/png", "file_name": "a.png"}
        session = client.post(f"/v26.0/{APP}/uploads", params=query).json()["id"]
        assert client.post(f"/v26.0/{session}", content=b"12345").json() == {"id": session}
        assert client.get(f"/v26.0/{session}").json() == {"id": session, "file_offset": 5}
        headers = {"file_offset": "5"}
        assert client.post(f"/v26.0/{session}", content=b"1", headers={"file_offset": "4"}).status_code == 400
        assert client.post(f"/v26.0/{session}", content=b"123456", headers=headers).status_code == 400
        assert client.post(f"/v26.0/{session}", content=b"67890", headers=headers).json()["h"]
        assert client.get("/v26.0/upload:none").status_code == 400
        assert client.post(f"/{APP}/uploads", params={"file_length": "-1"}).status_code == 400


def test_a_control_that_does_not_exist_is_a_problem_document(network: Emulator) -> None:
    with network.client() as client:
        for method, path, status in (("GET", "/emulator/none", 404), ("PATCH", "/emulator/state", 405)):
            answer = client.request(method, path)
            assert (answer.status_code, answer.json()["status"]) == (status, status)


DEEP = b"[" * 200_000, b'{"from": ' * 25_000 + b"1" + b"}" * 25_000
NO_UTF_8 = b'{"from": "\xed\xa0\x80"}'


BODIES = [
    ("POST", f"/{NUMBER}/messages", 400),
    ("POST", f"/{NUMBER}", 400),
    ("POST", f"/{NUMBER}/register", 400),
    ("POST", f"/{NUMBER}/block_users", 400),
    ("POST", f"/{WABA}/message_templates", 400),
    ("POST", "/emulator/messages", 400),
    ("PUT", "/emulator/behaviour", 400),
]


@pytest.mark.parametrize(("method", "path", "status"), BODIES)
def test_a_body_that_is_nested_too_deeply_is_refused(
    network: Emulator, method: str, path: str, status: int
) -> None:
    with network.client() as client:
        for content in DEEP:
            assert client.request(method, path, content=content).status_code in (status, 422)


@pytest.mark.parametrize(("method", "path", "status"), BODIES)
def test_a_body_that_is_not_utf_8_is_refused(network: Emulator, method: str, path: str, status: int) -> None:
    with network.client() as client:
        answer = client.request(method, path, content=NO_UTF_8)
        assert answer.status_code == status, answer.text
        said = answer.json() if path.startswith("/emulator") else answer.json()["error"]["error_data"]
        assert ("detail" in said) == path.startswith("/emulator")


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary=x", "text/plain", ""])
def test_a_form_that_is_none_is_refused(network: Emulator, kind: str) -> None:
    with network.client() as client:
        answer = client.post(f"/{NUMBER}/media", content=b"x", headers={"content-type": kind})
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)


@pytest.mark.parametrize("who", ["", "x", "+", "1234", "1" * 16, "\u0663" * 8, None, {}, 7])
def test_who_is_no_number_can_neither_be_blocked_nor_write(network: Emulator, who: object) -> None:
    with network.client() as client:
        before = client.get(f"/{NUMBER}/block_users").json()
        users = [{"user": "4915112345678"}, {"user": who}]
        answer = client.post(f"/{NUMBER}/block_users", json={"block_users": users})
        assert answer.status_code == 400
        assert "block_users[1].user" in answer.json()["error"]["error_data"]["details"]
        assert client.get(f"/{NUMBER}/block_users").json() == before
        wrote = client.post("/emulator/messages", json={"from": who, "text": "x"})
        assert (wrote.status_code, wrote.json()["field"]) == (422, "from")
        if isinstance(who, str) and who:
            for act in ("stop", "block"):
                answer = client.post(f"/emulator/customers/{who}/{act}", json={})
                assert (answer.status_code, answer.json()["field"]) == (422, "customer")
            listed = client.get("/emulator/messages", params={"to": who})
            assert (listed.status_code, listed.json()["field"]) == (422, "to")


SECOND = "106540000000002"


def test_a_customer_is_moved_only_by_a_message_that_came(network: Emulator) -> None:
    to, other = new_customer(), new_customer()
    message = network.post(f"/{SECOND}/messages", hello(to))["messages"][0]["id"]
    with network.client() as client:
        for who, body, status in (
            (to, {"message": "wamid.none"}, 404),
            (other, {"message": message}, 422),
            (to, {"message": message, "number": NUMBER}, 422),
            (to, {"message": message}, 200),
        ):
            answer = client.post(f"/emulator/customers/{who}/report", json=body)
            assert answer.status_code == status
            if status != 200:
                assert answer.json()["field"] == "message"
        assert answer.json() == {"number": SECOND, "customer": to}


@pytest.mark.parametrize("index", ["9" * 5000, "1", "x", 10**6])
def test_a_value_for_a_button_that_the_template_has_not_is_refused(network: Emulator, index: object) -> None:
    button = {"type": "URL", "text": "Look", "url": "https://example.com"}
    components = [{"type": "BODY", "text": "Hello"}, {"type": "BUTTONS", "buttons": [button]}]
    made = {"name": f"buttons_{new_customer()}", "language": "en", "category": "UTILITY"}
    template_id = network.post(f"/{WABA}/message_templates", {**made, "components": components})["id"]
    network.post(f"/emulator/templates/{template_id}", {"status": "APPROVED"})
    value = {"type": "button", "sub_type": "url", "index": index, "parameters": [{"text": "x"}]}
    template = {"name": made["name"], "language": {"code": "en"}, "components": [value]}
    with network.client() as client:
        body = {**hello(new_customer()), "template": template}
        answer = client.post(f"/{NUMBER}/messages", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 132000)


@pytest.mark.parametrize("number", ["9" * 5000, "9" * 60, "0"])
def test_a_fault_that_is_not_on_cannot_be_taken_off(network: Emulator, number: str) -> None:
    with network.client() as client:
        assert client.delete(f"/emulator/faults/{number}").status_code == 404


@pytest.mark.parametrize("data", ["Grüße", "abc", "$$$$", {"a": 1}])
def test_a_file_that_is_no_base64_is_refused(network: Emulator, data: object) -> None:
    wrote = {"from": new_customer(), "type": "image", "content": {"data": data}}
    with network.client() as client:
        answer = client.post("/emulator/messages", json=wrote)
    assert (answer.status_code, answer.json()["field"]) == (422, "content.data")


@pytest.mark.parametrize("number", ["9" * 5000, "-1", "x"])
def test_a_page_without_a_sound_place_or_size_is_the_first(network: Emulator, number: str) -> None:
    with network.client() as client:
        for name in ("limit", "after", "before"):
            answer = client.get(f"/{WABA}/phone_numbers", params={name: number})
            assert answer.status_code == 200, answer.text
        listed = client.get("/emulator/messages", params={"limit": number})
        assert (listed.status_code, listed.json()["field"]) == (422, "limit")
        headers = {"file_offset": number}
        assert client.post("/v26.0/upload:none", content=b"1", headers=headers).status_code == 400
        assert client.post(f"/{APP}/uploads", params={"file_length": number}).status_code == 400


def test_a_format_that_is_no_header_and_a_time_that_is_none_are_refused(network: Emulator) -> None:
    with network.client() as client:
        for mime_type in ("image/png; x\r\nX-Evil: 1", "image/png; \u00e9", "image/png\0"):
            wrote = {"from": new_customer(), "type": "image", "content": {"mime_type": mime_type}}
            assert client.post("/emulator/messages", json=wrote).status_code == 422
        for until in ("9" * 5000, "-1", "x", ""):
            query = {"mid": "1", "ext": until, "hash": "x"}
            answer = client.get("/whatsapp_business/attachments", params=query)
            assert (answer.status_code, answer.json()["error"]["error_subcode"]) == (400, 33)

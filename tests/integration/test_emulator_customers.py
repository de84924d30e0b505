"""Simulated customers, account events, and the shapes of all that is told of them."""

import json
import time
from functools import partial
from typing import Any

import msgspec
from running_emulator import APP, NUMBER, TOKEN, WABA, Post, emulator, new_customer, receiver, until
from running_server import HEADER, running, write_scenario
from webhook_shapes import Answer, Refusal, check_webhook

OFFER = {
    "name": "offer",
    "language": "en_US",
    "category": "MARKETING",
    "components": [{"type": "BODY", "text": "15 % off until Sunday."}],
}


def text(to: str, body: str) -> dict[str, Any]:
    return {"messaging_product": "whatsapp", "to": to, "type": "text", "text": {"body": body}}


def test_customers_hold_conversations_with_a_bot_by_the_scenarios_scripts() -> None:
    with receiver() as hook, emulator("--customers", "scenario", "--speed", "30") as network:
        network.subscribe(hook.url)
        network.put(
            "/emulator/behaviour",
            {"delivered": 1, "unregistered": 0, "delivery_delay_median_s": 1, "delivery_delay_log_sd": 0},
        )
        network.post("/emulator/conversations", {"count": 12, "over_s": 20})
        answered: set[str] = set()

        def serve() -> bool:
            for message in hook.messages():
                if message["id"] not in answered:
                    answer = network.calls.post(
                        f"/{NUMBER}/messages", json=text(message["from"], "An answer")
                    )
                    if answer.status_code == 200:
                        answered.add(message["id"])
                    else:  # a quick customer: the pair rate makes the bot wait and try again
                        assert answer.json()["error"]["code"] == 131056
            return bool(network.get("/emulator/conversations")["completed"] == 12)

        until(serve, 60)
        shown = network.get("/emulator/conversations")
        assert (shown["begun"], shown["live"], shown["abandoned"]) == (12, 0, 0)
        assert shown["answers"] == len(answered)
        assert 0 < shown["answer_time_s"]["p50"] <= shown["answer_time_s"]["p99"]


def test_who_gets_no_answer_leaves() -> None:
    with emulator("--speed", "30") as network:
        network.post("/emulator/conversations", {"count": 5})
        until(lambda: network.get("/emulator/conversations")["live"] == 5)
        network.post("/emulator/clock", {"advance_s": 301})
        until(lambda: network.get("/emulator/conversations")["abandoned"] == 5)


def test_who_writes_is_on_the_network() -> None:
    """However few numbers are."""
    with emulator("--speed", "30") as network:
        network.put("/emulator/behaviour", {"unregistered": 0.9999})
        template = {"name": "hello_world", "language": {"code": "en_US"}}
        first, writer = new_customer(), new_customer()
        network.open_window(writer)
        messages = []
        for to, number in ((first, NUMBER), (writer, NUMBER), (writer, str(int(NUMBER) + 1))):
            body = {"messaging_product": "whatsapp", "to": to, "type": "template", "template": template}
            messages.append(network.post(f"/{number}/messages", body)["messages"][0]["id"])

        def states() -> list[str]:
            return [network.get("/emulator/messages", id=one)["messages"][0]["state"] for one in messages]

        until(lambda: states() == ["failed", "read", "read"])


def test_a_message_that_fails_is_no_answer() -> None:
    with receiver() as hook, emulator("--speed", "30") as network:
        network.subscribe(hook.url)
        network.post("/emulator/conversations", {"count": 1})
        (question,) = hook.until(hook.messages)
        network.post("/emulator/faults", {"kind": "fail", "code": 131000, "next": 1})
        network.post(f"/{NUMBER}/messages", text(question["from"], "This one is lost"))
        assert network.get("/emulator/conversations")["answer_time_s"] == {}
        network.post("/emulator/clock", {"advance_s": 60})
        network.post(f"/{NUMBER}/messages", text(question["from"], "This one is not"))
        assert network.get("/emulator/conversations")["answer_time_s"]["p50"] >= 60


def test_a_campaign_moves_customers_to_reply_stop_block_and_report() -> None:
    with receiver() as hook, emulator("--speed", "60") as network:
        network.subscribe(hook.url)
        offer = network.post(f"/{WABA}/message_templates", OFFER)
        until(lambda: network.get(f"/{offer['id']}")["status"] == "APPROVED")
        network.put(
            "/emulator/behaviour", {"reply": 0.4, "opt_out": 0.3, "block": 0.3, "act_delay_median_s": 1}
        )
        template = {"name": "offer", "language": {"code": "en_US"}}
        users = [new_customer() for _ in range(30)]
        for to in users:
            body = {"messaging_product": "whatsapp", "to": to, "type": "template", "template": template}
            network.post(f"/{NUMBER}/marketing_messages", body)
        hook.until(lambda: len([one for one in hook.statuses() if one["status"] == "read"]) == 30)
        replied = hook.until(lambda: {one["from"] for one in hook.messages()})
        stopped = hook.until(
            lambda: [post for post in list(hook.posts) if b'"field":"user_preferences"' in post.body]
        )
        assert replied <= set(users)
        assert 3 <= len(replied) <= 22
        assert 1 <= len(stopped) <= 20


def content_of(answered: str) -> tuple[tuple[str, Any], ...]:
    """One message of each type besides text and media, as the platform's examples have them."""
    order = {"product_retailer_id": "p", "quantity": 2, "item_price": 30, "currency": "USD"}
    row = {"id": "r", "title": "Express", "description": "Next day"}
    flow = {"name": "flow", "body": "Sent", "response_json": "{}"}
    return (
        ("location", {"latitude": 37.4, "longitude": -122.1, "name": "Philz", "address": "101 Forest Ave"}),
        (
            "contacts",
            [{"name": {"formatted_name": "A"}, "phones": [{"phone": "+1 983 555", "type": "HOME"}]}],
        ),
        ("reaction", {"message_id": answered, "emoji": "👍"}),
        ("button", {"payload": "p", "text": "t"}),
        ("interactive", {"type": "button_reply", "button_reply": {"id": "b", "title": "Cancel"}}),
        ("interactive", {"type": "list_reply", "list_reply": row}),
        ("interactive", {"type": "nfm_reply", "nfm_reply": flow}),
        ("order", {"catalog_id": "1", "text": "", "product_items": [order]}),
        ("system", {"body": "A changed", "wa_id": "12195555358", "type": "user_changed_number"}),
        ("unsupported", None),
        ("request_welcome", None),
    )


def test_all_that_is_told_has_the_documented_shape() -> None:
    with receiver() as hook, emulator("--speed", "60") as network, network.client() as client:
        network.subscribe(hook.url)
        network.post(f"/{WABA}/message_templates", OFFER)
        to = new_customer()
        network.open_window(to)
        sent = client.post(f"/{NUMBER}/messages", json=text(to, "x"))
        msgspec.json.decode(sent.content, type=Answer)
        contact = client.get("/emulator/messages", params={"to": to}).json()
        user = hook.until(lambda: hook.statuses(contact["messages"][0]["id"]))[0]["recipient_user_id"]
        body = {**text(to, "by id"), "recipient": user}
        del body["to"]
        answer = msgspec.json.decode(client.post(f"/{NUMBER}/messages", json=body).content, type=Answer)
        assert answer.contacts[0].user_id == user
        network.post(f"/{NUMBER}/messages", text(new_customer(), "outside the window"))
        for kind in ("image", "audio", "video", "document", "sticker"):
            network.post("/emulator/messages", {"from": to, "type": kind, "content": {"caption": "c"}})
        passed_on = content_of(contact["messages"][0]["id"])
        for kind, content in passed_on:
            given = {} if content is None else {"content": content}
            network.post("/emulator/messages", {"from": to, "type": kind, **given})
        referral = {"source_url": "https://fb.me/x", "source_id": "1", "source_type": "ad", "headline": "h"}
        network.post("/emulator/messages", {"from": to, "text": "x", "from_ad": True, "referral": referral})
        for act in ("stop", "resume"):
            network.post(f"/emulator/customers/{to}/{act}")
        hook.until(lambda: any("errors" in one for one in hook.statuses()))
        until(lambda: network.get("/emulator/state")["webhooks"]["pending"] == 0)
        fields = {field for post in hook.posts for field in check_webhook(post.body)}
        assert fields == {"messages", "message_template_status_update", "user_preferences"}
        told = hook.messages()
        for kind, content in passed_on:
            assert [one.get(kind) for one in told if one["type"] == kind and one.get(kind) == content], kind
        assert [one["referral"] for one in told if "referral" in one] == [referral]
        (picture,) = [one["image"] for one in told if one["type"] == "image"]
        assert client.get(picture["url"]).headers["content-type"] == "image/jpeg"
        (unsupported,) = [one for one in told if one["type"] == "unsupported"]
        assert unsupported["errors"][0]["error_data"]["details"] == "Message type is currently not supported."
        refused = client.post(f"/{NUMBER}/messages", json={"messaging_product": "whatsapp"})
        msgspec.json.decode(refused.content, type=Refusal)


WRONG: tuple[tuple[dict[str, Any], str], ...] = (
    ({"from": "+4915112345678"}, "text"),
    ({"from": "1"}, "from"),
    ({"from": "+4915112345678", "type": "smoke", "content": {}}, "type"),
    ({"from": "+4915112345678", "type": "location"}, "content"),
    ({"from": "+4915112345678", "type": "location", "content": [{}]}, "content"),
    ({"from": "+4915112345678", "type": "image", "content": [{}]}, "content"),
    ({"from": "+4915112345678", "type": "contacts", "content": {}}, "content"),
    ({"from": "+4915112345678", "type": "image", "content": {"data": "%"}}, "content.data"),
    ({"from": "+4915112345678", "text": "x", "number": "404"}, "number"),
    ({"from": "+4915112345678", "text": "x", "txt": "x"}, "txt"),
)


def test_what_no_customer_could_write_is_refused() -> None:
    with emulator() as network, network.client() as client:
        for body, field in WRONG:
            answer = client.post("/emulator/messages", json=body)
            assert (answer.status_code in (404, 422), answer.json()["field"]) == (True, field)


def test_a_webhook_that_nobody_takes_is_given_up_after_seven_days() -> None:
    with receiver() as hook, emulator("--speed", "20") as network:
        network.subscribe(hook.url)
        hook.answer = lambda _post: 500
        network.open_window(new_customer())
        hook.until(lambda: len(hook.posts) >= 2)
        webhooks: dict[str, Any] = {}

        def has_gone_on(attempts: int) -> bool:
            webhooks.update(network.get("/emulator/state")["webhooks"])
            return bool(webhooks["failed_attempts"] > attempts or webhooks.get("given_up"))

        while not webhooks.get("given_up"):
            attempts = network.get("/emulator/state")["webhooks"]["failed_attempts"]
            network.post("/emulator/clock", {"advance_s": 4 * 3600})
            until(partial(has_gone_on, attempts))
        # One in 4 h, and in the beginning more; a jump that meets one of these under way brings none of its own.
        assert 38 <= webhooks["attempts"] <= 60
        assert webhooks["given_up"] == 1
        assert webhooks["pending"] == 0
        assert len({post.body for post in hook.posts}) == 1


def test_a_receiver_that_is_slow_holds_nothing_up() -> None:
    """Its webhooks wait; requests go on."""
    with receiver() as hook, emulator("--speed", "20") as network:
        network.subscribe(hook.url)

        def answer(_post: Post) -> int:
            time.sleep(1)
            return 200

        hook.answer = answer
        for _ in range(40):
            network.open_window(new_customer())
        assert network.get("/emulator/state")["webhooks"]["pending"] > 0


def test_the_server_has_the_same_api_beside_its_own(tmp_path: Any) -> None:
    """Under /graph and at the root, with its clock and its tokens."""
    with (
        running(write_scenario(tmp_path), tmp_path / "a.db", "--speed", "60") as server,
        server.client() as client,
    ):
        template = {"name": "hello_world", "language": {"code": "en_US"}}
        body = {
            "messaging_product": "whatsapp",
            "to": "+4915112345678",
            "type": "template",
            "template": template,
        }
        ids = {
            client.post(f"{prefix}/{NUMBER}/messages", json={**body, "to": new_customer()}).json()[
                "messages"
            ][0]["id"]
            for prefix in ("/graph/v26.0", "/graph", "/v26.0", "")
        }
        assert len(ids) == 4
        assert client.get("/emulator/app-secret").json()["app_secret"]
        before = client.get("/emulator/clock").json()["now_s"]
        client.post("/emulator/clock", json={"advance_s": 3600})
        assert client.get("/stats").json() != {}
        assert client.get("/emulator/clock").json()["now_s"] >= before + 3600
        reader = client.post("/tokens", json={"scopes": ["read"]}).json()["token"]
        limited = {"Authorization": f"Bearer {reader}"}
        assert client.get("/emulator/state", headers=limited).status_code == 200
        assert client.post("/emulator/clock", json={}, headers=limited).status_code == 403
        answer = client.post(f"/{NUMBER}/messages", json=body, headers=limited)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, 10)
        assert client.get(f"/{APP}/subscriptions").json() == {"data": []}
        assert HEADER["Authorization"].endswith(TOKEN)
        assert json.dumps(client.get("/graph/v26.0/404").json()["error"]["code"]) == "100"

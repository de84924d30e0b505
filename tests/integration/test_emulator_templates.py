"""Templates made in many languages at once, and two compared."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from running_emulator import NUMBER, WABA, Emulator, emulator, new_customer, receiver, until

UPSERT = f"/v26.0/{WABA}/upsert_message_templates"
HELLO = "7000000000001"  # hello_world
CODE: dict[str, Any] = {
    "name": "code",
    "languages": ["en_US", "es_ES", "en_US"],
    "category": "authentication",
    "components": [
        {"type": "BODY", "add_security_recommendation": True},
        {"type": "BUTTONS", "buttons": [{"type": "OTP", "otp_type": "COPY_CODE"}]},
    ],
}
OFFER = {
    "name": "offer",
    "language": "en_US",
    "category": "MARKETING",
    "components": [{"type": "BODY", "text": "15 % off until Sunday."}],
}


PICTURE = {
    **OFFER,
    "name": "picture",
    "components": [
        {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["4::aW"]}},
        {"type": "BODY", "text": "Look"},
    ],
}


@pytest.fixture(scope="module")
def network() -> Iterator[Emulator]:
    with emulator("--speed", "60") as running:
        yield running


def refused(network: Emulator, method: str, path: str, given: dict[str, Any]) -> dict[str, Any]:
    with network.client() as client:
        answer = client.request(method, path, **{"json" if method == "POST" else "params": given})
    assert answer.status_code == 400, answer.text
    return dict(answer.json()["error"])


def templates(network: Emulator, name: str) -> dict[str, dict[str, Any]]:
    return {one["language"]: one for one in network.get(f"/{WABA}/message_templates", name=name)["data"]}


def test_authentication_templates_are_made_and_changed_in_many_languages(network: Emulator) -> None:
    made = network.post(UPSERT, CODE)["data"]
    assert [(one["language"], one["status"]) for one in made] == [
        ("en_US", "APPROVED"),
        ("es_ES", "APPROVED"),
    ]
    expiring = [*CODE["components"], {"type": "FOOTER", "code_expiration_minutes": 5}]
    changed = network.post(UPSERT, {**CODE, "languages": ["es_ES", "fr"], "components": expiring})["data"]
    assert changed[0] == made[1]
    kept = templates(network, "code")
    assert {language: len(one["components"]) for language, one in kept.items()} == {
        "en_US": 2,
        "es_ES": 3,
        "fr": 3,
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"languages": []},
        {"languages": "en_US"},
        {"languages": ["de", "x" * 11]},
        {"category": "UTILITY"},
        {"name": "Not a name"},
        {"name": "hello_world", "languages": ["de", "en_US"]},
        {"components": [{"type": "BUTTONS", "buttons": []}]},
    ],
)
def test_what_is_wrong_makes_none_of_them(network: Emulator, wrong: dict[str, Any]) -> None:
    before = network.get(f"/{WABA}/message_templates")["summary"]["total_count"]
    assert refused(network, "POST", UPSERT, {**CODE, "name": "wrong", **wrong})["code"] == 100
    assert network.get(f"/{WABA}/message_templates")["summary"]["total_count"] == before


def test_a_text_that_the_platform_refuses_makes_and_changes_nothing(network: Emulator) -> None:
    path, wrong = f"/{WABA}/message_templates", [{"type": "BODY", "text": "Until {{1}}"}]
    error = refused(network, "POST", path, {**OFFER, "name": "until", "components": wrong})
    assert (error["code"], error["error_subcode"], error["message"]) == (100, 2388299, "Invalid parameter")
    assert error["error_user_title"] == "Leading or trailing params not allowed"
    assert templates(network, "until") == {}
    kept = made(network, "until", "Until Sunday")
    until(lambda: network.get(f"/{kept}")["status"] == "APPROVED")
    assert refused(network, "POST", f"/{kept}", {"components": wrong})["error_subcode"] == 2388299
    assert network.get(f"/{kept}")["components"] == [{"type": "BODY", "text": "Until Sunday"}]


def test_a_template_under_review_is_not_edited_and_nothing_is_told_of_one_that_is_gone(
    network: Emulator,
) -> None:
    with receiver() as hook:
        network.subscribe(hook.url)
        gone = network.post(f"/{WABA}/message_templates", {**OFFER, "name": "gone"})["id"]
        network.calls.delete(f"/{WABA}/message_templates", params={"name": "gone"})
        kept = network.post(f"/{WABA}/message_templates", {**OFFER, "name": "kept"})["id"]
        edited = {"components": [{"type": "BODY", "text": "20 % off"}]}
        assert refused(network, "POST", f"/{kept}", edited)["code"] == 100
        network.post("/emulator/clock", {"advance_s": 10})
        hook.until(lambda: any(kept.encode() in post.body for post in hook.posts))
        assert network.get(f"/{kept}")["components"] == OFFER["components"]
        assert network.post(f"/{kept}", edited) == {"success": True}
        network.post(f"/emulator/templates/{kept}", {"status": "DISABLED"})
        assert refused(network, "POST", f"/{kept}", edited)["code"] == 100
        hook.until(lambda: sum(kept.encode() in post.body for post in hook.posts) == 2)
        assert not any(gone.encode() in post.body for post in hook.posts)


def test_two_templates_are_compared(network: Emulator) -> None:
    offer = network.post(f"/{WABA}/message_templates", OFFER)["id"]
    until(lambda: network.get(f"/{offer}")["status"] == "APPROVED")
    start_s = int(network.get("/emulator/clock")["now_s"]) - 1

    def send(name: str, times: int) -> tuple[str, str]:
        for _ in range(times):
            to, template = new_customer(), {"name": name, "language": {"code": "en_US"}}
            body = {"messaging_product": "whatsapp", "to": to, "type": "template", "template": template}
            message = network.post(f"/{NUMBER}/messages", body)["messages"][0]["id"]
        until(lambda: network.get("/emulator/messages", id=message)["messages"][0]["read_s"])
        return to, message

    send("hello_world", 3)
    to, message = send("offer", 2)
    network.post(f"/emulator/customers/{to}/block", {"message": message})
    end_s = int(network.get("/emulator/clock")["now_s"]) + 1
    lists = (
        {"template_ids": f"[{offer}]", "start": str(start_s), "end": str(end_s)},
        {"template_ids": offer, "start": str(start_s * 1000), "end": str(end_s * 1000)},
    )
    for given in lists:
        rate, sends, reasons = network.get(f"/v26.0/{HELLO}/compare", **given)["data"]
        assert rate == {
            "metric": "BLOCK_RATE",
            "type": "RELATIVE",
            "order_by_relative_metric": [HELLO, offer],
        }
        assert sends["number_values"] == [{"key": HELLO, "value": 3}, {"key": offer, "value": 2}]
        assert {one["key"] for one in reasons["string_values"]} == {HELLO, offer}
    earlier = network.get(f"/{offer}/compare", template_ids=HELLO, start="0", end=str(start_s))["data"][1]
    assert [one["value"] for one in earlier["number_values"]] == [0, 0]


@pytest.mark.parametrize(
    ("node", "wrong", "subcode"),
    [
        (HELLO, {"template_ids": ""}, None),
        (HELLO, {"template_ids": f"{HELLO},{HELLO}"}, None),
        (HELLO, {"template_ids": "4711"}, 33),
        (NUMBER, {}, 33),
        (HELLO, {"start": "yesterday"}, None),
        (HELLO, {"end": ""}, None),
    ],
)
def test_what_cannot_be_compared(
    network: Emulator, node: str, wrong: dict[str, str], subcode: int | None
) -> None:
    given = {"template_ids": HELLO, "start": "1", "end": "2", **wrong}
    error = refused(network, "GET", f"/{node}/compare", given)
    assert (error["code"], error.get("error_subcode")) == (100, subcode)


def test_a_file_in_a_templates_header_must_be_there(network: Emulator) -> None:
    made = network.post(f"/{WABA}/message_templates", PICTURE)["id"]
    until(lambda: network.get(f"/{made}")["status"] == "APPROVED")
    with network.client() as client:
        files = {"file": ("a.png", b"\x89PNG", "image/png"), "messaging_product": (None, "whatsapp")}
        picture = client.post(f"/{NUMBER}/media", files=files).json()["id"]
        sound = {**files, "file": ("a.ogg", b"OggS", "audio/ogg")}
        other = client.post(f"/{NUMBER}/media", files=sound).json()["id"]

    def message(image: dict[str, str]) -> dict[str, Any]:
        header = {"type": "header", "parameters": [{"type": "image", "image": image}]}
        template = {"name": "picture", "language": {"code": "en_US"}, "components": [header]}
        whole = {"messaging_product": "whatsapp", "to": new_customer(), "type": "template"}
        return {**whole, "template": template}

    for image in ({"id": picture}, {"link": "https://shop.example/a.png"}):
        assert network.post(f"/{NUMBER}/messages", message(image))["messages"]
    path = f"/{NUMBER}/messages"
    assert refused(network, "POST", path, message({"id": "4711"}))["code"] == 131009
    assert refused(network, "POST", path, message({"id": other}))["code"] == 131053


def made(network: Emulator, name: str, text: str, **more: Any) -> str:
    body = {**OFFER, "name": name, "components": [{"type": "BODY", "text": text}], **more}
    return str(network.post(f"/{WABA}/message_templates", body)["id"])


@pytest.fixture(scope="module")
def three() -> Iterator[Emulator]:
    """An emulator with three templates of its own."""
    with emulator("--speed", "60") as own:
        made(own, "alpha", "Until Sunday")
        made(own, "beta", "Your parcel", category="UTILITY")
        made(own, "gamma", "Bis Montag", language="de")
        yield own


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"status": '["PENDING","APPROVED"]'}, {"alpha", "beta", "gamma"}),
        ({"status": "pending,approved", "category": "UTILITY"}, {"beta"}),
        ({"category": '["UTILITY", "MARKETING"]', "language": '["de", "fr"]'}, {"gamma"}),
        ({"content": "SUNDAY"}, {"alpha"}),
        ({"name_or_content": "gam"}, {"gamma"}),
        ({"quality_score": '["UNKNOWN"]'}, {"alpha", "beta", "gamma"}),
        ({"quality_score": "RED"}, set()),
    ],
)
def test_templates_are_found_by_lists_and_words(
    three: Emulator, query: dict[str, str], found: set[str]
) -> None:
    """Several values as JSON or with commas, as clients write them."""
    listed = three.get(f"/{WABA}/message_templates", **query)["data"]
    assert {one["name"] for one in listed} - {"hello_world"} == found


def test_a_template_is_deleted_by_its_name_or_by_ids(network: Emulator) -> None:
    """The id of one language goes beside the name, as the platform's page has it."""
    error = refused(network, "DELETE", f"/{WABA}/message_templates", {"hsm_id": HELLO})
    assert (error["code"], error["message"]) == (100, "(#100) The parameter name is required.")
    assert network.get(f"/{HELLO}")["name"] == "hello_world"


def test_several_templates_are_deleted_by_their_ids(network: Emulator) -> None:
    ids = [made(network, f"gone_{number}", "Bye") for number in range(3)]
    path = f"/{WABA}/message_templates"
    with network.client() as client:
        wrong = client.delete(path, params={"hsm_ids": json.dumps([ids[0], "1"])})
        assert wrong.json()["error"]["error_subcode"] == 2593002
        assert network.get(f"/{ids[0]}")["name"] == "gone_0"
        assert client.delete(path, params={"hsm_ids": json.dumps(ids[:2])}).json() == {"success": True}
    left = {one["name"] for one in network.get(path, limit="100")["data"]}
    assert "gone_2" in left
    assert not {"gone_0", "gone_1"} & left

"""What a number shows and does of itself: message links, greeting and commands, shop, public key."""

import io
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import segno
from running_emulator import NUMBER, Emulator, emulator

LINKS = f"/v26.0/{NUMBER}/message_qrdls"
SHOP = f"/v26.0/{NUMBER}/whatsapp_commerce_settings"
AUTOMATION = f"/v26.0/{NUMBER}/conversational_automation"
KEYS = f"/v26.0/{NUMBER}/whatsapp_business_encryption"


@pytest.fixture(scope="module")
def network() -> Iterator[Emulator]:
    with emulator() as running:
        yield running


def refused(network: Emulator, path: str, body: dict[str, Any]) -> int:
    with network.client() as client:
        answer = client.post(path, json=body)
    assert answer.status_code == 400
    return int(answer.json()["error"]["code"])


def test_links_are_made_listed_changed_and_deleted(network: Emulator) -> None:
    first = network.post(LINKS, {"prefilled_message": "Show me offers"})
    assert re.fullmatch("[A-Z2-7]{14}", first["code"])
    assert first["deep_link_url"] == f"https://wa.me/message/{first['code']}"
    second = network.post(LINKS, {"prefilled_message": "Hi"})
    assert network.get(LINKS)["data"] == [second, first]
    assert network.get(LINKS, code=first["code"])["data"] == [first]
    assert network.get(f"{LINKS}/{first['code']}")["data"] == [first]
    (asked,) = network.get(f"{LINKS}/{first['code']}", fields="code,prefilled_message")["data"]
    assert set(asked) == {"code", "prefilled_message"}
    changed = network.post(LINKS, {"code": first["code"], "prefilled_message": "By the body"})
    assert changed == {**first, "prefilled_message": "By the body"}
    with network.client() as client:  # as whatsapp-api-js does it
        path, text = f"{LINKS}/{first['code']}", {"prefilled_message": "By the path"}
        assert client.post(path, params=text).json()["prefilled_message"] == "By the path"
        assert client.delete(path).json() == {"success": True}
        for answer in (client.delete(path), client.post(path, params=text)):
            assert answer.json()["error"]["error_subcode"] == 33
        assert client.get(path).json() == {"data": []}
    assert network.get(f"{LINKS}/")["data"] == [second]
    for text in ("", "x" * 141):
        assert refused(network, LINKS, {"prefilled_message": text}) == 100


def test_a_links_qr_code_is_drawn_in_the_format_asked_for(network: Emulator) -> None:
    made = network.post(LINKS, {"prefilled_message": "Hi", "generate_qr_image": "png"})
    (asked,) = network.get(f"{LINKS}/{made['code']}", fields="code,qr_image_url.format(SVG)")["data"]
    assert set(asked) == {"code", "qr_image_url"}
    listed = network.get(LINKS, fields="qr_image_url.format(PNG)")["data"]
    assert made["qr_image_url"] in [one["qr_image_url"] for one in listed]
    text = segno.make_qr(made["deep_link_url"])
    for url, kind in ((made["qr_image_url"], "png"), (asked["qr_image_url"], "svg+xml")):
        shown = httpx.get(url)  # without a token, as a browser would
        assert shown.headers["content-type"] == f"image/{kind}"
        expected = io.BytesIO()
        text.save(expected, kind=kind[:3], scale=8)
        assert shown.content == expected.getvalue()
    assert refused(network, LINKS, {"prefilled_message": "Hi", "generate_qr_image": "GIF"}) == 100
    for url in (made["qr_image_url"][:-3] + "gif", made["qr_image_url"].replace(made["code"], "A" * 14)):
        assert httpx.get(url).status_code == 400


def test_greeting_and_commands_are_told_among_the_fields_of_the_number(network: Emulator) -> None:
    assert network.get(f"/{NUMBER}", fields="conversational_automation") == {"id": NUMBER}
    commands = [{"command_name": "help", "command_description": "Get help"}]
    network.post(AUTOMATION, {"commands": commands, "enable_welcome_message": True})
    network.post(AUTOMATION, {"prompts": ["Where is my order?"]})
    (told,) = network.get("/102290000000001/phone_numbers", fields="conversational_automation")["data"][:1]
    assert told["conversational_automation"] == {
        "id": NUMBER,
        "commands": commands,
        "enable_welcome_message": True,
        "prompts": ["Where is my order?"],
    }
    assert refused(network, AUTOMATION, {"prompts": ["x"] * 4}) == 131009
    assert refused(network, AUTOMATION, {"commands": [{"command_name": "x"}]}) == 131008


@pytest.mark.parametrize(
    "wrong",
    [{"about": ""}, {"about": {"a": 1}}, {"websites": "example.org"}, {"websites": ["a", "b", "c"]}],
)
def test_a_profile_that_cannot_be_shown_changes_nothing(network: Emulator, wrong: dict[str, Any]) -> None:
    path = f"/{NUMBER}/whatsapp_business_profile"
    network.post(path, {"messaging_product": "whatsapp", "about": "2026", "email": "a@example.org"})
    before = network.get(path)
    with network.client() as client:
        answer = client.post(path, json={"email": "b@example.org", **wrong})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 131009)
    assert network.get(path) == before
    assert before["data"][0]["about"] == "2026"


def test_the_shop_is_shown_or_hidden(network: Emulator) -> None:
    before = {"id": NUMBER, "is_cart_enabled": True, "is_catalog_visible": False}
    assert network.get(SHOP)["data"] == [before]
    with network.client() as client:  # the second as wa-cloud-py writes it
        client.post(SHOP, params={"is_catalog_visible": "true"}).raise_for_status()
        client.post(SHOP, params={"is_cart_enabled": "False"}).raise_for_status()
    assert network.get(SHOP)["data"] == [{"id": NUMBER, "is_cart_enabled": False, "is_catalog_visible": True}]
    assert refused(network, SHOP, {"is_cart_enabled": "perhaps"}) == 131009


def test_the_public_key_is_kept(network: Emulator) -> None:
    assert network.get(KEYS) == {"data": []}
    key = "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n"
    with network.client() as client:  # in parts, as the platform documents it
        assert client.post(KEYS, files={"business_public_key": (None, key)}).json() == {"success": True}
    shown = {"business_public_key": key, "business_public_key_signature_status": "VALID"}
    assert network.get(KEYS) == {"data": [shown]}
    assert refused(network, KEYS, {"business_public_key": "x"}) == 100

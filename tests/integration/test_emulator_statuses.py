"""What statuses say of the price, and of the conversation that it belongs to: the platform's page on statuses."""

from collections.abc import Iterator
from typing import Any

import pytest
from running_emulator import NUMBER, WABA, Emulator, Receiver, emulator, new_customer, receiver, until

OFFER = {
    "name": "offer",
    "language": "en_US",
    "category": "MARKETING",
    "components": [{"type": "BODY", "text": "15 % off until Sunday."}],
}

HELLO = {"name": "hello_world", "language": {"code": "en_US"}}


@pytest.fixture(scope="module")
def network() -> Iterator[Emulator]:
    with emulator("--speed", "60") as running:
        offer = running.post(f"/{WABA}/message_templates", OFFER)["id"]
        until(lambda: running.get(f"/{offer}")["status"] == "APPROVED")
        yield running


@pytest.fixture
def hook(network: Emulator) -> Iterator[Receiver]:
    with receiver() as kept:
        network.subscribe(kept.url)
        yield kept


def statuses(
    network: Emulator, hook: Receiver, to: str, edge: str = "messages", name: str = "hello_world"
) -> dict[str, dict[str, Any]]:
    """Those of a message with a template, by their names, once it is read."""
    template = {"name": name, "language": {"code": "en_US"}}
    body = {"messaging_product": "whatsapp", "to": to, "type": "template", "template": template}
    message = network.post(f"/{NUMBER}/{edge}", body)["messages"][0]["id"]
    hook.until(lambda: len(hook.statuses(message)) == 3)
    return {one["status"]: one for one in hook.statuses(message)}


def test_the_price_is_told_with_sent_and_delivered_and_no_conversation(
    network: Emulator, hook: Receiver
) -> None:
    told = statuses(network, hook, new_customer())
    assert [name for name in ("sent", "delivered", "read") if "pricing" in told[name]] == [
        "sent",
        "delivered",
    ]
    assert told["sent"]["pricing"]["category"] == "utility"
    assert not any("conversation" in one for one in told.values())


def test_the_api_of_marketing_messages_has_a_category_of_its_own(network: Emulator, hook: Receiver) -> None:
    categories = [
        statuses(network, hook, new_customer(), edge, "offer")["sent"]["pricing"]["category"]
        for edge in ("messages", "marketing_messages")
    ]
    assert categories == ["marketing", "marketing_lite"]


@pytest.mark.parametrize(
    ("node", "body", "error"),
    [
        (NUMBER, {"type": "text", "text": {"body": "Hi"}}, (131009, None)),
        (NUMBER, {"type": "template", "template": HELLO}, (131009, None)),
        (NUMBER, {"status": "read", "message_id": "wamid.x"}, (131009, None)),
        ("4711", {"type": "text", "text": {"body": "Hi"}}, (100, 33)),
    ],
)
def test_the_api_of_marketing_messages_takes_marketing_templates_alone(
    network: Emulator, node: str, body: dict[str, Any], error: tuple[int, int | None]
) -> None:
    whole = {"messaging_product": "whatsapp", "to": new_customer(), **body}
    told = network.calls.post(f"/{node}/marketing_messages", json=whole).json()["error"]
    assert (told["code"], told.get("error_subcode")) == error


def test_a_free_entry_is_one_conversation_with_its_end(network: Emulator, hook: Receiver) -> None:
    customer = new_customer()
    ad = {"source_type": "ad", "source_id": "1", "source_url": "https://fb.me/1"}
    network.post("/emulator/messages", {"from": customer, "text": "Hi", "from_ad": True, "referral": ad})
    told = []
    for _ in range(3):
        told.append(statuses(network, hook, customer))
        network.post("/emulator/clock", {"advance_s": 60})  # for the pair rate
    _, first, second = told  # the first one opens it
    ids = {told[name]["conversation"]["id"] for told in (first, second) for name in ("sent", "delivered")}
    assert len(ids) == 1
    assert first["sent"]["conversation"]["origin"] == {"type": "referral_conversion"}
    ends_s = int(first["sent"]["conversation"]["expiration_timestamp"])
    assert 71 * 3600 < ends_s - int(first["sent"]["timestamp"]) <= 72 * 3600
    assert "expiration_timestamp" not in first["delivered"]["conversation"]


def test_a_lone_read_tells_the_price() -> None:
    with emulator("--speed", "60") as network, receiver() as hook:
        network.subscribe(hook.url)
        network.put("/emulator/behaviour", {"read_delay_median_s": 0.01, "coincide_s": 60})
        to, template = new_customer(), {"name": "hello_world", "language": {"code": "en_US"}}
        body = {"messaging_product": "whatsapp", "to": to, "type": "template", "template": template}
        message = network.post(f"/{NUMBER}/messages", body)["messages"][0]["id"]
        hook.until(lambda: len(hook.statuses(message)) == 2)
        assert {one["status"]: "pricing" in one for one in hook.statuses(message)} == {
            "sent": True,
            "read": True,
        }


def test_by_conversation_each_message_has_one() -> None:
    with emulator("--speed", "60", "--start", "2025-06-01") as network, receiver() as hook:
        network.subscribe(hook.url)
        told = statuses(network, hook, new_customer())
        assert told["sent"]["conversation"]["id"] == told["delivered"]["conversation"]["id"]
        assert "conversation" not in told["read"]


def test_the_limit_has_its_newer_name_too(network: Emulator) -> None:
    shown = network.get(f"/{NUMBER}", fields="whatsapp_business_manager_messaging_limit")
    assert shown == {"id": NUMBER, "whatsapp_business_manager_messaging_limit": "TIER_2K"}

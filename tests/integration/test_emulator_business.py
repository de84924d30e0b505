"""The business account, its owner, and whether its nodes can send."""

from collections.abc import Iterator
from typing import Any

import pytest
from running_emulator import APP, BUSINESS, NUMBER, WABA, Emulator, emulator, new_customer, until

HELLO = "7000000000001"  # hello_world
SECOND = "106540000000002"


@pytest.fixture(scope="module")
def network() -> Iterator[Emulator]:
    with emulator("--speed", "60") as running:
        yield running


def health(network: Emulator, node: str) -> dict[str, Any]:
    told = network.get(f"/v26.0/{node}", fields="health_status")
    assert set(told) == {"id", "health_status"}
    return dict(told["health_status"])


def statuses(network: Emulator, node: str) -> dict[str, str]:
    """By the kind of node, and of all."""
    told = health(network, node)
    by_kind = {one["entity_type"]: one["can_send_message"] for one in told["entities"]}
    return {**by_kind, "": told["can_send_message"]}


@pytest.mark.parametrize(
    ("node", "first"),
    [
        (NUMBER, [{"entity_type": "PHONE_NUMBER", "id": NUMBER, "can_send_message": "AVAILABLE"}]),
        (HELLO, [{"entity_type": "MESSAGE_TEMPLATE", "id": HELLO, "can_send_message": "AVAILABLE"}]),
        (WABA, []),
    ],
)
def test_every_node_that_a_message_passes_tells_its_health(
    network: Emulator, node: str, first: list[dict[str, str]]
) -> None:
    above = (("WABA", WABA), ("BUSINESS", BUSINESS), ("APP", APP))
    assert health(network, node) == {
        "can_send_message": "AVAILABLE",
        "entities": [
            *first,
            *({"entity_type": kind, "id": of, "can_send_message": "AVAILABLE"} for kind, of in above),
        ],
    }


def test_it_is_told_only_when_asked_for(network: Emulator) -> None:
    for path in (f"/{NUMBER}", f"/{HELLO}", f"/{WABA}"):
        assert "health_status" not in network.get(path)
    for path in (f"/{WABA}/phone_numbers", f"/{WABA}/message_templates"):
        assert "health_status" not in network.get(path)["data"][0]
        asked = network.get(path, fields="id,health_status")["data"][0]
        assert asked["health_status"]["can_send_message"] == "AVAILABLE"


def test_a_number_that_is_not_registered_is_blocked_and_says_how_to_go_on(network: Emulator) -> None:
    network.post(f"/emulator/numbers/{SECOND}", {"registered": False})
    told = health(network, SECOND)
    (number,) = [one for one in told["entities"] if one["entity_type"] == "PHONE_NUMBER"]
    assert (told["can_send_message"], number["can_send_message"]) == ("BLOCKED", "BLOCKED")
    (error,) = number["errors"]
    assert (error["error_code"], error["possible_solution"]) == (133010, "Register the phone number.")
    network.post(f"/emulator/numbers/{SECOND}", {"registered": True, "throughput": "upgraded"})
    (error,) = health(network, SECOND)["entities"][0]["errors"]
    assert error["error_code"] == 131057
    network.post("/emulator/clock", {"advance_s": 120})
    assert statuses(network, SECOND)[""] == "AVAILABLE"


@pytest.mark.parametrize(
    ("status", "code"), [("PENDING", 132001), ("REJECTED", 132001), ("PAUSED", 132015), ("DISABLED", 132016)]
)
def test_a_template_that_cannot_be_sent_is_blocked(network: Emulator, status: str, code: int) -> None:
    network.post(f"/emulator/templates/{HELLO}", {"status": status})
    entity = health(network, HELLO)["entities"][0]
    assert (entity["can_send_message"], entity["errors"][0]["error_code"]) == ("BLOCKED", code)
    network.post(f"/emulator/templates/{HELLO}", {"status": "APPROVED"})
    assert statuses(network, HELLO)[""] == "AVAILABLE"


def test_spam_limits_a_number_and_violations_the_account_step_by_step() -> None:
    seen = []
    with emulator("--speed", "3600", "--tier", "4") as running:
        template = {"name": "hello_world", "language": {"code": "en_US"}}
        body = {"messaging_product": "whatsapp", "type": "template", "template": template}
        for index in range(6):
            number = f"10654000000000{index + 1}"
            sent = [
                running.post(f"/{number}/messages", {**body, "to": new_customer()})["messages"][0]["id"]
                for _ in range(5)
            ]
            for one in sent:
                until(lambda one=one: running.get("/emulator/messages", id=one)["messages"][0]["read_s"])
                reporter = running.get("/emulator/messages", id=one)["messages"][0]["to"]
                running.post(f"/emulator/customers/{reporter}/report", {"message": one})
            told = statuses(running, number)
            seen.append((told["PHONE_NUMBER"], told["WABA"], told[""]))
            running.post("/emulator/clock", {"advance_s": 8 * 86_400})
    assert seen[0] == ("LIMITED", "AVAILABLE", "LIMITED")
    assert seen[1] == seen[2] == ("LIMITED", "LIMITED", "LIMITED")
    assert seen[3] == seen[4] == ("LIMITED", "BLOCKED", "BLOCKED")
    assert seen[5] == ("LIMITED", "BLOCKED", "BLOCKED")


def test_the_business_names_its_accounts(network: Emulator) -> None:
    owned = network.get(f"/v26.0/{BUSINESS}/owned_whatsapp_business_accounts", fields="id,name")
    assert [one["id"] for one in owned["data"]] == [WABA]
    assert network.get(f"/{BUSINESS}/client_whatsapp_business_accounts") == {"data": []}
    business = network.get(f"/{BUSINESS}")
    assert business["id"] == BUSINESS
    asked = network.get(f"/{WABA}", fields="owner_business_info,subscribed_apps")
    assert asked["owner_business_info"] == business
    assert asked["subscribed_apps"]["data"][0]["whatsapp_business_api_data"] == network.get(f"/{APP}")
    assert network.get("/emulator/state")["account"] == {
        "waba_id": WABA,
        "app_id": APP,
        "business_id": BUSINESS,
    }
    with network.client() as client:
        answer = client.get(f"/{WABA}/owned_whatsapp_business_accounts")
    assert answer.json()["error"]["error_subcode"] == 33

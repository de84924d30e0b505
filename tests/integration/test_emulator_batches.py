"""Several requests in one, as the Graph API takes them."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from running_emulator import NUMBER, TOKEN, WABA, Emulator, emulator, new_customer

TEMPLATE = {"name": "hello_world", "language": {"code": "en_US"}}


@pytest.fixture(scope="module")
def network() -> Iterator[Emulator]:
    with emulator("--speed", "20", "--profile", "legacy") as running:
        yield running


@pytest.fixture
def anyone(network: Emulator) -> Iterator[httpx.Client]:
    """A client that sends no header of its own."""
    with httpx.Client(base_url=network.url, timeout=30, verify=False) as client:
        yield client


def message(to: str) -> str:
    parts = {"messaging_product": "whatsapp", "to": to, "type": "template", "template": json.dumps(TEMPLATE)}
    return urlencode(parts)


def operations(to: str) -> list[dict[str, Any]]:
    return [
        {"method": "GET", "relative_url": f"{NUMBER}?fields=id,status"},
        {"method": "POST", "relative_url": f"v26.0/{NUMBER}/messages", "body": message(to)},
        {"method": "GET", "relative_url": "4711"},
        {"method": "PUT", "relative_url": NUMBER},
        {"method": "GET", "relative_url": "no/such"},
        {"method": "GET", "relative_url": "http://[x"},
    ]


@pytest.mark.parametrize("path", ["/", "/v26.0", "/v26.0/", "/me", "/v26.0/me", "/graph/v26.0/"])
def test_each_operation_gets_its_own_answer_in_order(anyone: httpx.Client, path: str) -> None:
    to = new_customer()
    given = {"access_token": TOKEN, "batch": json.dumps(operations(to))}
    answers = anyone.post(path, data=given).json()
    assert [one["code"] for one in answers] == [200, 200, 400, 400, 400, 400]
    number, sent, *refused = [json.loads(one["body"]) for one in answers]
    assert number == {"id": NUMBER, "status": "CONNECTED"}
    assert sent["contacts"] == [{"input": to, "wa_id": to}]
    assert {one["error"]["error_subcode"] for one in refused} == {33}
    assert {"name": "content-type", "value": "application/json"} in answers[0]["headers"]


def test_it_comes_in_parts_in_the_query_and_as_json(network: Emulator, anyone: httpx.Client) -> None:
    """curl's -F, the platform's own example, and facebook-business."""
    several = [{"method": "GET", "relative_url": f"{NUMBER}?fields=id"}] * 2
    given = {"access_token": TOKEN, "batch": json.dumps(several), "include_headers": "false"}
    expected = [{"code": 200, "body": f'{{"id":"{NUMBER}"}}'}] * 2
    parts = {name: (None, text) for name, text in given.items()}
    assert anyone.post("/", files=parts).json() == expected
    assert anyone.post("/", params=given).json() == expected
    assert anyone.post("/", json={**given, "batch": several}).json() == expected
    with network.client() as client:
        assert client.post("/", json={"batch": several, "include_headers": False}).json() == expected


def test_a_body_may_be_an_object_and_a_page_leads_on(network: Emulator, anyone: httpx.Client) -> None:
    text = {"messaging_product": "whatsapp", "about": "Ça va"}
    several = [
        {"method": "POST", "relative_url": f"{NUMBER}/whatsapp_business_profile", "body": text},
        {"method": "GET", "relative_url": f"/{WABA}/phone_numbers?limit=2&fields=id"},
    ]
    with network.client() as client:
        changed, page = client.post("/", json={"batch": several}).json()
        assert json.loads(changed["body"]) == {"success": True}
        link = json.loads(page["body"])["paging"]["next"]
        assert len(client.get(link).json()["data"]) == 2
    (profile,) = network.get(f"/{NUMBER}/whatsapp_business_profile")["data"]
    assert profile["about"] == "Ça va"


def test_an_operation_may_have_a_token_of_its_own(anyone: httpx.Client) -> None:
    wrong = "not the token, but as long"
    several = [
        {"method": "GET", "relative_url": f"{NUMBER}?access_token={wrong}"},
        {"method": "POST", "relative_url": f"{NUMBER}/settings", "body": urlencode({"access_token": wrong})},
        {"method": "GET", "relative_url": NUMBER},
    ]
    answers = anyone.post("/", json={"access_token": TOKEN, "batch": several}).json()
    assert [one["code"] for one in answers] == [401, 401, 200]
    answer = anyone.post("/", json={"batch": several})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, 190)


def test_limits_and_faults_strike_each_operation(network: Emulator) -> None:
    to = new_customer()
    several = [{"method": "POST", "relative_url": f"{NUMBER}/messages", "body": message(to)}] * 50
    with network.client() as client:
        answers = client.post("/", json={"batch": several}).json()
        codes = [one["code"] for one in answers]
        assert codes[:45] == [200] * 45
        assert set(codes[45:]) == {429}
        for kind in ("drop_request", "drop_answer"):
            network.post("/emulator/faults", {"kind": kind, "number": NUMBER, "next": 1})
            answers = client.post("/", json={"batch": [{"method": "GET", "relative_url": NUMBER}] * 2}).json()
            assert [one and one["code"] for one in answers] == [None, 200]


@pytest.mark.parametrize(
    ("given", "subcode", "says"),
    [
        ({}, 33, "does not exist"),
        ({"batch": "[{"}, None, "a list of objects"),
        ({"batch": {}}, None, "a list of objects"),
        ({"batch": [5]}, None, "not valid"),
        ({"batch": [{"method": "GET"}]}, None, "relative_url"),
        ({"batch": [{"method": "GET", "relative_url": "4"}] * 51}, None, "Maximum batch size is 50"),
        ({"batch": [{"method": "GET", "relative_url": "4", "depends_on": "a"}]}, None, "depends_on"),
        ({"batch": [{"method": "POST", "relative_url": "4", "attached_files": "a"}]}, None, "attached_files"),
    ],
)
def test_what_is_no_batch_is_refused_as_a_whole(
    network: Emulator, given: dict[str, Any], subcode: int | None, says: str
) -> None:
    with network.client() as client:
        answer = client.post("/", json=given)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error.get("error_subcode") == subcode
    assert says in error["message"] + error["error_data"]["details"]


def test_a_batch_holds_no_batches(network: Emulator) -> None:
    inner = {"method": "POST", "relative_url": "/", "body": urlencode({"batch": "[]"})}
    with network.client() as client:
        (answer,) = client.post("/", json={"batch": [inner]}).json()
    assert answer["code"] == 400

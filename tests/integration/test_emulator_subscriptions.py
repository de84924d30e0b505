"""Which webhooks an app is sent: of the fields that it subscribed to, at the address that each field has."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from running_emulator import APP, NUMBER, VERIFY, WABA, Emulator, Receiver, emulator, new_customer, receiver

TEMPLATE = "7000000000001"  # hello_world
PATH = f"/{APP}/subscriptions"


@pytest.fixture(scope="module")
def network() -> Iterator[Emulator]:
    with emulator("--speed", "20", "--webhook-connections", "1") as running:
        yield running


def subscribe(network: Emulator, url: str, **more: Any) -> Any:
    return network.post(PATH, {"callback_url": url, "verify_token": VERIFY, **more})


def three_things_happen(network: Emulator) -> None:
    """One of messages, one of the account, one of a number that no address of its own gets."""
    customer = new_customer()
    network.open_window(customer)
    network.post(f"/emulator/templates/{TEMPLATE}", {"status": "APPROVED"})
    network.post(f"/emulator/customers/{customer}/stop")


def told(*receivers: Receiver) -> list[set[str]]:
    """The fields that each was told of."""
    return [
        {
            change["field"]
            for post in list(one.posts)
            for entry in json.loads(post.body)["entry"]
            for change in entry["changes"]
        }
        for one in receivers
    ]


def unsubscribed(network: Emulator) -> int:
    """How many updates went nowhere."""
    return int(network.get("/emulator/state")["webhooks"].get("unsubscribed", 0))


def test_fields_that_are_not_subscribed_are_not_posted(network: Emulator) -> None:
    with receiver() as hook:
        subscribe(network, hook.url, object="whatsapp_business_account", fields="messages, user_preferences")
        before = unsubscribed(network)
        three_things_happen(network)
        hook.until(lambda: told(hook) == [{"messages", "user_preferences"}])
        assert unsubscribed(network) == before + 1
        (shown,) = network.get(PATH)["data"]
        assert [one["name"] for one in shown["fields"]] == ["messages", "user_preferences"]


def test_a_later_subscription_takes_the_place_of_an_earlier_one(network: Emulator) -> None:
    with receiver() as hook:
        subscribe(network, hook.url, fields=["messages"])
        subscribe(network, hook.url, fields=["message_template_status_update"])
        before = unsubscribed(network)
        three_things_happen(network)
        hook.until(lambda: told(hook) == [{"message_template_status_update"}])
        assert unsubscribed(network) == before + 2


def test_without_fields_all_are_told(network: Emulator) -> None:
    with receiver() as hook:
        subscribe(network, hook.url)
        three_things_happen(network)
        hook.until(lambda: len(told(hook)[0]) == 3)


def test_an_address_of_its_own_gets_messages_and_the_apps_gets_the_rest(network: Emulator) -> None:
    """As the platform's page on overrides has it: templates and the account are told to the app."""
    with receiver() as apps, receiver() as accounts, receiver() as numbers:
        subscribe(network, apps.url)
        own = {"override_callback_uri": accounts.url, "verify_token": VERIFY}
        network.post(f"/{WABA}/subscribed_apps", own)
        three_things_happen(network)
        apps.until(lambda: len(told(apps)[0]) == 2)
        accounts.until(lambda: told(accounts) == [{"messages"}])
        own["override_callback_uri"] = numbers.url
        network.post(f"/{NUMBER}", {"webhook_configuration": own})
        assert network.get(f"/{NUMBER}", fields="webhook_configuration")["webhook_configuration"] == {
            "phone_number": numbers.url,
            "whatsapp_business_account": accounts.url,
            "application": apps.url,
        }
        three_things_happen(network)
        numbers.until(lambda: told(numbers) == [{"messages"}])
        assert told(apps) == [{"message_template_status_update", "user_preferences"}]
        network.post(f"/{WABA}/subscribed_apps")
        network.post(f"/{NUMBER}", {"webhook_configuration": {"override_callback_uri": ""}})


def test_an_address_that_does_not_answer_changes_nothing_else_either(network: Emulator) -> None:
    with receiver() as hook, network.client() as client:
        override = {"override_callback_uri": hook.url, "verify_token": "wrong"}
        client.delete(f"/{WABA}/subscribed_apps")
        assert client.post(f"/{WABA}/subscribed_apps", json=override).status_code == 400
        assert client.get(f"/{WABA}/subscribed_apps").json() == {"data": []}
        network.post(f"/{WABA}/subscribed_apps")
        before = client.get(f"/{NUMBER}").json()
        for wrong in ({"webhook_configuration": override, "pin": "123456"}, {"pin": "12345"}):
            answer = client.post(f"/{NUMBER}", json={**wrong, "new_display_name": "Another"})
            assert answer.status_code == 400
        assert client.get(f"/{NUMBER}").json() == before


def test_fields_are_taken_back_one_by_one_or_all(network: Emulator) -> None:
    with receiver() as hook, network.client() as client:
        subscribe(network, hook.url, fields="messages,account_update")
        assert client.delete(PATH, params={"fields": "account_update"}).json() == {"success": True}
        assert [one["name"] for one in network.get(PATH)["data"][0]["fields"]] == ["messages"]
        assert client.delete(PATH, params={"object": "whatsapp_business_account"}).json() == {"success": True}
        assert network.get(PATH) == {"data": []}
        before = unsubscribed(network)
        network.open_window(new_customer())
        assert unsubscribed(network) == before + 1


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"fields": "messages,mesages"}, "(#100) Param fields[1] must be one of {account_alerts, "),
        ({"fields": []}, "(#100) Param fields must be non-empty."),
        ({"fields": ""}, "(#100) Param fields must be non-empty."),
        ({"object": "page"}, "(#100) Param object must be one of {whatsapp_business_account}"),
    ],
)
def test_a_field_that_there_is_not_is_refused_and_changes_nothing(
    network: Emulator, wrong: dict[str, Any], words: str
) -> None:
    with receiver() as hook, network.client() as client:
        subscribe(network, hook.url, fields="messages")
        body = {"callback_url": hook.url, "verify_token": VERIFY, **wrong}
        answer = client.post(PATH, json=body)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["message"].startswith(words)) == (400, 100, True)
        assert [one["name"] for one in network.get(PATH)["data"][0]["fields"]] == ["messages"]

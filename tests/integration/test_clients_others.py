"""Other clients under every status profile: whatsapp-sdk, which sends to a path without a version, and httpx."""

from collections.abc import Iterator

import httpx
import pytest
from running_emulator import HEADER, NUMBER, TOKEN, Emulator, emulator, new_customer
from whatsapp_sdk.client import WhatsAppClient
from whatsapp_sdk.exceptions import (
    WhatsAppAPIError,
    WhatsAppAuthenticationError,
    WhatsAppRateLimitError,
    WhatsAppValidationError,
)

from server.network.errors import CODES, PROFILES, Profile, http_status


@pytest.fixture(scope="module", params=PROFILES)
def profile(request: pytest.FixtureRequest) -> Profile:
    return PROFILES[request.param]


@pytest.fixture(scope="module")
def network(profile: Profile) -> Iterator[Emulator]:
    with emulator("--speed", "20", "--profile", profile.name) as running:
        yield running


def test_whatsapp_sdk_sends_without_a_version_in_its_path(network: Emulator) -> None:
    client = WhatsAppClient(NUMBER, TOKEN, base_url=network.url, max_retries=0)
    wrong = WhatsAppClient(NUMBER, "not the token, but as long", base_url=network.url, max_retries=0)
    first, second, third = new_customer(), new_customer(), new_customer()
    network.open_window(first)
    network.open_window(second)
    assert client.messages.send_text(f"+{first}", "Hello").messages[0].id.startswith("wamid.")
    assert client.messages.send_location(f"+{second}", 52.5, 13.4, "Here", "Street 1").messages
    assert client.templates.send(f"+{third}", "hello_world", "en_US").messages
    with pytest.raises(WhatsAppAuthenticationError):
        wrong.messages.send_text(f"+{third}", "Hello")
    for one in (client, wrong):  # it has no way to close its connections
        one.http_client.client.close()


def test_whatsapp_sdk_tells_errors_apart_by_their_status(network: Emulator, profile: Profile) -> None:
    """So the profile decides what it takes for a rate limit, which is the one that it tries again."""
    kinds = {
        400: WhatsAppValidationError,
        401: WhatsAppAuthenticationError,
        429: WhatsAppRateLimitError,
    }
    client = WhatsAppClient(NUMBER, TOKEN, base_url=network.url, max_retries=0)
    for code in CODES:
        status = http_status(code, profile)
        if status < 400:  # 206 is no error to an HTTP client
            continue
        network.post("/emulator/faults", {"kind": "error", "code": code, "next": 1})
        with pytest.raises(kinds.get(status, WhatsAppAPIError)):
            client.messages.send_text("+4915112345678", "Hello")
    client.http_client.client.close()


def test_whatsapp_sdk_meets_the_pair_rate_itself(network: Emulator, profile: Profile) -> None:
    client = WhatsAppClient(NUMBER, TOKEN, base_url=network.url, max_retries=0)
    to = new_customer()
    network.open_window(to)
    limited = WhatsAppRateLimitError if http_status(131056, profile) == 429 else WhatsAppValidationError

    def burst() -> None:
        for number in range(46):
            client.messages.send_text(f"+{to}", f"Message {number}")

    with pytest.raises(limited):
        burst()
    client.http_client.client.close()


def test_plain_httpx_over_one_kept_connection(network: Emulator) -> None:
    with httpx.Client(base_url=network.url, headers=HEADER, timeout=30, verify=False) as client:
        ids = set()
        for _ in range(20):
            template = {"name": "hello_world", "language": {"code": "en_US"}}
            body = {"messaging_product": "whatsapp", "to": new_customer(), "type": "template"}
            answer = client.post(f"/v26.0/{NUMBER}/messages", json={**body, "template": template})
            assert answer.status_code == 200
            ids.add(answer.json()["messages"][0]["id"])
    assert len(ids) == 20

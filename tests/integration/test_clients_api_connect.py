"""whatsapp-api-connect, which sends by requests: every type of message, media up and down, the profile."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from running_emulator import NUMBER, TOKEN, Emulator, emulator, new_customer

messaging = pytest.importorskip("whatsapp_api.message.messaging", reason="whatsapp-api-connect is missing")
media_client = pytest.importorskip("whatsapp_api.media.media_client")
profile_client = pytest.importorskip("whatsapp_api.wa_profile.profile")

LINK = "https://example.org/a.png"
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 64
PERSON = {"name": {"formatted_name": "Ada L", "first_name": "Ada"}, "phones": [{"phone": "+442079460001"}]}
ROWS = [{"title": "Sizes", "rows": [{"id": "s", "title": "Small", "description": "up to 60"}]}]


@pytest.fixture(scope="module")
def network() -> Iterator[Emulator]:
    with emulator("--speed", "20") as running:
        yield running


def pointed(client: Any, network: Emulator) -> Any:
    client.base_url = f"{network.url}/v24.0/"
    return client


def test_every_type_is_sent(network: Emulator) -> None:
    client = pointed(messaging.MessagingClient(TOKEN, NUMBER), network)

    def to() -> str:
        customer = new_customer()
        network.open_window(customer)
        return customer

    inbound = network.open_window(new_customer())
    button = {"type": "reply", "reply": {"id": "y", "title": "Yes"}}
    sent = [
        client.send_text_message(to(), "Hello"),
        client.reply_text_message(to(), "An answer", inbound),
        client.send_reaction_message(to(), inbound, "👍"),
        client.send_button_message(to(), "Well?", [button]),
        client.send_list_message(to(), "Which?", ROWS, "Choose"),
        client.send_contact_message(to(), PERSON),
        client.send_interactive_catalog_message(to(), "All of it", "sku-1"),
        client.send_location_message(to(), 52.5, 13.4, "Here", "Street 1"),
        client.send_location_request_message(to(), "Where are you?"),
        client.send_flow_message(to(), "Sign up", "Go", flow_id="1", flow_token="t"),
    ]
    ids = {one["messages"][0]["id"] for one in sent}
    assert len(ids) == len(sent)
    assert client.mark_message_as_read(inbound)["success"]


def test_media_goes_up_and_comes_down(network: Emulator, tmp_path: Path) -> None:
    client = pointed(media_client.MediaClient(TOKEN, NUMBER), network)
    picture = tmp_path / "a.png"
    picture.write_bytes(PNG)
    media_id = client.upload_media(str(picture))
    assert client.download_media(client.get_media_url(media_id)["url"]).content == PNG
    for send in (
        lambda to: client.send_media_message_by_id(to, media_id, "image", caption="A"),
        lambda to: client.send_media_message_by_url(to, LINK, "image"),
    ):
        to = new_customer()
        network.open_window(to)
        assert send(to)["messages"]
    assert client.delete_media(media_id)["success"]


def test_the_profile_is_read_and_written(network: Emulator) -> None:
    client = pointed(profile_client.Profile(TOKEN, NUMBER), network)
    client.update_profile(about="Closed on Sundays")
    assert client.get_profile()["data"][0]["about"] == "Closed on Sundays"

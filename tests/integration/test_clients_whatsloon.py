"""whatsloon, unchanged, against the emulator."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from running_emulator import (
    NUMBER,
    SECRET,
    TOKEN,
    VERIFY,
    WABA,
    Emulator,
    emulator,
    hosted,
    new_customer,
    until,
)
from whatsloon.async_client import AsyncWhatsApp
from whatsloon.business.service import BusinessService
from whatsloon.client import WhatsApp
from whatsloon.config.settings import RetryConfig
from whatsloon.exceptions import (
    APIError,
    AuthenticationError,
    ConfigurationError,
    RateLimitError,
    ServerError,
    ValidationAPIError,
)
from whatsloon.media.service import MediaService
from whatsloon.messages import models
from whatsloon.messages.service import MessageService
from whatsloon.persistence.repositories import InMemoryEventRepository
from whatsloon.templates.models import TemplateSpec
from whatsloon.templates.service import TemplateService
from whatsloon.webhooks.fastapi import create_webhook_router
from whatsloon.webhooks.processor import WebhookProcessor
from whatsloon.webhooks.router import EventRouter

from server.network.errors import CODES, http_status, profile

LINK = "https://shop.example/a"


@pytest.fixture(scope="module")
def network() -> Iterator[Emulator]:
    with emulator("--speed", "20") as running:
        yield running


def client_of(network: Emulator, attempts: int = 1, token: str = TOKEN) -> WhatsApp:
    retry = RetryConfig(max_attempts=attempts, backoff_base=0.01, jitter=False)
    return WhatsApp(token, NUMBER, base_url=network.url, retry=retry)


def test_every_type_is_sent(network: Emulator) -> None:
    def to() -> str:
        """Another customer each time, for the sake of the pair rate."""
        customer = new_customer()
        network.open_window(customer)
        return customer

    inbound = network.open_window(new_customer())
    with client_of(network) as wa:
        messages = MessageService(wa.adapter, wa.transport, NUMBER)
        buttons = [models.ReplyButton(id="y", title="Yes"), models.ReplyButton(id="n", title="No")]
        rows = [{"title": "Sizes", "rows": [{"id": "s", "title": "Small"}]}]
        flow = models.FlowMessage(
            flow_token="t", flow_id="1", flow_cta="Sign", flow_action="navigate", body_text="Sign up"
        )
        sent = [
            wa.send_text(to=f"+{to()}", body="Hello 👋"),
            messages.send_image(to=to(), media_link=LINK, caption="A"),
            messages.send_video(to=to(), media_link=LINK),
            messages.send_audio(to=to(), media_link=LINK),
            messages.send_document(to=to(), media_link=LINK, filename="a.pdf"),
            messages.send_sticker(to=to(), media_link=LINK),
            messages.send_reaction(to=to(), message_id=inbound, emoji="👍"),
            messages.send_location(to=to(), latitude=52.5, longitude=13.4, name="Here"),
            messages.send_contacts(
                to=to(), contacts=[{"name": {"formatted_name": "Ada", "first_name": "Ada"}}]
            ),
            messages.send_template(to=to(), template_name="hello_world", language_code="en_US"),
            messages.send_list(
                to=to(), content=models.ListMessage(body_text="Which?", button_text="Sizes", sections=rows)
            ),
            messages.send_reply_buttons(
                to=to(), content=models.ReplyButtonsMessage(body_text="Sure?", buttons=buttons)
            ),
            messages.send_cta(
                to=to(), content=models.CTAMessage(body_text="Shop", button_text="Open", button_url=LINK)
            ),
            messages.send_flow(to=to(), content=flow),
            messages.send_address(
                to=to(), content=models.AddressMessage(body="Where to?", country_iso_code="IN")
            ),
            messages.send_location_request(to=to(), body_text="Where are you?"),
        ]
        ids = {one.message_id for one in sent}
        assert None not in ids
        assert len(ids) == len(sent)
        messages.mark_read(message_id=inbound)
        messages.send_typing(message_id=inbound)


def test_its_async_client_sends(network: Emulator) -> None:
    to = new_customer()
    network.open_window(to)

    async def go() -> str | None:
        async with AsyncWhatsApp(TOKEN, NUMBER, base_url=network.url) as wa:
            return (await wa.send_text(to=to, body="Hello")).message_id

    message_id = asyncio.run(go())
    assert [one["id"] for one in network.get("/emulator/messages", to=to)["messages"]] == [message_id]


def test_media_templates_and_the_account_are_managed(network: Emulator) -> None:
    with client_of(network) as wa:
        media = MediaService(wa.transport, NUMBER)
        uploaded = media.upload_bytes(filename="a.png", content=b"\x89PNG1234", mime_type="image/png")
        assert media.download(uploaded.media_id).content == b"\x89PNG1234"
        assert media.delete(uploaded.media_id)
        templates = TemplateService(wa.transport)
        spec = TemplateSpec(name="loon", language="en", components=[{"type": "BODY", "text": "Hi"}])
        created = templates.create_template(WABA, spec)
        assert created.status == "PENDING"
        listed = {one.name for one in templates.list_templates(WABA)}
        assert listed >= {"loon", "hello_world"}
        assert templates.delete_template(WABA, "loon")
        business = BusinessService(wa.transport)
        assert business.get_account(WABA).id == WABA
        assert business.get_phone_number(NUMBER).id == NUMBER
        assert business.register_phone(NUMBER, "123456")


def test_its_webhook_router_verifies_and_normalises(network: Emulator) -> None:
    events: list[Any] = []
    router = EventRouter()
    for kind in ("message.received", "message.status"):
        router.register(kind, events.append)
    processor = WebhookProcessor(router=router, events=InMemoryEventRepository())
    app = FastAPI()
    app.include_router(create_webhook_router(processor, app_secret=SECRET, verify_token=VERIFY, path="/hook"))
    to = new_customer()

    def own() -> list[Any]:  # an earlier test's statuses may still be on their way
        return [
            one
            for one in list(events)
            if to in (getattr(one, "sender", None), getattr(one, "recipient", None))
        ]

    with hosted(app) as url, client_of(network) as wa:
        network.subscribe(f"{url}/hook")
        network.post("/emulator/messages", {"from": to, "text": "¿Qué tal? 👍"})
        until(own)
        assert own()[0].text_body == "¿Qué tal? 👍"
        sent = wa.send_text(to=to, body="Bien")
        until(lambda: len(own()) == 4)
        statuses = own()[1:]
        assert {one.status for one in statuses} == {"sent", "delivered", "read"}
        assert {one.message_id for one in statuses} == {sent.message_id}


@pytest.mark.parametrize("name", ["modern", "legacy", "mixed"])
def test_every_error_is_understood_under_every_profile(name: str) -> None:
    """whatsloon looks at code and status: the profile decides whether 131056 is a rate limit to it."""
    with emulator("--profile", name) as running, client_of(running) as wa:
        classes = {}
        for code in CODES:
            status = http_status(code, profile(name))
            if status < 400:
                continue
            running.post("/emulator/faults", {"kind": "error", "code": code, "next": 1})
            with pytest.raises((APIError, ConfigurationError)) as caught:
                wa.send_text(to="4915112345678", body="x")
            classes[code] = type(caught.value)
            if isinstance(caught.value, APIError):
                assert (caught.value.code, caught.value.status_code) == (code, status)
        assert classes[133010] is ConfigurationError
        assert classes[190] is AuthenticationError
        assert classes[130429] is classes[4] is classes[80007] is RateLimitError
        pair = RateLimitError if name == "legacy" else ValidationAPIError
        assert classes[131056] is classes[131048] is pair
        assert classes[131016] is classes[2] is ServerError


def test_a_rate_limit_is_tried_again_after_the_time_that_is_asked_for() -> None:
    with emulator("--profile", "mixed") as running, client_of(running, attempts=3) as wa:
        to = new_customer()
        running.open_window(to)
        running.post("/emulator/faults", {"kind": "error", "code": 130429, "next": 2})
        assert wa.send_text(to=to, body="x").message_id is not None
        running.post("/emulator/faults", {"kind": "error", "code": 130429, "next": 1})
        with pytest.raises(RateLimitError) as caught, client_of(running) as once:
            once.send_text(to=to, body="x")
        assert caught.value.retry_after == 1


def test_a_wrong_token_is_refused(network: Emulator) -> None:
    with client_of(network, token="not the token, but as long") as wa, pytest.raises(AuthenticationError):
        wa.send_text(to=new_customer(), body="x")

"""pywa, unchanged, against the emulator: every type sent, webhooks received, limits met, errors handled."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pywa
import pywa_async
from fastapi import FastAPI
from pywa import errors, types
from pywa.types import templates as made
from pywa.types.account_update import AccountUpdate
from running_emulator import (
    APP,
    BUSINESS,
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
from starlette.applications import Starlette

from server.network.errors import CODES, http_status, profile

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
LINK = "https://shop.example/a"


class ToEmulator(httpx.HTTPTransport):
    """Sends what is meant for the platform to the emulator."""

    def __init__(self, url: str) -> None:
        super().__init__(verify=False)
        self._url = httpx.URL(url)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == "graph.facebook.com":
            request.url = request.url.copy_with(
                scheme=self._url.scheme, host=self._url.host, port=self._url.port
            )
        return super().handle_request(request)


_sessions: list[httpx.Client] = []


@pytest.fixture(autouse=True)
def closed_sessions() -> Iterator[None]:
    """pywa leaves its HTTP session to whoever made it."""
    yield
    while _sessions:
        _sessions.pop().close()


def client_of(network: Emulator, **options: Any) -> pywa.WhatsApp:
    session = httpx.Client(transport=ToEmulator(network.url), timeout=30, verify=False)
    _sessions.append(session)
    return pywa.WhatsApp(NUMBER, TOKEN, session=session, **{"waba_id": WABA, **options})


@pytest.fixture(scope="module")
def network() -> Iterator[Emulator]:
    with emulator("--speed", "20") as running:
        yield running


def every_type(wa: pywa.WhatsApp, to: Callable[[], str], inbound: str) -> list[types.SentMessage]:
    """One of each; `to` gives another customer each time, for the sake of the pair rate."""
    contact = types.Contact(types.Contact.Name(formatted_name="Ada L", first_name="Ada"))
    media_id = wa.upload_media(PNG, mime_type="image/png", filename="a.png")
    rows = [types.SectionRow("Small", "s", "up to 60"), types.SectionRow("Large", "l")]
    sizes = types.SectionList("Sizes", [types.Section("Sizes", rows)])
    products = [types.ProductsSection("Jackets", ["sku-1", "sku-2"])]
    yes_no = [types.Button("Yes", "y"), types.Button("No", "n")]
    return [
        wa.send_message(to(), "Hello 👋", preview_url=True, tracker="t-1"),
        wa.send_message(to(), "An answer", reply_to_message_id=inbound),
        wa.send_image(to(), LINK, caption="A"),
        wa.send_image(to(), media_id),
        wa.send_video(to(), LINK),
        wa.send_document(to(), LINK, filename="a.pdf"),
        wa.send_audio(to(), LINK),
        wa.send_sticker(to(), LINK),
        wa.send_location(to(), 52.5, 13.4, "Here", "Street 1"),
        wa.send_contact(to(), contact),
        wa.send_reaction(to(), "👍", inbound),
        wa.remove_reaction(to(), inbound),
        wa.send_message(to(), "Choose", "Head", "Foot", yes_no),
        wa.send_message(to(), "Choose", buttons=sizes),
        wa.send_message(to(), "Shop", buttons=types.URLButton("Open", LINK)),
        wa.send_message(to(), "Sign", buttons=types.FlowButton("Sign", flow_id="1", flow_action_screen="A")),
        wa.send_message(to(), "Call us", buttons=types.VoiceCallButton("Call")),
        wa.send_message(to(), "May we call?", buttons=types.CallPermissionRequestButton()),
        wa.request_location(to(), "Where are you?"),
        wa.send_catalog(to(), "Our catalogue"),
        wa.send_product(to(), "catalog-1", "sku-1", body="This one"),
        wa.send_products(to(), "catalog-1", products, "Jackets", "All of them"),
    ]


def test_every_type_is_sent(network: Emulator) -> None:
    wa = client_of(network)
    customers: list[str] = []

    def someone() -> str:
        customers.append(new_customer())
        network.open_window(customers[-1])
        return customers[-1]

    inbound = network.open_window(new_customer())
    sent = every_type(wa, someone, inbound)
    assert [one.chat.id for one in sent] == customers
    assert len({one.id for one in sent}) == len(sent)
    assert wa.mark_message_as_read(inbound).success
    assert wa.indicate_typing(inbound).success
    tracked = network.get("/emulator/messages", opaque="t-1")["messages"]
    assert [one["id"] for one in tracked] == [sent[0].id]


def test_media_goes_up_and_comes_down(network: Emulator) -> None:
    wa = client_of(network)
    media = wa.upload_media(PNG, mime_type="image/png", filename="a.png")
    url = wa.get_media_url(media.id)
    assert url.mime_type == "image/png"
    assert wa.get_media_bytes(url.url) == PNG
    assert wa.delete_media(media.id).success
    with pytest.raises(errors.WhatsAppError) as caught:
        wa.get_media_url(media.id)
    assert (caught.value.code, caught.value.subcode) == (100, 33)


def test_a_template_is_made_approved_sent_and_refused(network: Emulator) -> None:
    wa = client_of(network)
    body = made.BodyText("Dear {{name}}, your order {{order}} is on its way.", name="Ada", order="17")
    template = made.Template(
        name="on_its_way",
        language=made.TemplateLanguage.ENGLISH_US,
        category=made.TemplateCategory.UTILITY,
        parameter_format=made.ParamFormat.NAMED,
        components=[body],
    )
    created = wa.create_template(template)
    until(lambda: wa.get_template(created.id).status == made.TemplateStatus.APPROVED)
    to = {"name": "on_its_way", "language": made.TemplateLanguage.ENGLISH_US}
    sent = wa.send_template(new_customer(), params=[body.params(name="Bo", order="18")], **to)
    assert sent.status == types.SentTemplateStatus.ACCEPTED
    with pytest.raises(errors.TemplateParamCountMismatch, match="does not match the expected number"):
        wa.send_template(new_customer(), params=[], **to)
    assert [one.name for one in wa.get_templates(name="on_its_way")] == ["on_its_way"]
    for status, error in (("PAUSED", errors.TemplatePaused), ("DISABLED", errors.TemplateDisabled)):
        network.post(f"/emulator/templates/{created.id}", {"status": status})
        with pytest.raises(error):
            wa.send_template(new_customer(), params=[body.params(name="Bo", order="18")], **to)
    assert wa.delete_template("on_its_way").success
    with pytest.raises(errors.TemplateNotExists):
        wa.send_template(new_customer(), params=[], **to)


def test_a_code_is_sent_with_an_authentication_template(network: Emulator) -> None:
    """Whose text is the platform's own: the code goes into body and button."""
    wa = client_of(network)
    button = made.CopyCodeOTPButton(text="Copy it")
    body, footer = (
        made.AuthenticationBody(add_security_recommendation=True),
        made.AuthenticationFooter(code_expiration_minutes=5),
    )
    template = made.Template(
        name="login_code",
        language=made.TemplateLanguage.ENGLISH_US,
        category=made.TemplateCategory.AUTHENTICATION,
        components=[body, footer, made.Buttons(buttons=[button])],
    )
    created = wa.create_template(template)
    until(lambda: wa.get_template(created.id).status == made.TemplateStatus.APPROVED)
    texts = [one.get("text") for one in network.get(f"/{created.id}")["components"]]
    shown = wa.get_template(created.id).components
    assert not [one for one in shown if isinstance(one, dict)]  # which is what pywa could not read
    (url,) = shown[2].buttons
    assert (url.text, url.example) == ("Copy it", url.url.replace("{{1}}", "123456"))
    words = "*{{1}}* is your verification code. For your security, do not share this code."
    assert texts == [words, "This code expires in 5 minutes.", None]
    with_code = [body.params(otp="J1FpnY"), button.params(otp="J1FpnY")]
    to = {"name": "login_code", "language": made.TemplateLanguage.ENGLISH_US}
    assert wa.send_template(new_customer(), params=with_code, **to).id
    with pytest.raises(errors.TemplateParamCountMismatch):
        wa.send_template(new_customer(), params=[], **to)
    with pytest.raises(errors.MissingRequiredParameter):
        wa.send_template(new_customer(), params=with_code[:1], **to)
    languages = [made.TemplateLanguage.ENGLISH_US, made.TemplateLanguage.FRENCH]
    both = wa.upsert_authentication_template(
        name="login_code", languages=languages, otp_button=made.CopyCodeOTPButton()
    )
    assert [one.status for one in both] == [made.TemplateStatus.APPROVED] * 2
    compared = wa.compare_templates(
        created.id, both[1].id, start=datetime.now(UTC) - timedelta(days=7), end=datetime.now(UTC)
    )
    assert compared.times_sent is not None
    assert set(compared.times_sent) == {created.id, both[1].id}


def test_the_number_its_profile_and_blocked_users_are_managed(network: Emulator) -> None:
    wa = client_of(network)
    number = wa.get_business_phone_number()
    assert (number.id, number.quality_rating) == (NUMBER, "UNKNOWN")
    assert NUMBER in [one.id for one in wa.get_business_phone_numbers()]
    account = wa.get_business_account()
    assert account.id == WABA
    assert account.health_status is not None
    assert account.owner_business_info is not None
    owned = wa.get_owned_business_accounts(business_portfolio_id=account.owner_business_info.id)
    assert [one.id for one in owned] == [WABA]
    assert list(wa.get_shared_business_accounts(business_portfolio_id=BUSINESS)) == []
    assert wa.update_business_profile(about="We sell jackets", email="a@shop.example").success
    assert wa.get_business_profile().about == "We sell jackets"
    assert wa.update_display_name("Jackets & Co").success
    number = wa.get_business_phone_number()
    assert (number.name_status, number.new_name_status) == ("APPROVED", "PENDING_REVIEW")
    user = new_customer()
    assert [one.wa_id for one in wa.block_users([user]).added_users] == [user]
    assert [one.wa_id for one in wa.get_blocked_users()] == [user]
    wa.unblock_users([user])
    assert list(wa.get_blocked_users()) == []


class Seen:
    """What a bot's handlers were called with."""

    def __init__(self) -> None:
        self.messages: list[Any] = []
        self.buttons: list[Any] = []
        self.selections: list[Any] = []
        self.statuses: list[Any] = []
        self.preferences: list[Any] = []


def bot(app: Any, network: Emulator, **options: Any) -> tuple[pywa.WhatsApp, Seen]:
    """A bot with pywa's own webhook server: it answers each text, and keeps the rest."""
    seen = Seen()
    wa = client_of(
        network,
        server=app,
        webhook_endpoint="/hook",
        verify_token=VERIFY,
        app_secret=SECRET,
        **options,
    )

    @wa.on_message
    def answer(_: pywa.WhatsApp, message: types.Message) -> None:
        seen.messages.append(message)
        if message.text is not None:
            message.reply_text(f"You wrote: {message.text}")

    wa.on_callback_button(lambda _, one: seen.buttons.append(one))
    wa.on_callback_selection(lambda _, one: seen.selections.append(one))
    wa.on_message_status(lambda _, one: seen.statuses.append(one))
    wa.on_user_marketing_preferences(lambda _, one: seen.preferences.append(one))
    return wa, seen


def test_what_the_number_shows_and_does_of_itself_is_managed(network: Emulator) -> None:
    wa = client_of(network)
    drawn = wa.create_qr_code("Show me offers")
    assert drawn.qr_image_url is not None
    code = drawn.code
    assert wa.update_qr_code(code, "Show me more").prefilled_message == "Show me more"
    found = wa.get_qr_code(code)
    assert found is not None
    assert found.deep_link_url.endswith(code)
    assert [one.code for one in wa.get_qr_codes()] == [code]
    assert wa.delete_qr_code(code)
    assert wa.get_qr_code(code="A" * 14) is None
    assert wa.update_commerce_settings(is_catalog_visible=True)
    assert wa.get_commerce_settings().is_catalog_visible
    assert wa.update_conversational_automation(["Where is my order?"], [types.Command("help", "Get help")])
    automation = wa.get_business_phone_number().conversational_automation
    assert automation is not None
    assert automation.ice_breakers == ("Where is my order?",)
    assert wa.set_business_public_key("-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----")


@pytest.mark.parametrize("make_app", [FastAPI, Starlette])
def test_its_webhook_server_verifies_hears_and_answers(network: Emulator, make_app: Any) -> None:
    app = make_app()
    wa, seen = bot(app, network)
    with hosted(app) as url:
        network.subscribe(f"{url}/hook")
        customer = new_customer()
        body = {"from": customer, "text": "Ça va? 👍", "name": "Zoë"}
        network.post("/emulator/messages", body)
        until(lambda: network.get("/emulator/messages", to=customer)["messages"])
        (answer,) = network.get("/emulator/messages", to=customer)["messages"]

        def own() -> list[Any]:  # an earlier test's statuses may still be on their way
            return [one for one in seen.statuses if one.id == answer["id"]]

        until(lambda: types.MessageStatusType.READ in {one.status for one in own()})
        (message,) = [one for one in seen.messages if one.from_user.wa_id == customer]
        assert (message.text, message.from_user.name, message.from_user.wa_id) == (
            "Ça va? 👍",
            "Zoë",
            customer,
        )
        assert own()[0].pricing is not None
        tap = {"type": "button_reply", "button_reply": {"id": "y", "title": "Yes"}}
        row = {"type": "list_reply", "list_reply": {"id": "s", "title": "Small"}}
        for content in (tap, row):
            written = {"from": customer, "type": "interactive", "content": content, "reply_to": answer["id"]}
            network.post("/emulator/messages", written)
        until(lambda: seen.buttons and seen.selections)
        assert (seen.buttons[0].data, seen.selections[0].data) == ("y", "s")
        for kind in ("image", "audio", "video", "document", "sticker"):
            network.post("/emulator/messages", {"from": customer, "type": kind, "content": {}})
        place = {"latitude": 1.5, "longitude": 2.5}
        network.post("/emulator/messages", {"from": customer, "type": "location", "content": place})
        until(lambda: len(seen.messages) == 7)
        (image,) = [one.image for one in seen.messages if one.image is not None]
        assert wa.get_media_bytes(wa.get_media_url(image.id).url)


def test_it_registers_its_own_webhook_address(network: Emulator) -> None:
    """The app's token for its secret, then the callback URL, both by the library itself."""
    app = FastAPI()
    registered = threading.Event()
    with hosted(app) as url:
        _, seen = bot(app, network, callback_url=url, app_id=APP, webhook_challenge_delay=1)
        until(lambda: url in str(network.get(f"/{APP}/subscriptions")))
        registered.set()
        network.open_window(new_customer())
        until(lambda: seen.messages)
    assert registered.is_set()


def test_its_async_client_sends_and_hears(network: Emulator) -> None:
    customer = new_customer()
    network.open_window(customer)
    app, seen = FastAPI(), Seen()

    async def go(url: str) -> None:
        wa = pywa_async.WhatsApp(
            NUMBER, TOKEN, server=app, webhook_endpoint="/hook", verify_token=VERIFY, app_secret=SECRET
        )
        wa.api._session.base_url = httpx.URL(f"{network.url}/v26.0")

        @wa.on_message_status
        async def keep(_: Any, status: Any) -> None:
            seen.statuses.append(status)

        async with wa.api._session:
            await asyncio.to_thread(network.subscribe, f"{url}/hook")
            sent = await wa.send_message(customer, "Hello")

            def own() -> list[Any]:  # an earlier test's statuses may still be on their way
                return [one for one in list(seen.statuses) if one.id == sent.id]

            await asyncio.to_thread(until, lambda: len(own()) == 3)

    with hosted(app) as url:
        asyncio.run(go(url))


def test_it_waits_for_approval_and_hears_of_quality_and_restrictions() -> None:
    """What the platform tells of the account and its templates, in pywa's own types."""
    app, seen = FastAPI(), Seen()
    with emulator("--speed", "60") as running, hosted(app) as url:
        wa, _ = bot(app, running)
        for listen in (wa.on_template_quality_update, wa.on_template_status_update, wa.on_account_update):
            listen(lambda _, one: seen.statuses.append(one))
        running.subscribe(f"{url}/hook")
        template = made.Template(
            name="offer",
            language=made.TemplateLanguage.ENGLISH_US,
            category=made.TemplateCategory.MARKETING,
            components=[made.BodyText("15 % off")],
        )
        before = datetime.now(UTC)
        approved = wa.create_template(template).wait_until_approved(timeout=20)
        assert approved.new_status is made.TemplateStatus.APPROVED
        assert approved.timestamp >= before.replace(microsecond=0)
        for name in ("offer", "hello_world"):  # a warning, then a restriction
            sent = [
                wa.send_template(new_customer(), name, approved.template_language, []) for _ in range(110)
            ]
            until(
                lambda sent=sent: running.get("/emulator/messages", id=sent[-1].id)["messages"][0]["read_s"]
            )
            for one in sent[:5]:
                running.post(f"/emulator/customers/{one.chat.id}/report", {"message": one.id})
            running.post("/emulator/clock", {"advance_s": 1.5 * 86_400})

        def told(kind: type[Any]) -> list[Any]:
            return [one for one in list(seen.statuses) if isinstance(one, kind)]

        until(lambda: len(told(AccountUpdate)) == 3)
        assert {one.event for one in told(AccountUpdate)} == {"ACCOUNT_VIOLATION", "ACCOUNT_RESTRICTION"}
        assert "PAUSED" in {one.new_status for one in told(made.TemplateStatusUpdate)}
        assert {one.new_quality_score for one in told(made.TemplateQualityUpdate)} >= {"RED"}


def test_a_redelivered_webhook_is_handled_once(network: Emulator) -> None:
    app = FastAPI()
    _, seen = bot(app, network)
    with hosted(app) as url:
        network.subscribe(f"{url}/hook")
        fault = network.post("/emulator/faults", {"kind": "duplicate", "of": "message", "next": 1})
        taken = network.get("/emulator/state")["webhooks"].get("taken", 0)
        network.open_window(new_customer())
        until(lambda: network.get("/emulator/state")["webhooks"]["taken"] >= taken + 2)
        assert fault["id"] not in [one["id"] for one in network.get("/emulator/faults")["faults"]]
    assert len(seen.messages) == 1


@pytest.mark.parametrize("name", ["modern", "legacy", "mixed"])
def test_every_error_is_understood_under_every_profile(name: str) -> None:
    """pywa tells errors apart by code alone."""
    with emulator("--profile", name) as running:
        wa = client_of(running)
        for code in CODES:
            status = http_status(code, profile(name))
            if status < 400:  # 206 is no error to an HTTP client
                continue
            running.post("/emulator/faults", {"kind": "error", "code": code, "next": 1})
            with pytest.raises(errors.WhatsAppError) as caught:
                wa.send_message("4915112345678", "x")
            assert (caught.value.code, caught.value.status_code) == (code, status)
            known = type(caught.value).__error_codes__
            assert known is None or code in known
        running.post("/emulator/faults", {"kind": "outage", "http": 502, "next": 1})
        with pytest.raises(errors.WhatsAppError) as caught:
            wa.send_message("4915112345678", "x")
        assert caught.value.status_code == 502


def test_a_flow_of_pywa_is_made_published_and_sent(network: Emulator) -> None:
    wa = client_of(network)
    made = wa.create_flow("Sign up", ["SIGN_UP"])
    bad = wa.update_flow_json(made.id, '{"version": "7.0", "screens": []}')
    assert not bad.success
    assert bad.validation_errors is not None
    form = {"version": "7.0", "screens": [{"id": "A", "title": "A", "terminal": True, "layout": {}}]}
    assert wa.update_flow_json(made.id, form).success
    assert [one.url for one in wa.get_flow_assets(made.id)]
    flow = wa.get_flow(made.id)
    assert (flow.status, flow.json_version) == ("DRAFT", "7.0")
    customer = new_customer()
    network.open_window(customer)
    button = types.FlowButton("Sign", flow_id=made.id, flow_action_screen="A", mode="draft")
    assert wa.send_message(customer, "Sign", buttons=button).id
    assert flow.publish().success
    assert [one.status for one in wa.get_flows() if one.id == made.id] == ["PUBLISHED"]
    with pytest.raises(errors.FlowDeletingError):
        flow.delete()
    assert flow.deprecate().success
    with pytest.raises(errors.FlowDeprecatingError):
        flow.deprecate()


def test_what_pywa_can_and_the_emulator_cannot_is_said(network: Emulator) -> None:
    wa = client_of(network)
    with pytest.raises(errors.WhatsAppError, match="the emulator has no groups"):
        wa.create_group(subject="Friends")
    with pytest.raises(errors.WhatsAppError, match="the emulator has no user names"):
        wa.get_reserved_usernames()

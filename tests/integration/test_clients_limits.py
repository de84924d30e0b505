"""Each limit, enforced by state, as pywa meets it. A slow clock makes a burst, a jump makes a day."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import pywa
from pywa import errors
from pywa.types.templates import TemplateLanguage
from running_emulator import NUMBER, TOKEN, WABA, Emulator, Receiver, emulator, new_customer, receiver, until
from webhook_shapes import check_webhook

from server.network.errors import PROFILES, http_status

DAY_S = 86_400
OFFER = {
    "name": "offer",
    "language": "en_US",
    "category": "MARKETING",
    "components": [{"type": "BODY", "text": "15 % off until Sunday."}],
}


class Bot:
    """pywa on one number of an emulator."""

    def __init__(self, network: Emulator, number: str = NUMBER) -> None:
        self.network = network
        self.number = number
        self.wa = pywa.WhatsApp(number, TOKEN)
        self.wa.api._session.base_url = httpx.URL(f"{network.url}/v26.0")

    def hello(self, to: str, name: str = "hello_world") -> str:
        return str(self.wa.send_template(to, name=name, language=TemplateLanguage.ENGLISH_US, params=[]).id)

    def text(self, to: str) -> str:
        return str(self.wa.send_message(to, "Hello").id)

    def state(self, message_id: str) -> tuple[str, int | None]:
        (message,) = self.network.get("/emulator/messages", id=message_id)["messages"]
        return message["state"], message["code"]

    def pause(self) -> None:
        """So long that the pair rate forgets a burst of a few."""
        self.advance(120)

    def advance(self, by_s: float) -> None:
        self.network.post("/emulator/clock", {"advance_s": by_s})


@pytest.fixture
def bot_of() -> Iterator[Callable[..., Bot]]:
    """Makes bots, and closes their sessions."""
    bots: list[Bot] = []

    def make(*given: Any) -> Bot:
        bots.append(Bot(*given))
        return bots[-1]

    yield make
    for one in bots:
        one.wa.api._session.close()


@pytest.fixture(scope="module")
def network() -> Iterator[Emulator]:
    """Days pass by jumps; each test takes a number of its own."""
    with emulator("--speed", "60") as running:
        offer = running.post(f"/{WABA}/message_templates", OFFER)
        until(lambda: running.get(f"/{offer['id']}")["status"] == "APPROVED")
        yield running


@pytest.mark.parametrize("name", PROFILES)
def test_pair_rate(name: str, bot_of: Callable[..., Bot]) -> None:
    """45 in a burst, then nothing to this user for as long as they would have taken; others are free."""
    with emulator("--speed", "0.02", "--profile", name) as running:
        bot, to = bot_of(running), new_customer()
        for _ in range(45):
            bot.hello(to)
        with pytest.raises(errors.TooManyMessages) as caught:
            bot.hello(to)
        assert caught.value.status_code == http_status(131056, PROFILES[name])
        bot.hello(new_customer())
        bot.advance(45 * 6 - 10)
        with pytest.raises(errors.TooManyMessages):
            bot.hello(to)
        bot.advance(11)
        bot.hello(to)


def test_throughput_of_both_directions_together(bot_of: Callable[..., Bot]) -> None:
    with emulator("--speed", "0.02", "--throughput", "coexistence", "--profile", "mixed") as running:
        bot = bot_of(running)
        for _ in range(5):
            running.open_window(new_customer())
        for _ in range(15):
            bot.hello(new_customer())
        with pytest.raises(errors.RateLimitHit) as caught:
            bot.hello(new_customer())
        assert caught.value.raw_response is not None
        assert caught.value.raw_response.headers["retry-after"] == "1"
        bot_of(running, str(int(NUMBER) + 1)).hello(new_customer())  # another number has its own
        bot.advance(1.1)
        bot.hello(new_customer())


def test_messaging_limit_of_the_portfolio(bot_of: Callable[..., Bot]) -> None:
    """250 users outside a service window in a day, over all numbers; inside a window there is no limit."""
    with emulator("--tier", "0", "--speed", "20") as running:
        first, second = bot_of(running), bot_of(running, str(int(NUMBER) + 1))
        users = [new_customer() for _ in range(250)]
        for index, to in enumerate(users):
            (first if index % 2 else second).hello(to)
        with pytest.raises(errors.SpamRateLimitHit):
            first.hello(new_customer())
        with_window = new_customer()
        running.open_window(with_window)
        first.hello(with_window)
        first.pause()
        first.hello(users[1])  # counted already
        first.advance(DAY_S + 60)
        first.hello(new_customer())


def test_service_window(network: Emulator, bot_of: Callable[..., Bot]) -> None:
    bot, to = bot_of(network), new_customer()
    early = bot.text(to)
    until(lambda: bot.state(early) == ("failed", 131047))
    network.open_window(to)
    bot.pause()
    inside = bot.text(to)
    until(lambda: bot.state(inside)[0] == "read")
    bot.advance(DAY_S + 1)
    late = bot.text(to)
    until(lambda: bot.state(late) == ("failed", 131047))


def test_service_window_where_the_error_is_synchronous(bot_of: Callable[..., Bot]) -> None:
    with emulator("--place", "131047=sync") as running:
        with pytest.raises(errors.ReEngagementMessage):
            bot_of(running).text(new_customer())
        assert running.get("/emulator/messages")["messages"] == []


def test_marketing_cap_of_a_user(network: Emulator, bot_of: Callable[..., Bot]) -> None:
    """Two a day for a user nobody knows (assumed); a reply opens a day without a cap; none to the US."""
    bot, other, to = bot_of(network), bot_of(network, str(int(NUMBER) + 1)), new_customer()
    first, second = bot.hello(to, "offer"), other.hello(to, "offer")
    bot.pause()
    third = bot.hello(to, "offer")
    until(lambda: bot.state(third) == ("failed", 131049))
    until(lambda: {bot.state(first)[0], bot.state(second)[0]} == {"read"})
    network.open_window(to)
    bot.pause()
    fourth = bot.hello(to, "offer")
    until(lambda: bot.state(fourth)[0] == "read")
    abroad = bot.hello("12125550123", "offer")
    until(lambda: bot.state(abroad) == ("failed", 131049))


@pytest.fixture(scope="module")
def hook(network: Emulator) -> Iterator[Receiver]:
    with receiver() as kept:
        network.subscribe(kept.url)
        yield kept


def events(hook: Receiver, field: str) -> list[Any]:
    return [post.value for post in list(hook.posts) if f'"field":"{field}"'.encode() in post.body]


def test_opt_out(network: Emulator, hook: Receiver, bot_of: Callable[..., Bot]) -> None:
    bot, to = bot_of(network), new_customer()
    network.post(f"/emulator/customers/{to}/stop")
    (told,) = hook.until(lambda: events(hook, "user_preferences"))
    assert (told["user_preferences"][0]["value"], told["contacts"][0]["wa_id"]) == ("stop", to)
    refused = bot.hello(to, "offer")
    bot.pause()
    utility = bot.hello(to)
    until(lambda: bot.state(refused) == ("failed", 131050))
    until(lambda: bot.state(utility)[0] == "read")
    network.post(f"/emulator/customers/{to}/resume")
    bot.pause()
    again = bot.hello(to, "offer")
    until(lambda: bot.state(again)[0] == "read")


def test_a_blocked_sender_stays_at_sent(network: Emulator, bot_of: Callable[..., Bot]) -> None:
    bot, to = bot_of(network), new_customer()
    network.post(f"/emulator/customers/{to}/block")
    message_id = bot.hello(to)
    until(lambda: bot.state(message_id)[0] == "sent")
    bot.advance(DAY_S)
    assert bot.state(message_id)[0] == "sent"


def test_blocks_bring_the_spam_limit_quality_pauses_and_restrictions(bot_of: Callable[..., Bot]) -> None:
    with receiver() as hook, emulator("--speed", "60") as running:
        running.subscribe(hook.url)
        bot = bot_of(running)
        offer = running.post(f"/{WABA}/message_templates", OFFER)
        until(lambda: running.get(f"/{offer['id']}")["status"] == "APPROVED")
        users = [new_customer() for _ in range(110)]
        ids = [bot.hello(to, "offer") for to in users]
        until(lambda: bot.state(ids[-1])[0] == "read")
        for to, message_id in zip(users[:20], ids[:20], strict=True):
            running.post(f"/emulator/customers/{to}/block", {"message": message_id})
        with pytest.raises(errors.SpamRateLimitHit):
            bot.hello(new_customer())
        (violation,) = hook.until(lambda: events(hook, "account_update"))
        assert violation["event"] == "ACCOUNT_VIOLATION"
        bot.advance(600)
        until(lambda: running.get(f"/{offer['id']}")["status"] == "PAUSED")
        assert running.get(f"/{offer['id']}")["quality_score"]["score"] == "RED"
        with pytest.raises(errors.TemplatePaused):
            bot.hello(users[50], "offer")
        until(lambda: "PAUSED" in {one["event"] for one in events(hook, "message_template_status_update")})
        bot.advance(3600)
        until(lambda: running.get(f"/{NUMBER}")["quality_rating"] == "RED")
        bot.advance(DAY_S)
        until(lambda: running.get(f"/{offer['id']}")["status"] == "APPROVED")
        bot.hello(new_customer())
        until(lambda: running.get("/emulator/state")["webhooks"]["pending"] == 0)
        told = {field for post in hook.posts for field in check_webhook(post.body)}
        assert told == {
            "messages",
            "account_update",
            "message_template_status_update",
            "message_template_quality_update",
        }


def test_a_rise_of_the_messaging_limit_is_told(bot_of: Callable[..., Bot]) -> None:
    """Half of 2,000 users reached in a day and a green rating: 10,000 six hours later."""
    with receiver() as hook, emulator("--speed", "60") as running:
        bot = bot_of(running)
        hello = {"name": "hello_world", "language": {"code": "en_US"}}
        body = {"messaging_product": "whatsapp", "type": "template", "template": hello}
        for _ in range(1000):
            running.post(f"/{NUMBER}/messages", {**body, "to": new_customer()})
        running.subscribe(hook.url)  # only now: the statuses are not what is looked at
        bot.advance(3600)
        # Until users have it, which counts: a jump that comes before lets the six hours begin after it.
        until(lambda: running.get("/emulator/state")["numbers"][0]["quality_rating"] == "GREEN")
        bot.advance(7 * 3600)
        numbers = len(running.get("/emulator/state")["numbers"])
        hook.until(lambda: len(events(hook, "phone_number_quality_update")) >= numbers)
        rises = events(hook, "phone_number_quality_update")
        assert {(one["event"], one["current_limit"]) for one in rises} == {("UPGRADE", "TIER_10K")}
        hook.until(lambda: events(hook, "business_capability_update"))
        limits = events(hook, "business_capability_update")
        assert {one["max_daily_conversations_per_business"] for one in limits} == {10_000}
        for post in list(hook.posts):
            check_webhook(post.body)


def test_an_upgrade_of_the_throughput_makes_the_number_unusable_for_a_minute(
    network: Emulator, bot_of: Callable[..., Bot]
) -> None:
    number = str(int(NUMBER) + 9)
    bot = bot_of(network, number)
    network.post(f"/emulator/numbers/{number}", {"throughput": "upgraded"})
    with pytest.raises(errors.WhatsAppError) as caught:
        bot.hello(new_customer())
    assert caught.value.code == 131057
    bot.advance(61)
    bot.hello(new_customer())

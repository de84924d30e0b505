"""The fault matrix: each fault against each state that a message can be in, and what the client can still know."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from running_emulator import NUMBER, Emulator, Receiver, emulator, new_customer, receiver, until

STATES = ("sent", "delivered", "read", "failed", "message", "account")
SEED = 3  # whose first wait is about half of what is allowed
TOLD = {"read": ["sent", "delivered", "read"], "failed": ["failed"]}


@pytest.fixture(scope="module")
def network() -> Iterator[Emulator]:
    with emulator("--speed", "20", "--webhook-connections", "1") as running:
        yield running


@pytest.fixture(scope="module")
def hook(network: Emulator) -> Iterator[Receiver]:
    with receiver() as kept:
        network.subscribe(kept.url)
        yield kept


@pytest.fixture(autouse=True)
def no_faults_left(network: Emulator) -> Iterator[None]:
    yield
    with network.client() as client:
        assert client.delete("/emulator/faults").json() == {"faults": []}


def fault(network: Emulator, **body: Any) -> int:
    return int(network.post("/emulator/faults", body)["id"])


def template(to: str, opaque: str) -> dict[str, Any]:
    return {
        "messaging_product": "whatsapp",
        "to": to,
        "type": "template",
        "template": {"name": "hello_world", "language": {"code": "en_US"}},
        "biz_opaque_callback_data": opaque,
    }


def send(network: Emulator, to: str, opaque: str = "x") -> str:
    answer = network.post(f"/v26.0/{NUMBER}/messages", template(to, opaque))
    return str(answer["messages"][0]["id"])


def told(network: Emulator, hook: Receiver, state: str) -> tuple[str, list[str]]:
    """A message that goes through `state`, waited for; its id and the statuses that were told of it."""
    to = new_customer()
    if state == "message":
        message_id = network.open_window(to)
        settle(network)
        return message_id, seen(hook, state, message_id)
    if state == "account":
        network.post(f"/emulator/customers/{to}/stop")
        settle(network)
        return to, seen(hook, state, to)
    if state == "failed":
        fault(network, kind="fail", code=131026, next=1)
    message_id = send(network, to)
    last = "failed" if state == "failed" else "read"
    until(lambda: network.get("/emulator/messages", id=message_id)["messages"][0]["state"] == last)
    settle(network)
    return message_id, seen(hook, state, message_id)


def seen(hook: Receiver, state: str, of: str) -> list[str]:
    """What was told of a message, or of a customer's preferences, in the order of arrival."""
    if state == "account":
        posts = [post for post in list(hook.posts) if b'"field":"user_preferences"' in post.body]
        return ["account" for post in posts if of.encode() in post.body]
    if state == "message":
        return ["message" for one in hook.messages() if one["id"] == of]
    return [one["status"] for one in hook.statuses(of)]


def settle(network: Emulator) -> None:
    """Wait until no webhook is on its way."""
    until(lambda: network.get("/emulator/state")["webhooks"]["pending"] == 0)


def expected(state: str) -> list[str]:
    if state in ("message", "account"):
        return [state]
    return TOLD["failed" if state == "failed" else "read"]


@pytest.mark.parametrize("state", STATES)
def test_a_dropped_update_is_told_never_and_the_others_are(
    network: Emulator, hook: Receiver, state: str
) -> None:
    fault(network, kind="drop", of=state, next=1)
    _, names = told(network, hook, state)
    assert names == [one for one in expected(state) if one != state]


@pytest.mark.parametrize("state", STATES)
def test_a_doubled_update_is_told_twice(network: Emulator, hook: Receiver, state: str) -> None:
    fault(network, kind="duplicate", of=state, next=1)
    _, names = told(network, hook, state)
    assert sorted(names) == sorted([*expected(state), state])


@pytest.mark.parametrize("kind", ["slow", "reorder"])
@pytest.mark.parametrize("state", STATES)
def test_an_update_that_is_held_back_is_overtaken_by_the_others(
    network: Emulator, hook: Receiver, state: str, kind: str
) -> None:
    """The seed's `reorder` waits for about half of its seconds; what is told is dated when it happened."""
    fault(network, kind=kind, of=state, seconds=600, next=1, seed=SEED)
    message_id, early = told(network, hook, state)
    others = [one for one in expected(state) if one != state]
    assert early == others
    network.post("/emulator/clock", {"advance_s": 600})
    hook.until(lambda: len(seen(hook, state, message_id)) == len(others) + 1)
    assert seen(hook, state, message_id) == [*others, state]
    stamps = {one["status"]: int(one["timestamp"]) for one in hook.statuses(message_id)}
    assert sorted(stamps, key=lambda one: (stamps[one], expected(state).index(one))) == (
        expected(state) if stamps else []
    )


@pytest.mark.parametrize("state", STATES)
def test_an_update_that_is_not_taken_is_told_again(network: Emulator, hook: Receiver, state: str) -> None:
    """Until the receiver answers 200; what it takes is the very same body."""
    vain = 2
    before = len(hook.posts)
    hook.answer = lambda _post: 500 if len(hook.posts) <= before + vain else 200
    message_id, _ = told(network, hook, state)
    settle(network)
    hook.answer = lambda _post: 200
    own = [post for post in hook.posts[before:] if message_id.encode() in post.body]
    bodies = [post.body for post in own]
    assert len(bodies) == len(set(bodies)) + vain
    assert len(set(bodies)) == len(expected(state))


@pytest.mark.parametrize("code", [131026, 131049, 131000])
def test_a_message_fails_later_with_the_code_that_is_asked_for(
    network: Emulator, hook: Receiver, code: int
) -> None:
    fault(network, kind="fail", code=code, next=1)
    message_id = send(network, new_customer())
    (status,) = hook.until(lambda: hook.statuses(message_id))
    (error,) = status["errors"]
    assert (status["status"], error["code"]) == ("failed", code)
    assert error["title"] == error["message"]
    assert set(error) == {"code", "title", "message", "error_data", "href"}
    assert "pricing" not in status


def test_a_request_that_is_dropped_was_not_done(network: Emulator) -> None:
    fault(network, kind="drop_request", next=1)
    with network.client() as client, pytest.raises(httpx.RemoteProtocolError):
        client.post(f"/{NUMBER}/messages", json=template(new_customer(), "never"))
    assert network.get("/emulator/messages", opaque="never")["messages"] == []


def test_a_dropped_answer_is_settled_by_asking_for_the_opaque_data(network: Emulator, hook: Receiver) -> None:
    """The client cannot know whether the message was taken; it need not send again to find out."""
    fault(network, kind="drop_answer", next=1)
    with network.client() as client, pytest.raises(httpx.RemoteProtocolError):
        client.post(f"/{NUMBER}/messages", json=template(new_customer(), "unknown outcome"))
    (message,) = network.get("/emulator/messages", opaque="unknown outcome")["messages"]
    hook.until(lambda: len(hook.statuses(message["id"])) == 3)
    assert len(network.get("/emulator/messages", opaque="unknown outcome")["messages"]) == 1


def test_latency_holds_a_request_back_and_others_go_on(network: Emulator) -> None:
    fault(network, kind="latency", seconds=40, next=1)  # 2 real seconds
    to = new_customer()
    with network.client() as client:
        with pytest.raises(httpx.ReadTimeout):
            client.post(f"/{NUMBER}/messages", json=template(to, "late"), timeout=0.5)
        assert client.post(f"/{NUMBER}/messages", json=template(new_customer(), "y")).status_code == 200


@pytest.mark.parametrize("http", [500, 502, 503, 504])
def test_an_outage_is_no_json(network: Emulator, http: int) -> None:
    fault(network, kind="outage", http=http, next=1)
    with network.client() as client:
        answer = client.post(f"/{NUMBER}/messages", json=template(new_customer(), "z"))
    assert (answer.status_code, answer.headers["content-type"]) == (http, "text/html")


def test_a_share_of_requests_is_struck_the_same_ones_for_the_same_seed(network: Emulator) -> None:
    def struck(seed: int) -> list[int]:
        fault(network, kind="error", code=131016, share=0.3, seed=seed)
        with network.client() as client:
            body = {"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.x"}
            found = [client.post(f"/{NUMBER}/messages", json=body).status_code for _ in range(40)]
            client.delete("/emulator/faults")
        return found

    first = struck(7)
    assert first == struck(7) != struck(8)
    assert 3 <= first.count(503) <= 22
    assert set(first) == {200, 503}


def test_a_fault_can_be_for_one_number_alone(network: Emulator) -> None:
    other = str(int(NUMBER) + 1)
    fault(network, kind="error", code=131016, number=other)
    send(network, new_customer())
    with network.client() as client:
        answer = client.post(f"/{other}/messages", json=template(new_customer(), "o"))
    assert answer.json()["error"]["code"] == 131016


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "smoke"}, "kind"),
        ({"kind": "error"}, "code"),
        ({"kind": "error", "code": 1234567}, "code"),
        ({"kind": "latency"}, "seconds"),
        ({"kind": "drop", "share": 0}, "share"),
        ({"kind": "drop", "next": 0}, "next"),
        ({"kind": "drop", "nxt": 1}, "nxt"),
        ({"kind": "error", "code": 131016, "of": "sent"}, "of"),
        ({"kind": "fail", "code": 131026, "of": "failed"}, "of"),
    ],
)
def test_a_wrong_fault_is_refused_and_its_field_named(
    network: Emulator, body: dict[str, Any], field: str
) -> None:
    with network.client() as client:
        answer = client.post("/emulator/faults", json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_fault_of_a_number_that_there_is_not_is_refused(network: Emulator) -> None:
    with network.client() as client:
        answer = client.post("/emulator/faults", json={"kind": "drop", "number": "4711"})
    assert (answer.status_code, answer.json()["field"]) == (404, "number")
    assert network.get("/emulator/state")["faults"] == []

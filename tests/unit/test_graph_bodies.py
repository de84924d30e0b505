"""What goes over the wire, both ways, without any of it: bodies, signatures, ids, addresses."""

import hashlib
import hmac
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.network.graph import outgoing
from server.network.graph.addresses import AllowList, NotAllowed
from server.network.graph.messages import Message, Messages
from server.network.graph.refusal import ApiError
from server.network.graph.users import user_id, wa_id_of
from server.network.graph.webhook_bodies import Sender, Update, ascii_json, body_of, signature
from server.network.graph.webhooks import GIVE_UP_S, LONGEST_RETRY_S, retry_delay_s
from server.network.windows import OUTSIDE

ONE, TWO = Sender("w", "1", "11"), Sender("w", "2", "22")


@given(st.recursive(st.text() | st.integers(-(2**53), 2**53) | st.booleans(), st.lists, max_leaves=8))
def test_json_is_ascii_and_means_the_same(value: object) -> None:
    raw = ascii_json({"x": value})
    assert raw.isascii()
    assert json.loads(raw) == {"x": value}
    assert json.loads(raw) == msgspec.json.decode(raw)


def test_what_is_beyond_the_first_plane_is_a_surrogate_pair() -> None:
    assert ascii_json("👍ü") == json.dumps("👍ü").encode()


def test_neighbours_of_one_number_share_a_change() -> None:
    updates = [
        Update(ONE, "statuses", b'{"id":"a"}', b'{"wa_id":"c"}'),
        Update(ONE, "statuses", b'{"id":"b"}', b'{"wa_id":"d"}'),
        Update(ONE, "messages", b'{"id":"c"}'),
        Update(TWO, "messages", b'{"id":"d"}'),
    ]
    whole = json.loads(body_of(updates))
    assert whole["object"] == "whatsapp_business_account"
    (entry,) = whole["entry"]
    assert [one["field"] for one in entry["changes"]] == ["messages"] * 3
    first = entry["changes"][0]["value"]
    assert [one["id"] for one in first["statuses"]] == ["a", "b"]
    assert [one["wa_id"] for one in first["contacts"]] == ["c", "d"]
    assert first["metadata"] == {"display_phone_number": "11", "phone_number_id": "1"}


def test_an_event_of_the_account_has_its_time_in_the_entry() -> None:
    account = Sender("w", "", "")
    updates = [
        Update(ONE, "messages", b'{"id":"a"}'),
        Update(account, "account_update", b'{"event":"X"}', at_s=5),
        Update(account, "business_capability_update", b'{"n":1}', at_s=5),
        Update(account, "account_update", b'{"event":"Y"}', at_s=6),
        Update(ONE, "messages", b'{"id":"b"}'),
    ]
    entries = json.loads(body_of(updates))["entry"]
    assert [one.get("time") for one in entries] == [None, 5, 6, None]
    assert [[change["field"] for change in one["changes"]] for one in entries] == [
        ["messages"],
        ["account_update", "business_capability_update"],
        ["account_update"],
        ["messages"],
    ]
    assert entries[2]["changes"][0]["value"] == {"event": "Y"}


@given(st.binary(max_size=200), st.binary(min_size=1, max_size=40))
def test_the_signature_is_hmac_sha256_of_the_bytes(body: bytes, secret: bytes) -> None:
    assert signature(secret, body) == "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()


@given(st.from_regex(r"[1-9][0-9]{4,14}", fullmatch=True))
def test_a_user_id_finds_its_number(wa_id: str) -> None:
    found = user_id(wa_id)
    assert wa_id_of(found) == wa_id
    assert found[:2].isalpha()
    assert found[:2].isupper()
    assert found[2] == "."


@pytest.mark.parametrize("given_id", ["", "US", "US.", "US.x", "US.123", "DE." + "9" * 30])
def test_a_user_id_that_is_none_is_refused(given_id: str) -> None:
    with pytest.raises(ApiError) as caught:
        wa_id_of(given_id)
    assert caught.value.code == 131009


def test_retries_come_with_decreasing_frequency_for_seven_days() -> None:
    delays = [retry_delay_s(attempts) for attempts in range(1, 100)]
    assert delays == sorted(delays)
    assert (delays[0], delays[-1]) == (5.0, LONGEST_RETRY_S)
    assert GIVE_UP_S == 7 * 86_400


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.3.2.1:9/x?y=1",
        "https://localhost/hook",
        "http://[::1]:8/",
        "http://10.1.2.3/",
    ],
)
def test_addresses_on_the_list_are_targets(url: str) -> None:
    target = AllowList(["10.0.0.0/8"]).target(url)
    assert target.path.startswith("/")
    assert target.is_tls == url.startswith("https")


@pytest.mark.parametrize(
    "url",
    [
        "http://10.1.2.3/",
        "http://0.0.0.0/",
        "http://[::ffff:10.0.0.1]/",
        "http://localhost.example.org/",
        "http://127.0.0.1.example.org/",
        "http://127.0.0.1@example.org/",
        "http://example.org:80@127.0.0.2.example/",
        "ftp://127.0.0.1/",
        "http:///x",
        "http://name:password@127.0.0.1/",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1/a b",
        "http://127.0.0.1/a\r\nX: y",
        "127.0.0.1",
        "http://localhost/é",
    ],
)
def test_other_addresses_are_not(url: str) -> None:
    with pytest.raises(NotAllowed):
        AllowList().target(url)


def test_a_body_is_read_whole() -> None:
    raw = json.dumps(
        {
            "messaging_product": "whatsapp",
            "to": "+1 (650) 555-1234",
            "type": "interactive",
            "interactive": {
                "type": "list",
                "body": {"text": "Which?"},
                "action": {"button": "Go", "sections": [{"rows": [{"id": "1", "title": "One"}]}]},
            },
            "unknown": 1,
        }
    ).encode()
    body = outgoing.read(raw)
    assert body.interactive is not None
    assert outgoing.wa_id(body.to or "") == "16505551234"


def test_a_number_may_be_a_number() -> None:
    raw = b'{"messaging_product":"whatsapp","to":16505551234,"text":{"body":"x","preview_url":"true"}}'
    assert outgoing.wa_id(outgoing.read(raw).to or "") == "16505551234"


def code_of(raw: bytes) -> int | None:
    """What a body is refused with; None: it is read."""
    try:
        outgoing.read(raw)
    except ApiError as error:
        return error.code
    return None


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    assert code_of(raw) in (None, 100, 131008, 131009)


@given(
    st.dictionaries(
        st.sampled_from(["to", "type", "text", "image", "interactive", "status", "context", "template"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=8),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["body", "id", "link", "action", "type", "name", "buttons"]), inner
                )
            ),
            max_leaves=6,
        ),
    )
)
def test_any_json_is_read_or_refused_with_one_of_three_codes(parts: dict[str, object]) -> None:
    raw = json.dumps({"messaging_product": "whatsapp", **parts}).encode()
    assert code_of(raw) in (None, 100, 131008, 131009, 131051)


def message(messages: Messages, opaque: str | None) -> Message:
    sequence = messages.next_sequence()
    return Message(
        id=messages.new_id("4915112345678", sequence),
        sequence=sequence,
        number_id="1",
        to="4915112345678",
        type="text",
        category="service",
        window=OUTSIDE,
        accepted_s=0.0,
        opaque=opaque,
    )


def test_messages_are_found_by_opaque_data_until_they_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.network.graph.messages.MAX_KEPT", 3)
    messages = Messages(1)
    first = message(messages, "a")
    for one in (first, message(messages, "a"), message(messages, None)):
        messages.add(one)
    assert next(one.id for one in messages.with_opaque("a")) == first.id
    messages.add(message(messages, "b"))
    assert messages.get(first.id) is None
    assert len(messages.with_opaque("a")) == 1
    assert len(messages.latest(10)) == 3


def test_ids_of_two_runs_differ() -> None:
    first, second = Messages(1), Messages(2)
    ids = [one.new_id("49151", one.next_sequence()) for one in (first, first, second, second)]
    assert len(set(ids)) == 4

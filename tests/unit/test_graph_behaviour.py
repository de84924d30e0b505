"""What customers do, the faults, and the calendar: seeded, and without HTTP."""

import asyncio
import contextlib
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.loading import load
from server.clock import Clock
from server.network.graph import behaviour as behaving
from server.network.graph.behaviour import Behaviour, of_scenario
from server.network.graph.calendar import Calendar
from server.network.graph.chance import draws
from server.network.graph.faults import Fault, Faults
from server.network.graph.media import MAX_BYTES, MediaStore, kind_of
from server.network.graph.refusal import ApiError
from server.network.graph.template_texts import variables
from server.network.graph.templates import Templates, check_use

MANY = 4000


@given(st.integers(0, 2**63 - 1), st.text(max_size=20), st.integers(1, 8))
def test_draws_are_in_the_open_unit_interval_and_repeat(seed: int, key: str, count: int) -> None:
    found = draws(seed, key, count)
    assert len(found) == count
    assert all(0 < one < 1 for one in found)
    assert found == draws(seed, key, count)


def test_shares_come_out_as_they_were_put_in() -> None:
    """Delivered of all, read of delivered, acts of read: within four standard errors."""
    given_ = Behaviour(
        delivered=0.9, unregistered=0.04, read=0.8, reply=0.2, opt_out=0.1, block=0.05, report=0.05
    )
    users = [f"49151{index:07d}" for index in range(MANY)]
    registered = [one for one in users if behaving.is_registered(given_, 1, one)]
    reached = [one for one in registered if behaving.delivery(given_, 1, one, 1) is not None]
    reactions = [
        behaving.reaction(given_, 1, one, 1, in_conversation=False, is_template=True) for one in reached
    ]
    readers = [one for one in reactions if one.read_s is not None]
    acts = Counter(one.act for one in readers)

    def close(part: int, whole: int, share: float) -> bool:
        return abs(part / whole - share) < 4 * (share * (1 - share) / whole) ** 0.5

    assert close(len(registered), MANY, 0.96)
    assert close(len(reached), MANY, 0.9)
    assert close(len(readers), len(reached), 0.8)
    for act, share in (("reply", 0.2), ("opt_out", 0.1), ("block", 0.05), ("report", 0.05)):
        assert close(acts[act], len(readers), share), act
    assert not [one for one in reactions if one.read_s is None and one.act is not None]


def test_who_is_in_a_conversation_reads_and_does_nothing_else() -> None:
    busy = Behaviour(read=0.0, block=1.0)
    found = behaving.reaction(busy, 1, "49151", 1, in_conversation=True, is_template=True)
    assert (found.read_s, found.act) == (busy.conversation_read_s, None)


def test_a_scenarios_customers_are_its_funnel() -> None:
    scenario = load("bulk_send").scenario
    found = of_scenario(scenario)
    assert (found.read, found.reply) == (scenario.funnel.read, scenario.funnel.reply)
    assert found.delivered == scenario.network.delivery_rate


def test_a_fault_strikes_its_share_and_ends_after_its_count() -> None:
    faults = Faults()
    faults.add(Fault(kind="drop", share=0.25, next=10, of="sent"))
    struck = [bool(faults.hits(("drop",), "1", "sent")) for _ in range(200)]
    assert sum(struck) == 10
    assert 20 < struck.index(True) + 200 - struck[::-1].index(True) < 200
    assert faults.listed() == []


def test_a_fault_of_one_status_or_number_leaves_the_others_alone() -> None:
    faults = Faults()
    faults.add(Fault(kind="drop", of="sent", number="1"))
    assert not faults.hits(("drop",), "2", "sent")
    assert not faults.hits(("drop",), "1", "read")
    assert not faults.hits(("slow",), "1", "sent")
    assert faults.hits(("drop",), "1", "sent")


def test_the_calendar_calls_in_order_of_time_and_follows_the_clock() -> None:
    async def go() -> list[str]:
        clock = Clock(1000.0, 1.0)
        calendar = Calendar(clock)
        called: list[str] = []
        calendar.at(1000.0 + 7200, lambda: called.append("later"))
        calendar.at(1000.0 + 3600, lambda: called.append("first"))
        calendar.at(1000.0 + 3600, lambda: called.append("second"))
        await asyncio.sleep(0.02)
        assert called == []
        clock.advance(3601)
        calendar.clock_changed()
        await asyncio.sleep(0.02)
        assert called == ["first", "second"]
        clock.set_speed(1e6)
        calendar.clock_changed()
        await asyncio.sleep(0.05)
        assert len(calendar) == 0
        return called

    assert asyncio.run(go()) == ["first", "second", "later"]


def test_a_long_backlog_lets_other_work_have_its_turn() -> None:
    async def go() -> bool:
        calendar = Calendar(Clock(0.0, 1.0))
        called: list[int] = []
        for index in range(5000):
            calendar.at(0.0, lambda index=index: called.append(index))
        seen = []
        while len(called) < 5000:
            await asyncio.sleep(0)
            seen.append(len(called))
        assert called == sorted(called)
        return len(set(seen)) > 5

    assert asyncio.run(go())


def test_media_have_kinds_limits_and_an_end() -> None:
    store = MediaStore(b"secret")
    assert kind_of("IMAGE/PNG; charset=x") == "image"
    assert kind_of("application/pdf") == "document"
    assert kind_of("model/3mf") is None
    kept = store.add(b"x", "image/png", 0.0)
    assert store.find(kept.id, 30 * 86_400 - 1) is kept
    assert store.find(kept.id, 30 * 86_400) is None
    for content, mime_type in ((b"", "image/png"), (bytes(MAX_BYTES["sticker"] + 1), "image/webp")):
        with pytest.raises(ApiError) as caught:
            store.add(content, mime_type, 0.0)
        assert caught.value.code == 131053


def test_the_oldest_media_go_when_there_is_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.network.graph.media.MAX_KEPT", 100)
    store = MediaStore(b"secret")
    first, second = store.add(bytes(60), "image/png", 0.0), store.add(bytes(60), "image/png", 0.0)
    assert store.find(first.id, 1.0) is None
    assert store.find(second.id, 1.0) is second


def template(**parts: object) -> Templates:
    templates = Templates()
    whole = {"name": "t", "language": "en", "category": "MARKETING", **parts}
    templates.add(whole, "APPROVED", 0.0)
    return templates


HANDLE = {"header_handle": ["4::aW"]}


def use(*components: dict[str, object]) -> object:
    import msgspec

    from server.network.graph.outgoing import TemplateUse

    return msgspec.convert(
        {"name": "t", "language": {"code": "en"}, "components": list(components)}, TemplateUse
    )


@pytest.mark.parametrize(
    ("components", "given_", "code"),
    [
        ([{"type": "BODY", "text": "Hi {{1}} and {{1}} too", "example": {"body_text": [["a"]]}}], [], 132000),
        (
            [{"type": "BODY", "text": "Hi"}, {"type": "HEADER", "format": "IMAGE", "example": HANDLE}],
            [],
            132012,
        ),
        (
            [
                {"type": "BODY", "text": "Hi"},
                {"type": "HEADER", "format": "TEXT", "text": "{{1}}", "example": {"header_text": ["a"]}},
            ],
            [],
            132000,
        ),
        (
            [
                {"type": "BODY", "text": "Hi"},
                {"type": "BUTTONS", "buttons": [{"type": "URL", "url": "https://x/{{1}}", "example": "a"}]},
            ],
            [],
            131008,
        ),
        (
            [{"type": "BODY", "text": "Hi"}, {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY"}]}],
            [{"type": "button", "sub_type": "quick_reply", "index": "3", "parameters": []}],
            132000,
        ),
    ],
)
def test_parameters_must_fit_the_template(
    components: list[dict[str, object]], given_: list[dict[str, object]], code: int
) -> None:
    with pytest.raises(ApiError) as caught:
        check_use(template(components=components), use(*given_))  # type: ignore[arg-type]
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (None, 131008),
        ("", 131008),
        ("two\nlines", 132018),
        ("a\ttab", 132018),
        ("five     spaces", 132018),
        ("four    spaces", None),
        (0, None),
    ],
)
@pytest.mark.parametrize("where", ["header", "body", "button"])
def test_a_value_is_a_text_in_one_line(where: str, text: object, code: int | None) -> None:
    """As users of the platform were answered, who had passed on nothing, or what customers wrote."""
    components = [
        {"type": "HEADER", "format": "TEXT", "text": "No. {{1}}", "example": {"header_text": ["17"]}},
        {"type": "BODY", "text": "Dear {{1}}, hello", "example": {"body_text": [["Ada"]]}},
        {"type": "BUTTONS", "buttons": [{"type": "URL", "url": "https://x/{{1}}", "example": ["a"]}]},
    ]
    values = {"header": "17", "body": "Ada", "button": "a", where: text}
    given_ = [
        {"type": kind, "index": 0, "parameters": [{"type": "text", "text": one}]}
        for kind, one in values.items()
    ]
    with pytest.raises(ApiError) if code else contextlib.nullcontext() as caught:
        check_use(template(components=components), use(*given_))  # type: ignore[arg-type]
    assert code == (caught.value.code if caught is not None else None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "Has Capitals"},
        {"language": ""},
        {"category": "SPAM"},
        {"components": "x"},
        {"components": []},
        {"components": [{"type": "BODY", "text": ""}]},
        {"parameter_format": "WILD"},
    ],
)
def test_a_template_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ApiError) as caught:
        template(**{"components": [{"type": "BODY", "text": "Hi"}], **wrong})
    assert caught.value.code == 100


OTP = {"type": "OTP", "otp_type": "ONE_TAP"}


@pytest.mark.parametrize(
    "component",
    [
        {"type": "BUTTONS", "buttons": 5},
        {"type": "BUTTONS", "buttons": ["OTP"]},
        {"type": "BUTTONS", "buttons": [{"type": "OTP", "otp_type": "NO_TAP"}]},
        {"type": "FOOTER", "code_expiration_minutes": 0},
        {"type": "FOOTER", "code_expiration_minutes": "5"},
        {"type": "FOOTER", "code_expiration_minutes": 91},
    ],
)
def test_what_cannot_be_an_authentication_template(component: dict[str, object]) -> None:
    with pytest.raises(ApiError) as caught:
        template(category="AUTHENTICATION", components=[{"type": "BODY"}, component])
    assert caught.value.code == 100


def test_an_authentication_template_holds_the_words_of_the_platform() -> None:
    footers = [{"type": "footer"}, {"type": "FOOTER", "code_expiration_minutes": 90}]
    given_ = [{"type": "body"}, *footers, {"type": "BUTTONS", "buttons": [OTP]}]
    (made,) = template(category="AUTHENTICATION", components=given_)
    assert [one["type"] for one in made.components] == ["BODY", "FOOTER", "BUTTONS"]
    body, footer, buttons = made.components
    assert (body["text"], footer["text"]) == (
        "*{{1}}* is your verification code.",
        "This code expires in 90 minutes.",
    )
    assert buttons["buttons"][0]["type"] == "URL"
    assert variables(buttons["buttons"][0]["url"]) == ["1"]

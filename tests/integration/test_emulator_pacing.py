"""Template pacing as a client meets it: held, released, or dropped with 132015 and a paused template."""

from collections.abc import Iterator
from typing import Any

import pytest
from running_emulator import NUMBER, WABA, Emulator, Receiver, emulator, new_customer, receiver, until

from server.network.graph.holding import LOOK_S
from server.network.rules import HOUR_S

THRESHOLD, HELD = 120, 5
SPEED, SLOWER = 20, 5
# Of the emulator's clock: 40 s of ours at the slower speed, in which all is sent on however slow a machine; and
# less than LOOK_S, so that a clock that jumps over both lets users act before that is looked at.
ACT_S = 200.0
HOLDS = "held_for_quality_assessment"


@pytest.fixture(scope="module")
def paced() -> Iterator[tuple[Emulator, Receiver]]:
    options = (
        "--speed",
        str(SPEED),
        "--throughput",
        "upgraded",
        "--tier",
        "4",
        "--template-pacing",
        str(THRESHOLD),
    )
    with receiver() as hook, emulator(*options) as network:
        network.subscribe(hook.url)
        yield network, hook


def new_template(network: Emulator, name: str) -> str:
    offer = {
        "name": name,
        "language": "en_US",
        "category": "MARKETING",
        "components": [{"type": "BODY", "text": "15 % off until Sunday."}],
    }
    made = str(network.post(f"/{WABA}/message_templates", offer)["id"])
    until(lambda: network.get(f"/{made}")["status"] == "APPROVED")
    return made


def send(network: Emulator, name: str) -> dict[str, Any]:
    template = {"name": name, "language": {"code": "en_US"}}
    body = {"messaging_product": "whatsapp", "to": new_customer(), "type": "template", "template": template}
    (sent,) = network.post(f"/{NUMBER}/messages", body)["messages"]
    return dict(sent)


def held_ids(network: Emulator, name: str) -> list[str]:
    """Send beyond the threshold; the messages that are held."""
    before = [send(network, name) for _ in range(THRESHOLD)]
    assert {one["message_status"] for one in before} == {"accepted"}
    beyond = [send(network, name) for _ in range(HELD)]
    assert {one["message_status"] for one in beyond} == {HOLDS}
    assert network.get("/emulator/state")["messages"]["held"] == HELD
    return [one["id"] for one in beyond]


def read(network: Emulator) -> int:
    """Messages that were read, of all templates."""
    return int(network.get("/emulator/state")["messages"]["read"])


def told(hook: Receiver, messages: list[str], status: str) -> bool:
    """Whether it was told of all of them, in whatever order."""
    return all(status in {told["status"] for told in hook.statuses(one)} for one in messages)


def test_what_is_held_goes_when_users_do_not_mind(paced: tuple[Emulator, Receiver]) -> None:
    network, hook = paced
    new_template(network, "liked")
    held = held_ids(network, "liked")
    until(lambda: network.get("/emulator/state")["messages"]["delivered"] >= THRESHOLD)
    assert not any(hook.statuses(one) for one in held)
    network.post("/emulator/clock", {"advance_s": HOUR_S})
    hook.until(lambda: told(hook, held, "read"))
    assert network.get("/emulator/state")["messages"]["held"] == 0
    assert send(network, "liked")["message_status"] == "accepted"


def test_what_is_held_of_a_template_that_is_disabled_fails_with_132016(
    paced: tuple[Emulator, Receiver],
) -> None:
    network, hook = paced
    template = new_template(network, "disabled")
    held = held_ids(network, "disabled")
    network.post(f"/emulator/templates/{template}", {"status": "DISABLED"})
    hook.until(lambda: told(hook, held, "failed"))
    assert {hook.statuses(one)[0]["errors"][0]["code"] for one in held} == {132016}
    assert network.get("/emulator/state")["messages"]["held"] == 0


def test_what_is_held_fails_with_132015_when_users_mind_and_the_pause_ends_by_hand_alone(
    paced: tuple[Emulator, Receiver],
) -> None:
    network, hook = paced
    made = new_template(network, "disliked")
    network.post("/emulator/clock", {"speed": SLOWER})
    network.put("/emulator/behaviour", {"block": 1.0, "act_delay_median_s": ACT_S})
    before = read(network)
    held = held_ids(network, "disliked")
    until(lambda: read(network) >= before + THRESHOLD)
    network.put("/emulator/behaviour", {"block": 0.0})
    network.post("/emulator/clock", {"advance_s": LOOK_S, "speed": SPEED})
    until(lambda: network.get("/emulator/state")["messages"]["held"] == 0)
    hook.until(lambda: told(hook, held, "failed"))
    for one in held:
        (failed,) = hook.statuses(one)
        assert failed["errors"][0]["code"] == 132015
    paused = [post.value for post in list(hook.posts) if b'"PAUSED"' in post.body]
    assert [one["message_template_id"] for one in paused] == [int(made)]
    network.post("/emulator/clock", {"advance_s": 24 * HOUR_S})
    assert network.get(f"/{made}")["status"] == "PAUSED"
    assert network.post(f"/{made}/unpause") == {"success": True}
    assert network.get(f"/{made}")["status"] == "APPROVED"
    network.post("/emulator/clock", {"advance_s": 31 * 24 * HOUR_S})  # what the blocks restricted is over
    assert send(network, "disliked")["message_status"] == "accepted"


def test_a_pause_that_a_control_sets_drops_what_is_held(paced: tuple[Emulator, Receiver]) -> None:
    network, hook = paced
    made = new_template(network, "stopped")
    held = held_ids(network, "stopped")
    network.post(f"/emulator/templates/{made}", {"status": "PAUSED"})
    hook.until(lambda: told(hook, held, "failed"))

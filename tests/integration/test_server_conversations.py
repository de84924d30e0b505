"""Guides, teams, failover and search on a real server, through a kill and on both databases."""

from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import pytest
from databases import KINDS, empty
from running_server import Running, numbers, running, write_scenario

EXTRA = """replies.unread_timeout_s = 120
replies.order_link = "Track it: https://shop.example/o"
replies.teams = [
  { name = "service", agents = ["ann", "bob"], keywords = ["damaged", "refund"], accounts = [0] },
  { name = "sales", agents = ["cy"], keywords = ["price"] },
]
replies.rules = [
  { intent = "complaint", keywords = ["damaged"], answer = "A colleague takes over.", escalate = true },
  { intent = "returns", keywords = ["return"], answer = "Send it back.", guide = "1. Print the label ..." },
]
conversations.scripts = [
  { kind = "question", share = 1.0, turns = [{ says = ["return"], expect = "returns" }] },
]
"""


FAST = ("--speed", "60")  # two minutes pass in two seconds


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("inbox")
    scenario = write_scenario(folder, extra=EXTRA)
    with empty(request.param, folder) as db, running(scenario, db, *FAST) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: Running) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


def write(client: httpx.Client, phone: str, text: str) -> dict[str, Any]:
    answer = client.post("/reply", json={"from": phone, "text": text})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def lines(client: httpx.Client, phone: str) -> list[str]:
    return [line["text"] for line in client.get(f"/conversations/{phone}").json()["lines"]]


def statuses(client: httpx.Client, phone: str, author: str) -> list[str]:
    told = client.get(f"/conversations/{phone}").json()["lines"]
    return [line["status"] for line in told if line["author"] == author and line["status"] is not None]


def holder(client: httpx.Client, phone: str) -> str:
    return str(client.get(f"/conversations/{phone}").json()["conversation"]["agent"])


def eventually(look: Any, wanted: Any) -> None:
    until = monotonic() + 20
    while look() != wanted and monotonic() < until:
        sleep(0.05)
    assert look() == wanted


def test_a_guide_is_said_30_seconds_later_unless_the_answer_is_read(client: httpx.Client) -> None:
    reader, other = numbers("303", 2)
    for phone in (reader, other):
        assert write(client, phone, "how can I return it")["guide"] == "1. Print the label ..."
    client.post("/events", json={"events": [{"contact": reader, "kind": "read"}]})
    eventually(lambda: lines(client, other)[-1], "1. Print the label ...")
    eventually(lambda: statuses(client, other, "rules"), ["delivered"])
    assert lines(client, reader) == ["how can I return it", "Send it back."]


def test_an_order_just_told_is_known_to_the_next_answer(client: httpx.Client) -> None:
    phone = numbers("303", 3)[2]
    client.post("/events", json={"events": [{"contact": phone, "kind": "ordered"}]})
    assert write(client, phone, "return")["answer"] == "Send it back.\nTrack it: https://shop.example/o"


def test_agents_share_an_inbox(client: httpx.Client) -> None:
    phone = numbers("213", 1)[0]
    answer = write(client, phone, "it came damaged, what about the price")
    assert (answer["team"], answer["agent"], answer["reason"]) == ("service", "ann", "rule")
    (waiting,) = client.get("/inbox", params={"team": "service"}).json()["conversations"]
    assert (waiting["phone"], waiting["accounts"]) == (phone, [0])
    path = f"/inbox/{waiting['id']}"
    assert client.post(f"{path}/claim", json={"agent": "bob"}).json() == {
        "id": waiting["id"],
        "done": "claim",
    }
    refused = client.post(f"{path}/answer", json={"agent": "ann", "text": "Hi"})
    assert (refused.status_code, refused.json()["field"]) == (409, "agent")
    assert (
        client.post(f"{path}/answer", json={"agent": "bob", "text": "Refund is on its way"}).status_code
        == 200
    )
    assert client.get("/inbox", params={"agent": "bob"}).json()["conversations"][0]["last_operator"] == "bob"
    eventually(lambda: statuses(client, phone, "bob"), ["delivered"])
    assert client.post(f"{path}/close", json={"agent": "bob"}).status_code == 200
    assert client.post(f"{path}/claim", json={"agent": "bob"}).status_code == 409
    assert client.post("/inbox/999999/claim", json={"agent": "bob"}).status_code == 404
    assert client.post(f"{path}/claim", json={"agent": "zoe"}).json()["field"] == "agent"
    assert write(client, phone, "return")["conversation"] == "automatic"


def test_one_search_finds_customers_and_agents(client: httpx.Client) -> None:
    phone = numbers("213", 2)[1]
    write(client, phone, "the zip came damaged")
    waiting = {one["phone"]: one["id"] for one in client.get("/inbox").json()["conversations"]}
    path = f"/inbox/{waiting[phone]}"
    assert client.post(f"{path}/claim", json={"agent": "bob"}).is_success
    assert client.post(f"{path}/answer", json={"agent": "bob", "text": "A new zip leaves today"}).is_success
    found = client.get("/conversations", params={"q": "zip today"}).json()["results"]
    assert [(one["author"], one["text"]) for one in found] == [("bob", "A new zip leaves today")]
    (mine,) = client.get("/conversations", params={"q": "DAMAGED zip"}).json()["results"]
    assert mine["phone"] == mine["author"] == phone
    assert client.post(f"{path}/close", json={"agent": "bob"}).is_success
    assert client.get("/conversations").status_code == 422
    assert client.get("/conversations/12").status_code == 422
    assert client.get("/conversations/+12125550777").status_code == 404


@pytest.mark.parametrize("kind", KINDS)
def test_turns_go_on_where_a_kill_left_them(kind: str, tmp_path: Path) -> None:
    scenario, (phone, other) = write_scenario(tmp_path, extra=EXTRA), numbers("312", 2)
    with empty(kind, tmp_path) as db:
        with running(scenario, db, *FAST) as server, server.client() as client:
            assert write(client, phone, "damaged")["agent"] == "ann"
            eventually(lambda: holder(client, phone), "bob")
            write(client, other, "return it")
            server.process.kill()
            server.process.wait(20)
        with running(scenario, db, *FAST) as again, again.client() as client:
            eventually(lambda: holder(client, phone), "ann")
            (waiting,) = client.get("/inbox").json()["conversations"]
            assert waiting["whole_team_unread"]
            eventually(lambda: lines(client, other)[-1], "1. Print the label ...")

"""Replies with guides, patience and people, step by step on a clock of the test's own."""

import asyncio
import contextlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace
from sqlalchemy import select

from scenarios.loading import load
from scenarios.schema import ReplyRule, Team
from server.clock import Clock
from server.conversations.inbox import Act, Handle, Inbox, PassOn, SayDue
from server.conversations.policy import reply_policy
from server.conversations.reading import history
from server.conversations.reading import inbox as inbox_of
from server.conversations.replying import Replying, heard
from server.conversations.searching import IndexTexts, index_texts, not_indexed, search
from server.dispatch.contact_index import ContactIndex
from server.http.problems import Problem
from server.store.database import Database
from server.store.ids import Ids
from server.store.sqlite import open_writer
from server.store.tables import SCHEMA, contacts, inbound

PHONE, OTHER = "+12125550100", "+12125550101"
DAY_S = 86_400.0


class World:
    """The steps of a server on one database, and its time in seconds."""

    def __init__(self, database: Database) -> None:
        self.time_s = 1_000 * DAY_S
        self.index = ContactIndex()
        self._database = database
        self.clock = clock = Clock(self.time_s, 1.0, lambda: self.time_s)
        replies = replace(
            load("bulk_send").scenario.replies,
            rules=[
                ReplyRule(intent="returns", keywords=["return"], answer="Send it back.", guide="Step 1 ..."),
                ReplyRule(intent="hello", keywords=["hello"], answer="Hello!"),
                ReplyRule(intent="broken", keywords=["broken"], answer="Sorry!", escalate=True),
            ],
            teams=[
                Team(name="service", agents=["ann", "bob", "cy"], keywords=["broken"]),
                Team(name="sales", agents=["dee"]),
            ],
            order_link="Track it.",
            coupon="10 % off.",
        )
        self.policy = reply_policy(replies, lambda: self.index)
        self.replying = Replying(self.policy, clock, Ids(inbound.c.id, is_shared=False))
        self.inbox = Inbox(self.policy.teams, clock, 120.0)

    def run(self, work: Any) -> Any:
        return asyncio.run(self._database.run(work))

    def write(self, *texts: str, phone: str = PHONE) -> list[dict[str, Any]]:
        requests = [heard(phone, text) for text in texts]
        applied = self.run(partial(self.replying.apply, requests=requests))
        return [msgspec.json.decode(answer) for answer in applied.answers]

    def say_due(self) -> int:
        return int(self.run(partial(self.inbox.say_due, requests=[SayDue()])).answers[0])

    def pass_on(self) -> int:
        return int(self.run(partial(self.inbox.pass_on, requests=[PassOn()])).answers[0])

    def act(self, act: Act, agent: str, text: str = "", conversation: int = 1) -> Problem | None:
        request = Handle(conversation, agent, act, text)
        answer: Problem | None = self.run(partial(self.inbox.handle, requests=[request])).answers[0]
        return answer

    def waiting(self) -> list[Any]:
        read = partial(inbox_of, teams=self.policy.teams, agent=None, team=None, limit=100)
        return list(self.run(read).conversations)

    def lines(self, phone: str = PHONE) -> list[tuple[str, str]]:
        found = self.run(partial(history, teams=self.policy.teams, phone=phone))
        return [(line.author, line.text) for line in found.lines]

    def search(self, q: str) -> list[str]:
        while self.run(partial(index_texts, requests=[IndexTexts()])).answers[0]:
            pass
        return [found.text for found in self.run(partial(search, q=q, limit=10)).results]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with contextlib.closing(open_writer(tmp_path / "inbox.db", SCHEMA)) as opened:
        yield World(opened)


def test_a_guide_follows_an_unread_answer_after_30_seconds_once(world: World) -> None:
    (answer,) = world.write("how do I return it?")
    assert (answer["answer"], answer["guide"]) == ("Send it back.", "Step 1 ...")
    world.time_s += answer["delay_s"] + 29.9
    assert world.say_due() == 0
    world.time_s += 0.2
    assert (world.say_due(), world.say_due()) == (1, 0)
    assert world.lines() == [
        (PHONE, "how do I return it?"),
        ("rules", "Send it back."),
        ("rules", "Step 1 ..."),
    ]


def test_who_asks_again_gets_the_guide_at_once_and_not_a_second_time(world: World) -> None:
    first, again = world.write("return?", "but how do I return it")
    assert (first["answer"], again["answer"], again["guide"]) == ("Send it back.", "Step 1 ...", None)
    world.time_s += 60
    assert world.say_due() == 0
    (later,) = world.write("return")
    assert later["answer"] == "Step 1 ..."
    world.time_s += 3 * 3600
    (fresh,) = world.write("return")
    assert fresh["answer"] == "Send it back."


def test_nothing_more_is_said_to_who_says_stop_or_talks_to_a_person(world: World) -> None:
    world.write("return", "STOP")
    world.write("return", "it is broken", phone=OTHER)
    world.time_s += 60
    assert world.say_due() == 0


def test_an_answer_knows_of_an_order_and_of_a_long_silence(world: World) -> None:
    world.write("hello")
    world.index.saw("ordered", np.array([1]), np.array([world.time_s - DAY_S]))
    assert world.write("hello")[0]["answer"] == "Hello!\nTrack it."
    world.write("x", phone=OTHER)
    world.index.saw("replied", np.array([2]), np.array([world.time_s]))
    world.time_s += 31 * DAY_S
    answers = world.write("hello", "hello", phone=OTHER)
    assert [one["answer"] for one in answers] == ["Hello!\n10 % off.", "Hello!"]


def test_the_fourth_answer_the_rule_and_the_fourth_negative_message_go_to_people(world: World) -> None:
    limit = world.write(*["hello"] * 4)[-1]
    assert (limit["action"], limit["reason"], limit["team"], limit["answer"]) == (
        "escalated",
        "limit",
        "sales",
        None,
    )
    (rule,) = world.write("it came broken", phone="+12125550102")
    assert (rule["reason"], rule["team"], rule["agent"], rule["answer"]) == (
        "rule",
        "service",
        "ann",
        "Sorry!",
    )
    angry = world.write("awful", "this is useless", "terrible", "the worst", phone="+12125550103")
    assert [one["action"] for one in angry] == ["unmatched"] * 3 + ["escalated"]
    assert angry[-1]["reason"] == "negative"
    assert [(one.phone, one.urgent) for one in world.waiting()] == [
        ("+12125550103", True),
        (PHONE, False),
        ("+12125550102", False),
    ]


def test_a_friendly_word_ends_the_row_of_negative_ones_also_over_groups(world: World) -> None:
    for text in ("awful", "useless", "terrible", "fine then", "the worst"):
        assert world.write(text)[0]["action"] == "unmatched"
    stored = select(contacts.c.negative_run)
    assert world.run(lambda connection: connection.execute(stored).scalar()) == 1


def test_conversations_are_spread_over_the_team(world: World) -> None:
    agents = [world.write("broken", phone=f"+1212555010{n}")[0]["agent"] for n in range(4)]
    assert agents == ["ann", "bob", "cy", "ann"]


def test_unread_conversations_pass_through_the_team_also_over_a_stop(world: World) -> None:
    world.write("broken")
    for expected in ("bob", "cy", "ann"):
        world.time_s += 119
        assert world.pass_on() == 0
        world.time_s += 1
        assert world.pass_on() == 1
        assert world.waiting()[0].agent == expected
    assert world.waiting()[0].whole_team_unread
    world.time_s += 250  # the server stood still
    world.pass_on()
    assert (world.waiting()[0].agent, world.waiting()[0].passes) == ("cy", 5)
    world.write("hello?")  # a further message does not start the time anew
    world.time_s += 110
    assert world.pass_on() == 1


def test_what_is_read_stays_until_the_next_message(world: World) -> None:
    world.write("broken")
    assert world.act("read", "ann") is None
    world.time_s += 500
    assert world.pass_on() == 0
    assert world.write("anybody?")[0]["agent"] == "ann"
    world.time_s += 121
    assert world.pass_on() == 1
    assert world.waiting()[0].agent == "bob"


def test_one_agent_at_a_time_holds_a_conversation(world: World) -> None:
    world.write("broken")
    assert world.act("claim", "bob") is None
    refused = world.act("answer", "ann", "Hi")
    assert refused is not None
    assert (refused.status, refused.detail) == (409, "bob holds this conversation")
    assert world.act("answer", "bob", "I look into it") is None
    assert world.waiting()[0].last_operator == "bob"
    assert world.act("release", "bob") is None
    world.time_s += 120
    assert world.pass_on() == 1
    assert world.waiting()[0].agent == "cy"
    assert world.act("close", "cy") is None
    assert world.waiting() == []
    again = world.act("read", "cy")
    assert again is not None
    assert again.status == 409
    assert world.write("hello")[0]["action"] == "answered"
    assert ("bob", "I look into it") in world.lines()


def test_a_claim_ends_when_its_holder_lets_a_message_lie(world: World) -> None:
    world.write("broken")
    world.act("claim", "ann")
    world.write("still there?")
    world.time_s += 120
    assert world.pass_on() == 1
    assert world.act("claim", "bob") is None


@pytest.mark.parametrize(("agent", "conversation", "status"), [("nobody", 1, 422), ("ann", 99, 404)])
def test_unknown_agents_and_conversations_are_refused(
    world: World, agent: str, conversation: int, status: int
) -> None:
    world.write("broken")
    problem = world.act("claim", agent, conversation=conversation)
    assert problem is not None
    assert problem.status == status


def test_search_finds_words_in_every_script_wherever_they_were_written(world: World) -> None:
    world.write("Where is my ORDER no. 4711?", "你们的价格是多少", "Où est ma commande réglée ?")
    world.write("Заказ 4711 не пришёл", "أين طلبي 4711", phone=OTHER)
    world.write("broken")
    world.time_s += 1
    world.act("answer", "ann", "Your order is on its way")
    assert len(world.search("4711")) == 3
    assert world.search("order") == ["Your order is on its way", "Where is my ORDER no. 4711?"]
    assert world.search("order 4711") == ["Where is my ORDER no. 4711?"]
    assert world.search("价格") == ["你们的价格是多少"]
    assert world.search("格价") == []
    assert world.search("RÉGLÉE") == world.search("re\u0301gle\u0301e") != []
    assert world.search("заказ") == ["Заказ 4711 не пришёл"]
    assert world.search("طلبي") == ["أين طلبي 4711"]
    assert world.search("!?") == []
    assert world.run(not_indexed) == {}
    world.write("one more")
    assert world.run(not_indexed) == {"inbound": 7}
    assert world.search("one more") == ["one more"]

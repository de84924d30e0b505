"""What guides and people say reaches the customer once, within the window, from a number of the team."""

import asyncio
import contextlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update
from test_server_delivery import Settings
from test_server_inbox import DAY_S, PHONE, World

from server.conversations.conveying import (
    Convey,
    Conveyed,
    Conveying,
    SettleAnswers,
    conveyed,
    settle_answers,
    to_convey,
)
from server.conversations.reading import Line, history
from server.network import emulated
from server.network.answers import Answer, Answers
from server.store.database import Database
from server.store.sqlite import open_writer
from server.store.tables import SCHEMA, accounts, batches, contacts, messages, said

SENDERS = {"service": (1, 2), "sales": ()}


class Sending(World):
    """The world of the inbox with three accounts, and the network's own record."""

    def __init__(self, database: Database, record: Database, settings: Any) -> None:
        super().__init__(database)
        self.record = record
        self.network = Answers(record, settings, seed=1)
        self.conveying = Conveying(self.policy.teams._replace(accounts=SENDERS), self.clock)
        self.do(lambda one: one.execute(insert(accounts), [{"id": key} for key in range(3)]))

    def do(self, work: Any) -> Any:
        return self.run(work)

    def convey(self) -> list[Answer]:
        return list(self.run(partial(self.conveying.convey, requests=[Convey()])).answers[0])

    def hand_over(self) -> list[Answer]:
        answers = self.convey()
        asyncio.run(self.network.accept(answers))
        self.run(partial(conveyed, requests=[Conveyed(answers)]))
        return answers

    def hear(self) -> None:
        """Whatever became of answers by now is recorded."""
        _, under_way = self.run(to_convey)
        outcomes = asyncio.run(self.network.outcomes(under_way, self.time_s))
        self.run(partial(settle_answers, requests=[SettleAnswers(outcomes)]))

    def told(self) -> list[Line]:
        found = self.run(partial(history, teams=self.policy.teams, phone=PHONE))
        return [line for line in found.lines if line.status is not None]

    def close(self, *which: int) -> None:
        self.do(
            lambda one: one.execute(
                update(accounts).where(accounts.c.id.in_(which)).values(closed_s=self.time_s)
            )
        )

    def had_message_from(self, account: int) -> None:
        """A campaign's message reached the customer before."""
        contact = self.do(lambda one: one.execute(select(contacts.c.id)).scalar())
        key = self.time_s
        self.do(
            lambda one: one.execute(
                insert(batches), [{"id": f"b{account}", "created_s": key, "template": "Hi"}]
            )
        )
        row = {"id": account + 1, "batch_id": f"b{account}", "contact_id": contact, "zone": "UTC"}
        row |= {"text": "Hi", "content": 1, "release_s": key, "attempt": 1, "due_s": key, "sent_s": key}
        row |= {"status": "delivered", "account_id": account, "settled_s": key}
        self.do(lambda one: one.execute(insert(messages), [row]))


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[tuple[Database, Database]]:
    with (
        contextlib.closing(open_writer(tmp_path / "w.db", SCHEMA)) as database,
        contextlib.closing(open_writer(tmp_path / "network.db", emulated.SCHEMA)) as record,
    ):
        yield database, record


@pytest.fixture
def world(opened: tuple[Database, Database]) -> Sending:
    return Sending(*opened, Settings(delivery_rate=0.97, unregistered_fraction=0.03))


def times(world: Sending) -> list[tuple[int, int]]:
    query = select(emulated.answers.c.account, emulated.answers.c.times)
    return asyncio.run(world.record.run(lambda one: [tuple(row) for row in one.execute(query)]))


def answered(world: Sending, text: str = "It is on its way") -> None:
    world.write("it is broken")
    assert world.act("answer", "ann", text) is None


def test_an_agent_s_answer_is_queued_sent_and_delivered(world: Sending) -> None:
    answered(world)
    assert [line.status for line in world.told()] == ["queued"]
    (answer,) = world.hand_over()
    assert (answer.phone, answer.account) == (PHONE, 1)  # the first of the team's numbers
    assert [line.status for line in world.told()] == ["sent"]
    world.hear()
    assert [line.status for line in world.told()] == ["sent"]  # it takes its time
    world.time_s += 3_600
    world.hear()
    (line,) = world.told()
    assert (line.author, line.text, line.status) == ("ann", "It is on its way", "delivered")
    assert world.convey() == []
    assert world.run(to_convey) == (False, [])


def test_a_stop_between_hand_over_and_record_makes_no_second_answer(world: Sending) -> None:
    answered(world)
    asyncio.run(world.network.accept(world.convey()))  # and the server dies
    world.time_s += 60
    world.close(1)
    assert [one.account for one in world.hand_over()] == [2]  # the network goes by what it has
    assert times(world) == [(1, 2)]
    world.time_s += 3_600
    world.hear()
    assert [line.status for line in world.told()] == ["delivered"]


def test_a_lost_answer_is_told_with_its_reason(opened: tuple[Database, Database]) -> None:
    world = Sending(*opened, Settings(delivery_rate=0.0, unregistered_fraction=0.0))
    answered(world)
    world.hand_over()
    world.time_s += 3_600
    world.hear()
    assert [(line.status, line.reason) for line in world.told()] == [("failed", "transient")]


def test_it_comes_from_the_number_that_the_customer_knows_if_the_team_has_it(world: Sending) -> None:
    answered(world)
    world.had_message_from(2)
    assert [one.account for one in world.convey()] == [2]
    world.had_message_from(0)
    assert [one.account for one in world.convey()] == [2]  # chosen before
    world.close(2)
    assert [one.account for one in world.convey()] == [1]  # 0 is no number of the team


def test_a_guide_comes_from_the_number_that_the_customer_knows(world: Sending) -> None:
    world.write("how do I return it")
    world.had_message_from(2)
    world.time_s += 60
    assert world.say_due() == 1
    assert [(one.account, one.phone) for one in world.hand_over()] == [(2, PHONE)]


def test_without_an_open_number_it_waits(world: Sending) -> None:
    answered(world)
    world.close(1, 2)
    assert world.convey() == []
    assert [line.status for line in world.told()] == ["queued"]


def test_after_a_stop_no_guide_goes_out_and_a_person_s_answer_does(world: Sending) -> None:
    world.write("how do I return it")
    world.time_s += 60
    world.say_due()
    world.write("STOP", "it is broken")
    assert world.act("answer", "ann", "Sorry!") is None
    assert len(world.convey()) == 1
    assert [(line.author, line.status, line.reason) for line in world.told()] == [
        ("rules", "failed", "opted_out"),
        ("ann", "queued", None),
    ]


def test_nothing_is_answered_freely_a_day_after_the_customer_wrote(world: Sending) -> None:
    answered(world)
    world.time_s += DAY_S
    problem = world.act("answer", "ann", "Still there?")
    assert problem is not None
    assert (problem.status, problem.field) == (409, "id")
    assert world.convey() == []  # what was not handed over in time is not either
    assert [(line.status, line.reason) for line in world.told()] == [("failed", "window_closed")]
    world.write("hello?")
    assert world.act("answer", "ann", "Hello!") is None
    assert len(world.convey()) == 1


def test_the_network_forgets_answers_that_settled_long_ago(world: Sending) -> None:
    answered(world)
    world.hand_over()
    assert not asyncio.run(world.network.forget(world.time_s, limit=10))
    assert times(world) != []
    assert not asyncio.run(world.network.forget(world.time_s + DAY_S, limit=10))
    assert times(world) == []


def test_what_was_said_before_it_could_be_sent_stays_unsent(world: Sending) -> None:
    """As a migration leaves it."""
    answered(world)
    world.do(lambda one: one.execute(update(said).values(settled_s=said.c.said_s, reason="not_sent")))
    assert world.convey() == []
    assert world.run(to_convey) == (False, [])

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from query_plans import query_plans
from sqlalchemy import Connection, insert, select

from scenarios.loading import load
from server.clock import Clock
from server.conversations.policy import reply_policy
from server.conversations.replying import Inbound, Replying, heard
from server.dispatch.contact_index import ContactIndex
from server.store.database import Database
from server.store.ids import Ids
from server.store.sqlite import open_writer
from server.store.tables import SCHEMA, batches, contacts, inbound, messages
from server.store.writer import BRIEF_WEIGHT

PHONES = [f"+1212555{line:04d}" for line in range(100, 106)]
STATES = ("waiting", "queued", "paused", "sending", "sent")
NOW_S = 1_000_000.0


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with contextlib.closing(open_writer(tmp_path / "replies.db", SCHEMA)) as opened:
        asyncio.run(opened.run(fill))
        yield opened


def fill(connection: Connection) -> None:
    """Each customer but the last has a message in each state."""
    known = [{"id": key, "phone": PHONES[key], "consent": True, "variables": "{}"} for key in range(1, 5)]
    connection.execute(insert(contacts), known)
    connection.execute(insert(batches), [{"id": "b", "created_s": NOW_S, "template": "Hi"}])
    rows = [(one["id"], state) for one in known for state in STATES]
    connection.execute(
        insert(messages),
        [
            {"id": key, "batch_id": "b", "contact_id": who, "zone": "UTC", "text": "Hi", "content": 1}
            | {"release_s": NOW_S, "attempt": 1, "status": state, "due_s": NOW_S}
            for key, (who, state) in enumerate(rows)
        ],
    )


def new_step() -> Replying:
    replies = replace(load("bulk_send").scenario.replies, max_per_hour=2)
    clock = Clock(NOW_S, 1.0, lambda: 0.0)
    return Replying(reply_policy(replies, ContactIndex), clock, Ids(inbound.c.id, is_shared=False))


def answers(database: Database, step: Replying, requests: Sequence[Inbound]) -> list[dict[str, Any]]:
    applied = asyncio.run(database.run(partial(step.apply, requests=requests)))
    return [msgspec.json.decode(answer) for answer in applied.answers]


def states_of(database: Database, phone: str) -> list[str]:
    query = select(messages.c.status).join(contacts).where(contacts.c.phone == phone).order_by(messages.c.id)
    return asyncio.run(database.run(lambda connection: list(connection.execute(query).scalars())))


def test_several_stops_in_one_group_are_each_heard(database: Database) -> None:
    stops = [heard(phone, "STOP") for phone in (*PHONES[1:4], PHONES[5])]
    given = answers(database, new_step(), [*stops, heard(PHONES[4], "Thanks")])
    assert [one["action"] == "opted_out" for one in given] == [True, True, True, True, False]
    for phone in PHONES[1:4]:
        assert states_of(database, phone) == ["cancelled", "cancelled", "cancelled", "sending", "sent"]
    assert states_of(database, PHONES[4]) == list(STATES)
    stopped = select(contacts.c.phone).where(contacts.c.opted_out_s == NOW_S).order_by(contacts.c.phone)
    found = asyncio.run(database.run(lambda connection: list(connection.execute(stopped).scalars())))
    assert found == [*PHONES[1:4], PHONES[5]]


def test_a_stop_looks_only_through_messages_that_are_not_sent(database: Database) -> None:
    """At a million messages the indexes of the three states alone are read; SQLite's own plan says so."""

    def plans(connection: Connection) -> list[str]:
        step, stop = new_step(), heard(PHONES[1], "STOP")
        return query_plans(connection, lambda: step.apply(connection, [stop]), of="UPDATE messages")

    found = [line for line in asyncio.run(database.run(plans)) if "messages" in line]
    assert [line.split(" (")[0].rsplit(" ", 1)[1] for line in found] == [
        "messages_queued",
        "messages_waiting",
        "messages_paused",
    ]


def test_automatic_answers_are_counted_within_a_group_and_over_groups(database: Database) -> None:
    step, ask = new_step(), heard(PHONES[1], "What is the price?")
    first = answers(database, step, [ask, heard(PHONES[0], "What is the price?")])
    then = answers(database, step, [ask, ask])
    assert [one["action"] for one in (*first, *then)] == ["answered", "answered", "answered", "escalated"]
    assert then[1]["conversation"] == "human"


def test_a_message_id_counts_once_within_a_group_and_over_groups(database: Database) -> None:
    step, once = new_step(), heard(PHONES[1], "What is the price?", "a1")
    given = [*answers(database, step, [once, once]), *answers(database, step, [once])]
    assert given[0] == given[1] == given[2]
    stored = asyncio.run(database.run(lambda connection: len(connection.execute(select(inbound)).all())))
    assert stored == 1


def test_a_stop_weighs_too_much_for_the_event_loop() -> None:
    """It looks through all that waits."""
    assert heard(PHONES[0], "STOP").weight > BRIEF_WEIGHT > heard(PHONES[0], "What is the price?").weight

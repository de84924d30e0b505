"""What is old goes, some at a time; what is young, unsettled or an opt-out stays, on both databases."""

import asyncio
import contextlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Column, Connection, insert, select
from test_server_delivery import Settings

from server.clock import Clock
from server.conversations.searching import IndexTexts, index_texts, search
from server.network import emulated
from server.network.emulated import Network, Outbound
from server.retention import STEP, Forget, Forgetting
from server.store import sqlite
from server.store.database import Database
from server.store.tables import (
    SCHEMA,
    accounts,
    attempts,
    batches,
    contacts,
    hourly_sends,
    inbound,
    messages,
)
from tests.things import KINDS, opened

NOW_S, KEEP_S = 1_000_000.0, 1_000.0
OLD_S, YOUNG_S = NOW_S - KEEP_S - 1, NOW_S - KEEP_S + 1
MANY = 2 * STEP + 10  # old delivered messages: more than one step takes


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with opened(request.param, tmp_path, SCHEMA) as database:
        yield database


def message(key: int, batch: str, status: str, settled_s: float | None) -> dict[str, object]:
    plain = {"contact_id": 1, "zone": "UTC", "text": "Hi", "content": 1, "release_s": 0.0, "attempt": 1}
    return {"id": key, "batch_id": batch, "status": status, "due_s": 0.0, "settled_s": settled_s, **plain}


def fill(connection: Connection) -> None:
    connection.execute(insert(accounts), [{"id": 0}])
    person = {"consent": True, "variables": "{}"}
    connection.execute(insert(contacts), [{"phone": "+12125550100", "opted_out_s": OLD_S, **person}])
    made: list[tuple[str, float, int | None, int | None]] = [
        ("a", OLD_S, 1, MANY),
        ("b", OLD_S, MANY + 1, MANY + 2),
        ("c", OLD_S, MANY + 3, MANY + 3),
        ("d", YOUNG_S, MANY + 4, MANY + 4),
        ("e", OLD_S, None, None),
    ]
    names = ("id", "created_s", "first_message_id", "last_message_id")
    rows = [{**dict(zip(names, row, strict=True)), "template": "Hi"} for row in made]
    connection.execute(insert(batches), rows)
    connection.execute(
        insert(messages),
        [message(key, "a", "delivered", OLD_S) for key in range(1, MANY + 1)]
        + [
            message(MANY + 1, "b", "paused", None),
            message(MANY + 2, "b", "failed", OLD_S),
            message(MANY + 3, "c", "cancelled", YOUNG_S),
            message(MANY + 4, "d", "cancelled", OLD_S),
        ],
    )
    attempt = {"attempt": 1, "account_id": 0, "sent_s": OLD_S, "settled_s": OLD_S, "reason": "transient"}
    connection.execute(insert(attempts), [{"message_id": key, **attempt} for key in (3, MANY + 2)])
    wrote = [("Where is it", "unmatched"), ("STOP", "opted_out"), ("Thanks", "unmatched")]
    connection.execute(
        insert(inbound),
        [
            {"id": key, "contact_id": 1, "received_s": OLD_S, "text": text, "action": action, "answer": b"{}"}
            for key, (text, action) in enumerate(wrote, start=1)
        ],
    )
    hours = [{"hour": int(at_s // 3600), "account_id": 0, "outcome": "sent", "n": 1} for at_s in (0.0, NOW_S)]
    connection.execute(insert(hourly_sends), hours)
    index_texts(connection, [IndexTexts()])


def keys(database: Database, column: Column[object]) -> list[object]:
    return database.transact(lambda one: list(one.execute(select(column).order_by(column)).scalars()))


def sweep(database: Database) -> int:
    """Until there is no more; how many steps it took."""
    step = Forgetting(Clock(NOW_S, 1.0, lambda: 0.0), KEEP_S)
    for count in range(1, 100):
        applied = database.transact(partial(step.apply, requests=[Forget()]))
        applied.committed()
        if applied.answers == [False]:
            return count
    raise AssertionError("it never ends")


def test_what_is_old_goes_and_the_rest_stays(database: Database) -> None:
    database.transact(fill)
    assert sweep(database) == 3
    assert keys(database, messages.c.id) == [MANY + 1, MANY + 3, MANY + 4]  # paused, young, the newest
    assert keys(database, attempts.c.message_id) == []
    sweep(database)
    assert keys(database, batches.c.id) == ["b", "c", "d", "e"]  # the last is the newest of its table
    assert keys(database, inbound.c.id) == [2, 3]  # the opt-out, the newest
    assert keys(database, contacts.c.opted_out_s) == [OLD_S]
    assert keys(database, hourly_sends.c.hour) == [NOW_S // 3600]


def test_a_text_that_is_gone_is_not_found(database: Database) -> None:
    database.transact(fill)
    sweep(database)
    found = {
        word: len(database.transact(partial(search, q=word, limit=10)).results) for word in ("where", "stop")
    }
    assert found == {"where": 0, "stop": 1}


def test_nothing_to_delete_is_one_short_look(database: Database) -> None:
    assert sweep(database) == 1


def test_the_network_forgets_what_settled_long_ago(tmp_path: Path) -> None:
    sends = [Outbound(key, 1, 0, "+12125550100", 1_000.0 * key) for key in range(1, 11)]

    async def main() -> None:
        with contextlib.closing(sqlite.open_writer(tmp_path / "record.db", emulated.SCHEMA)) as record:
            network = Network(record, Settings(), seed=1)
            await network.accept(sends)
            settled_s = sorted(status.settled_s for status in network.statuses(1e9, 100))
            assert await network.forget(settled_s[5], limit=3)
            assert not await network.forget(settled_s[5], limit=3)
            known = await network.known({(one.message_id, 1) for one in sends})
            assert sorted(known) == [(key, 1) for key in range(6, 11)]

    asyncio.run(main())

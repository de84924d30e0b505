import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from query_plans import query_plans
from sqlalchemy import Connection, insert

from scenarios.loading import load
from server.analytics import figures, health
from server.http.problems import Problem
from server.network.emulated import Outbound, Status
from server.sending import reading
from server.sending.delivering import Sent, Settle, Settling, record_sent
from server.store import hourly, sqlite
from server.store.database import Database
from server.store.tables import (
    SCHEMA,
    accounts,
    batches,
    contact_tags,
    contacts,
    inbound,
    messages,
    tags,
)

HOUR = 470_000  # since 1970
NOW_S = HOUR * 3600.0
SCENARIO = load("bulk_send").scenario
RULES, SETTINGS = SCENARIO.pacing, health.settings_of(SCENARIO)


def read_stats(connection: Connection) -> figures.Stats:
    return figures.stats(
        connection,
        limits=SCENARIO.imports,
        now_s=NOW_S + 60,
        speed=1.0,
        lag_s=0.0,
        network_delay_s=None,
        process_cpu_s=0.0,
        commits=0,
    )


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with contextlib.closing(sqlite.open_writer(tmp_path / "figures.db", SCHEMA)) as opened:
        asyncio.run(opened.run(fill))
        yield opened


def fill(connection: Connection) -> None:
    """Two batches of six messages on two accounts; every customer is tagged `all`, the odd ones `odd`."""
    connection.execute(insert(accounts), [{"id": 0}, {"id": 1}])
    connection.execute(
        insert(contacts),
        [
            {"id": key, "phone": f"+1212555{key:04d}", "consent": True, "variables": "{}"}
            for key in range(1, 7)
        ],
    )
    connection.execute(insert(tags), [{"id": 1, "name": "all"}, {"id": 2, "name": "odd"}])
    carried = [(key, 1) for key in range(1, 7)] + [(key, 2) for key in (1, 3, 5)]
    connection.execute(insert(contact_tags), [{"contact_id": one, "tag_id": tag} for one, tag in carried])
    connection.execute(
        insert(batches),
        [
            {"id": name, "created_s": NOW_S, "template": "Hi"}
            | {"first_message_id": first, "last_message_id": first + 5}
            for name, first in (("one", 1), ("two", 7))
        ],
    )
    connection.execute(
        insert(messages),
        [
            {"id": key, "batch_id": "one" if key <= 6 else "two", "contact_id": (key - 1) % 6 + 1}
            | {"zone": "UTC", "text": "Hi", "content": 1, "release_s": NOW_S, "attempt": 1}
            | {"status": "sending", "due_s": NOW_S, "account_id": key % 2}
            for key in range(1, 13)
        ],
    )
    rows = [("answered", 30), ("unmatched", 10), ("opted_out", 1)]
    connection.execute(
        insert(inbound),
        [
            {"id": place * 100 + n, "contact_id": 1, "received_s": NOW_S + n, "text": "?", "action": action}
            | {"answer": b"{}"}
            for place, (action, count) in enumerate(rows)
            for n in range(count)
        ],
    )


def run(database: Database, work: Callable[[Connection], Any]) -> Any:
    return asyncio.run(database.run(work))


def send(database: Database, *keys: int, at_s: float = NOW_S) -> None:
    sent = Sent([Outbound(key, 1, key % 2, "+1", at_s + key) for key in keys])
    run(database, partial(record_sent, requests=[sent]))


def settle(database: Database, *keys: int, reason: str | None = None, retries: int = 0) -> None:
    step = Settling(3600.0, retries)
    statuses = [Status(NOW_S + 100, key, 1, reason) for key in keys]
    run(database, partial(step.apply, requests=[Settle(statuses), Settle(statuses)]))


def rows(database: Database, by: figures.By, key: str | None = None, hours: int = 3) -> list[tuple[Any, ...]]:
    found = run(
        database,
        partial(figures.history, by=by, start_s=NOW_S, end_s=NOW_S + hours * 3600, key=key),
    )
    return [(row.key, row.messages_sent, row.messages_delivered, row.failures) for row in found.rows]


def test_an_attempt_is_counted_once_however_often_it_is_told(database: Database) -> None:
    for _ in range(2):
        send(database, 1, 2, 3)
        settle(database, 1, 2)
        settle(database, 3, reason="transient")
    assert rows(database, "hour") == [(None, 3, 2, {"transient": 1})]


def test_outcomes_belong_to_the_hour_of_the_send(database: Database) -> None:
    send(database, 1)
    send(database, 2, at_s=NOW_S + 3600)
    settle(database, 1, 2)
    assert rows(database, "hour") == [(None, 1, 1, {}), (None, 1, 1, {})]


def test_history_by_account_batch_and_tag_adds_up(database: Database) -> None:
    send(database, *range(1, 13))
    settle(database, *range(1, 9))
    settle(database, 9, 10, reason="unregistered", retries=1)  # will be tried again
    assert rows(database, "account") == [("0", 6, 4, {"unregistered": 1}), ("1", 6, 4, {"unregistered": 1})]
    assert rows(database, "batch") == [("one", 6, 6, {}), ("two", 6, 2, {"unregistered": 2})]
    # By tag, what is still on the way is not known yet: 10 of 12.
    assert rows(database, "tag") == [("all", 10, 8, {"unregistered": 2}), ("odd", 5, 4, {"unregistered": 1})]
    assert rows(database, "batch", "two") == [("two", 6, 2, {"unregistered": 2})]
    assert rows(database, "account", "1") == [("1", 6, 4, {"unregistered": 1})]
    assert rows(database, "tag", "odd") == [("odd", 5, 4, {"unregistered": 1})]
    assert rows(database, "account", "nonsense") == rows(database, "tag", "none") == []


def test_replies_are_told_by_the_hour(database: Database) -> None:
    (row,) = run(
        database, partial(figures.history, by="hour", start_s=NOW_S, end_s=NOW_S + 3600, key=None)
    ).rows
    assert row.replies == {"answered": 30, "escalated": 0, "opted_out": 1, "unmatched": 10}
    assert (row.messages_sent, row.delivery_rate) == (0, None)


def test_a_history_that_is_too_long_is_refused(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    send(database, *range(1, 13))
    monkeypatch.setattr(figures, "MOST_ROWS", 1)
    with pytest.raises(Problem, match="2 rows") as refused:
        rows(database, "account")
    assert refused.value.field == "from"


def test_states_and_kpis_of_everything(database: Database) -> None:
    send(database, *range(1, 11))
    settle(database, *range(1, 8))
    settle(database, 8, reason="invalid_number")
    found = run(database, read_stats)
    assert found.messages == {
        "queued": 0,
        "sending": 2,
        "sent": 2,
        "delivered": 7,
        "failed": 1,
        "cancelled": 0,
    }
    assert (found.sends, found.failures) == (10, {"invalid_number": 1})
    assert found.kpis["delivery_rate"] == found.delivery_rate == 0.7
    assert found.kpis["messages_sent"] == 10
    assert (found.first_send, found.last_send) == ("2023-08-14T08:00:01Z", "2023-08-14T08:00:10Z")


def test_alarms_see_what_happened_in_the_last_hour(database: Database) -> None:
    send(database, *range(1, 13))
    look = partial(health.alarms, settings=SETTINGS, now_s=NOW_S + 61, lag_s=0.01, network_delay_s=None)
    checks = {one.name: one for one in run(database, look).checks}
    assert checks["delivery_rate"].state == "unknown"  # too few are settled
    assert checks["sends_per_minute"].value == 6
    assert checks["hourly_cap_share"].value == 6 / RULES.rate_per_hour
    assert checks["unmatched_share"].value == 0.25
    assert checks["unmatched_share"].state == "alarm"
    assert checks["completion_share"].value == 0.75
    assert checks["response_time_s"].value == 7.5
    assert checks["sends_after_stop"].value == 0


def test_no_read_of_everything_looks_at_every_message(database: Database) -> None:
    """At a million messages only the indexes made for it are read; SQLite's own plan says so."""

    def read_all(connection: Connection) -> None:
        read_stats(connection)
        health.alarms(connection, settings=SETTINGS, now_s=NOW_S, lag_s=0.0, network_delay_s=None)
        reading.account_states(connection, RULES, NOW_S)
        for by in ("hour", "account", "tag", "batch"):
            figures.history(connection, by, NOW_S, NOW_S + 3600, None)

    def plans(connection: Connection) -> list[str]:
        return query_plans(connection, partial(read_all, connection))

    found = run(database, plans)
    assert any("messages" in line for line in found)
    for table in ("messages", "attempts", "inbound"):
        scans = [line for line in found if line.startswith(f"SCAN {table}")]
        assert [line for line in scans if "COVERING INDEX" not in line] == []


def keywords_met(connection: Connection, counts: dict[str, int], at_s: float) -> None:
    hourly.count_keywords(connection, at_s, [keyword for keyword, n in counts.items() for _ in range(n)])


def test_the_five_keywords_met_most_are_those_of_the_last_week(database: Database) -> None:
    def run(connection: Connection) -> tuple[figures.Stats, float | None]:
        keywords_met(
            connection, {"price": 12, "size": 9, "hi": 6, "buy": 5, "fit": 4, "hey": 3, "cost": 1}, NOW_S
        )
        keywords_met(connection, {"price": 10}, NOW_S - 6 * 24 * 3600.0)
        keywords_met(connection, {"hey": 1000}, NOW_S - 7 * 24 * 3600.0)
        observed = health.observe(connection, SETTINGS, NOW_S, 0.0, None)
        return read_stats(connection), observed.top_keyword_share

    stats, share = asyncio.run(database.run(run))
    assert [(one.keyword, one.messages) for one in stats.top_keywords] == [
        ("price", 22), ("size", 9), ("hi", 6), ("buy", 5), ("fit", 4),
    ]  # fmt: skip
    assert share == pytest.approx(46 / 50)
    assert sum(one.share for one in stats.top_keywords) == pytest.approx(share)


def test_the_share_of_five_says_nothing_where_there_are_no_more(database: Database) -> None:
    def run(connection: Connection) -> float | None:
        keywords_met(connection, {"price": 100}, NOW_S)
        return health.observe(connection, replace(SETTINGS, keywords=5), NOW_S, 0.0, None).top_keyword_share

    assert asyncio.run(database.run(run)) is None

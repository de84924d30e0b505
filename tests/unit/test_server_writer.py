import asyncio
import contextlib
import sqlite3
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, Table, func, insert, select, text

from server.http.problems import Problem
from server.store import sqlite
from server.store.database import Database, StoreUnavailable
from server.store.schema import Schema
from server.store.sqlite import open_writer
from server.store.writer import BRIEF_WEIGHT, GROUP_WEIGHT, Applied, Step, Writer

metadata = MetaData()
SCHEMA = Schema("numbers", metadata, head="0001", versions=Path())
numbers = Table("numbers", metadata, Column("value", Integer, primary_key=True, autoincrement=False))

Use = Callable[[Writer, Database], Awaitable[None]]


def store(connection: Connection, requests: Sequence[int]) -> Applied:
    """Even numbers are stored, odd ones refused."""
    good = [value for value in requests if value % 2 == 0]
    if good:
        connection.execute(insert(numbers), [{"value": value} for value in good])
    return Applied([Problem(422, "odd") if value % 2 else value for value in requests])


def stumble(_connection: Connection, _requests: Sequence[str]) -> Applied:
    raise ZeroDivisionError("a fault of ours")


def use_writer(tmp_path: Path, use: Use) -> None:
    async def main() -> None:
        with contextlib.closing(open_writer(tmp_path / "numbers.db", SCHEMA)) as database:
            steps = [Step((int,), store, brief=(int,)), Step((str,), stumble, brief=(str,))]
            writer = Writer(database, steps)
            loop = asyncio.create_task(writer.run())
            await use(writer, database)
            writer.stop()
            await loop

    asyncio.run(main())


def count(connection: Connection) -> int:
    return int(connection.execute(select(func.count()).select_from(numbers)).scalar_one())


def test_requests_that_wait_together_share_a_commit(tmp_path: Path) -> None:
    async def use(writer: Writer, database: Database) -> None:
        answers = await asyncio.gather(*(writer.submit(2 * value) for value in range(100)))
        assert answers == [2 * value for value in range(100)]
        assert writer.commits == 1
        await writer.submit(1_000)
        assert writer.commits == 2
        assert await database.run(count) == 101

    use_writer(tmp_path, use)


def test_a_group_is_bounded_by_weight(tmp_path: Path) -> None:
    async def use(writer: Writer, _database: Database) -> None:
        await asyncio.gather(*(writer.submit(2 * value, weight=GROUP_WEIGHT // 2) for value in range(6)))
        assert writer.commits == 3
        await writer.submit(100, weight=2 * GROUP_WEIGHT)
        assert writer.commits == 4

    use_writer(tmp_path, use)


def test_a_refused_request_leaves_the_others_of_its_group(tmp_path: Path) -> None:
    async def use(writer: Writer, database: Database) -> None:
        answers = await asyncio.gather(*(writer.submit(n) for n in (2, 3, 4)), return_exceptions=True)
        assert answers[0] == 2
        assert isinstance(answers[1], Problem)
        assert answers[2] == 4
        assert await database.run(count) == 2

    use_writer(tmp_path, use)


def test_a_fault_undoes_the_whole_group_and_the_writer_goes_on(tmp_path: Path) -> None:
    async def use(writer: Writer, database: Database) -> None:
        group = (writer.submit(2), writer.submit("stumble"))
        answers: list[Any] = await asyncio.gather(*group, return_exceptions=True)
        assert [type(answer) for answer in answers] == [ZeroDivisionError, ZeroDivisionError]
        assert await database.run(count) == 0
        assert await writer.submit(4) == 4

    use_writer(tmp_path, use)


def test_a_full_disk_is_told_and_writing_goes_on_when_there_is_room(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def use(writer: Writer, database: Database) -> None:
        def limit_pages(connection: Connection, pages: int) -> None:
            connection.execute(text(f"PRAGMA max_page_count={pages}"))

        await database.run(partial(limit_pages, pages=3))
        answers = await asyncio.gather(
            *(writer.submit(2 * value) for value in range(5_000)), return_exceptions=True
        )
        assert all(isinstance(answer, StoreUnavailable) for answer in answers)
        assert await database.run(count) == 0
        await database.run(partial(limit_pages, pages=1_000))
        assert await writer.submit(2) == 2

    use_writer(tmp_path, use)
    assert "nothing of the group is written" in caplog.text


def test_only_a_brief_group_is_written_on_the_event_loop(tmp_path: Path) -> None:
    threads: list[bool] = []

    def note(_connection: Connection, requests: Sequence[float]) -> Applied:
        threads.append(threading.current_thread() is threading.main_thread())
        return Applied(requests)

    async def main() -> None:
        with contextlib.closing(open_writer(tmp_path / "numbers.db", SCHEMA)) as database:
            writer = Writer(database, [Step((float, int), note, brief=(float,))])
            loop = asyncio.create_task(writer.run())
            await writer.submit(1.5)
            await writer.submit(1.5, weight=BRIEF_WEIGHT + 1)
            await asyncio.gather(writer.submit(1.5), writer.submit(1))
            writer.stop()
            await loop

    asyncio.run(main())
    assert threads == [True, False, False]


def test_a_large_group_is_answered_before_what_only_later_groups_need(tmp_path: Path) -> None:
    seen: list[str] = []

    def step(name: str) -> Callable[[Connection, Sequence[float]], Applied]:
        def apply(_connection: Connection, requests: Sequence[float]) -> Applied:
            seen.append(f"{name} applied")
            return Applied(requests, lambda: seen.append(f"{name} followed"))

        return apply

    async def ask(writer: Writer, request: float, weight: int) -> None:
        await writer.submit(request, weight)
        seen.append("answered")

    async def main() -> None:
        with contextlib.closing(open_writer(tmp_path / "numbers.db", SCHEMA)) as database:
            plan = Step((float,), step("plan"), brief=(float,), answers_first=True)
            writer = Writer(database, [plan, Step((int,), step("tag"))])
            loop = asyncio.create_task(writer.run())
            for requests in ([1.5], [2.5, 3]):  # by themselves, and beside what is to be seen at once
                large = (asyncio.create_task(ask(writer, one, BRIEF_WEIGHT + 1)) for one in requests)
                await asyncio.gather(*large, asyncio.create_task(ask(writer, 0.5, 1)))
                seen.append("")
            await ask(writer, 4.5, 1)
            writer.stop()
            await loop

    asyncio.run(main())
    both = [
        "plan applied",
        "tag applied",
        "plan followed",
        "tag followed",
        "answered",
        "answered",
        "answered",
    ]
    assert seen[:5] == ["plan applied", "answered", "answered", "", "plan followed"]
    assert seen[5:-3] == [*both, ""]
    assert seen[-3:] == ["plan applied", "plan followed", "answered"]


@pytest.mark.parametrize("commit_s", [0.0, 0.02])
def test_a_slow_disk_is_waited_for_in_the_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, commit_s: float
) -> None:
    here: list[bool] = []
    write = sqlite._Log.commit

    def commit(log: sqlite._Log, driver: sqlite3.Connection) -> None:
        here.append(threading.current_thread() is threading.main_thread())
        time.sleep(commit_s)
        write(log, driver)

    monkeypatch.setattr(sqlite._Log, "commit", commit)
    monkeypatch.setattr(sqlite, "QUICK_S", 0.001 if commit_s else 1.0)  # the disk of a test may be slow, too

    async def main() -> None:
        with contextlib.closing(open_writer(tmp_path / "numbers.db", SCHEMA)) as database:
            for _ in range(20):
                await database.run_briefly(count)

    asyncio.run(main())
    assert here == [True] * 20 if not commit_s else here[0] and not any(here[1:])


def test_transactions_on_the_event_loop_and_in_the_thread_take_turns(tmp_path: Path) -> None:
    def add(connection: Connection, value: int) -> None:
        connection.execute(insert(numbers), {"value": value})

    async def main() -> None:
        with contextlib.closing(open_writer(tmp_path / "numbers.db", SCHEMA)) as database:
            both = (database.run, database.run_briefly)
            await asyncio.gather(*(both[value % 2](partial(add, value=value)) for value in range(40)))
            cancelled = asyncio.create_task(database.run_briefly(partial(add, value=100)))
            await asyncio.sleep(0)
            cancelled.cancel()
            await database.run_briefly(partial(add, value=101))
            assert await database.run(count) == 42

    asyncio.run(main())


def test_the_log_is_written_back_beside_the_writer_and_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "WRITE_BACK_S", 0.0)
    log = tmp_path / "numbers.db-wal"

    async def use(writer: Writer, database: Database) -> None:
        assert isinstance(database, sqlite.WriterFile)
        sizes = []
        for value in range(100):
            await writer.submit(2 * value)
            database._log._thread.submit(int).result()  # what was to be copied is
            sizes.append(log.stat().st_size)
        assert sizes[-1] == sizes[10]  # a log that is not written back grows by a page a commit

    use_writer(tmp_path, use)


def test_the_event_loop_does_not_wait_for_a_lock(tmp_path: Path) -> None:
    async def use(writer: Writer, database: Database) -> None:
        with contextlib.closing(sqlite3.connect(tmp_path / "numbers.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            began = time.monotonic()
            waiting = asyncio.create_task(writer.submit(2))
            while time.monotonic() < began + 0.2:
                await asyncio.sleep(0.01)
            assert not waiting.done()
            assert time.monotonic() < began + 1.0
            other.execute("ROLLBACK")
        assert await waiting == 2
        assert await database.run(count) == 1

    use_writer(tmp_path, use)


def test_what_waits_at_the_stop_is_written_and_nothing_after_it(tmp_path: Path) -> None:
    async def use(writer: Writer, database: Database) -> None:
        waiting = [asyncio.create_task(writer.submit(value)) for value in (2, 4)]
        await asyncio.sleep(0)
        writer.stop()
        assert await asyncio.gather(*waiting) == [2, 4]
        with pytest.raises(StoreUnavailable):
            await writer.submit(6)
        assert await database.run(count) == 2

    use_writer(tmp_path, use)

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from server.problems import Problem
from server.store.database import StoreUnavailable, open_writer
from server.store.writer import GROUP_WEIGHT, Applied, Step, Writer

metadata = MetaData()
numbers = Table("numbers", metadata, Column("value", Integer, primary_key=True, autoincrement=False))

Use = Callable[[Writer, AsyncEngine], Awaitable[None]]


async def store(connection: AsyncConnection, requests: Sequence[int]) -> Applied:
    """Even numbers are stored, odd ones refused."""
    good = [value for value in requests if value % 2 == 0]
    if good:
        await connection.execute(insert(numbers), [{"value": value} for value in good])
    return Applied([Problem(422, "odd") if value % 2 else value for value in requests])


async def stumble(_connection: AsyncConnection, _requests: Sequence[str]) -> Applied:
    raise ZeroDivisionError("a fault of ours")


def use_writer(tmp_path: Path, use: Use) -> None:
    async def main() -> None:
        engine = await open_writer(tmp_path / "numbers.db", metadata, 1)
        writer = Writer(engine, [Step((int,), store), Step((str,), stumble)])
        loop = asyncio.create_task(writer.run())
        await use(writer, engine)
        writer.stop()
        await loop
        await engine.dispose()

    asyncio.run(main())


async def count(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return int((await connection.execute(select(func.count()).select_from(numbers))).scalar_one())


def test_requests_that_wait_together_share_a_commit(tmp_path: Path) -> None:
    async def use(writer: Writer, engine: AsyncEngine) -> None:
        answers = await asyncio.gather(*(writer.submit(2 * value) for value in range(100)))
        assert answers == [2 * value for value in range(100)]
        assert writer.commits == 1
        await writer.submit(1_000)
        assert writer.commits == 2
        assert await count(engine) == 101

    use_writer(tmp_path, use)


def test_a_group_is_bounded_by_weight(tmp_path: Path) -> None:
    async def use(writer: Writer, _engine: AsyncEngine) -> None:
        await asyncio.gather(*(writer.submit(2 * value, weight=GROUP_WEIGHT // 2) for value in range(6)))
        assert writer.commits == 3
        await writer.submit(100, weight=2 * GROUP_WEIGHT)
        assert writer.commits == 4

    use_writer(tmp_path, use)


def test_a_refused_request_leaves_the_others_of_its_group(tmp_path: Path) -> None:
    async def use(writer: Writer, engine: AsyncEngine) -> None:
        answers = await asyncio.gather(*(writer.submit(n) for n in (2, 3, 4)), return_exceptions=True)
        assert answers[0] == 2
        assert isinstance(answers[1], Problem)
        assert answers[2] == 4
        assert await count(engine) == 2

    use_writer(tmp_path, use)


def test_a_fault_undoes_the_whole_group_and_the_writer_goes_on(tmp_path: Path) -> None:
    async def use(writer: Writer, engine: AsyncEngine) -> None:
        group = (writer.submit(2), writer.submit("stumble"))
        answers: list[Any] = await asyncio.gather(*group, return_exceptions=True)
        assert [type(answer) for answer in answers] == [ZeroDivisionError, ZeroDivisionError]
        assert await count(engine) == 0
        assert await writer.submit(4) == 4

    use_writer(tmp_path, use)


def test_a_full_disk_is_told_and_writing_goes_on_when_there_is_room(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def use(writer: Writer, engine: AsyncEngine) -> None:
        async def limit_pages(pages: int) -> None:
            async with engine.connect() as connection:
                await connection.execute(text(f"PRAGMA max_page_count={pages}"))

        await limit_pages(3)
        answers = await asyncio.gather(
            *(writer.submit(2 * value) for value in range(5_000)), return_exceptions=True
        )
        assert all(isinstance(answer, StoreUnavailable) for answer in answers)
        assert await count(engine) == 0
        await limit_pages(1_000)
        assert await writer.submit(2) == 2

    use_writer(tmp_path, use)
    assert "nothing of the group is written" in caplog.text


def test_what_waits_at_the_stop_is_written_and_nothing_after_it(tmp_path: Path) -> None:
    async def use(writer: Writer, engine: AsyncEngine) -> None:
        waiting = [asyncio.create_task(writer.submit(value)) for value in (2, 4)]
        await asyncio.sleep(0)
        writer.stop()
        assert await asyncio.gather(*waiting) == [2, 4]
        with pytest.raises(StoreUnavailable):
            await writer.submit(6)
        assert await count(engine) == 2

    use_writer(tmp_path, use)

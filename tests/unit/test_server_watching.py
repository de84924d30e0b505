import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from server.analytics import watching
from server.analytics.watching import MOST_STREAMS, Watching, event
from server.http.problems import Problem
from server.store.database import StoreUnavailable

Look = Callable[[], Awaitable[int]]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "PERIOD_S", 0.001)


def looks(*found: int | Exception) -> Look:
    """A look that finds these one after the other, and the last of them for ever."""
    left = list(found)

    async def look() -> int:
        next_one = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(next_one, Exception):
            raise next_one
        return next_one

    return look


def follow(watched: Watching, look: Look, **options: Any) -> Any:
    return watched.changes(
        look,
        key="k",
        show=lambda n: b"%d" % n,
        ended=lambda n: n == 0,
        **{"period_s": 0.002, **options},
    )


def told(look: Look) -> list[bytes]:
    async def main() -> list[bytes]:
        return [piece async for piece in follow(Watching(), look)]

    return asyncio.run(main())


def test_an_event_has_a_name_and_a_line_of_data_for_each_line() -> None:
    assert event("page", b"<p>\n</p>") == b"event: page\ndata: <p>\ndata: </p>\n\n"


def test_only_changes_are_told_and_the_end_is() -> None:
    pieces = told(looks(3, 3, 2, 2, 2, 0))
    assert pieces == [watching.RETRY, event("progress", b"3"), event("progress", b"2"), event("done", b"0")]


def test_a_database_that_does_not_answer_for_a_while_does_not_end_a_stream() -> None:
    pieces = told(looks(3, StoreUnavailable("gone"), StoreUnavailable("gone"), 0))
    assert pieces == [watching.RETRY, event("progress", b"3"), event("done", b"0")]


def test_silence_is_filled_with_heartbeats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "HEARTBEAT_S", 0.001)
    pieces = told(looks(*[3] * 20, 0))
    assert pieces.count(watching.HEARTBEAT) >= 3
    assert pieces.count(event("progress", b"3")) == 1


def test_followers_of_the_same_share_one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "PERIOD_S", 60.0)
    count = 0

    async def look() -> int:
        nonlocal count
        count += 1
        await asyncio.sleep(0)
        return count

    async def main() -> list[int]:
        watched = Watching()
        return list(await asyncio.gather(*(watched.latest("k", look) for _ in range(50))))

    assert asyncio.run(main()) == [1] * 50


def test_a_stop_ends_every_stream_at_once() -> None:
    async def main() -> None:
        watched = Watching()
        stream = follow(watched, looks(3), period_s=60.0)
        assert [await anext(stream), await anext(stream)] == [watching.RETRY, event("progress", b"3")]
        rest = asyncio.ensure_future(anext(stream, None))
        await asyncio.sleep(0.01)
        watched.stop()
        assert await asyncio.wait_for(rest, 1) is None

    asyncio.run(main())


def test_there_is_a_most_of_streams_and_room_again_when_one_ends() -> None:
    watched = Watching()
    watched.streams = MOST_STREAMS - 1
    with watched.follower(), pytest.raises(Problem) as refused, watched.follower():
        pass
    assert refused.value.status == 503
    with watched.follower():
        assert watched.streams == MOST_STREAMS

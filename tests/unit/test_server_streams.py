"""An open stream and the token it was opened with, without a server around it."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from server.analytics.watching import Watching
from server.http.listening import ABORT
from server.routes import endpoint
from server.routes.endpoint import Call, Events, Route, Stream


class Caller:
    """Of one stream: takes so many pieces, then reads no more; gone once the connection is cut."""

    def __init__(self, takes: int) -> None:
        self._left = takes
        self._gone = asyncio.Event()
        self._asked = False
        self.got: list[dict[str, Any]] = []

    async def receive(self) -> dict[str, Any]:
        if self._asked:
            await self._gone.wait()
            return {"type": "http.disconnect"}
        self._asked = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(self, message: Any) -> None:
        if not self._left:
            await asyncio.Event().wait()
        self._left -= 1
        self.got.append(message)

    @property
    def is_cut(self) -> bool:
        return self._gone.is_set()

    def scope(self) -> dict[str, Any]:
        return {"headers": [], "query_string": b"", "extensions": {ABORT: self._gone.set}}


async def for_ever(_service: Any, _call: Call) -> Events:
    async def events() -> Events:
        while True:
            yield b": piece\n\n"
            await asyncio.sleep(0.001)

    return events()


async def follow(caller: Caller) -> int:
    """A stream whose token is taken back as soon as it is open; how many are open after it."""

    async def admit(_headers: Any, _scope: str) -> frozenset[str]:
        return frozenset({"read"})

    async def taken_back(_headers: Any, _scope: str) -> None:
        await asyncio.sleep(0.01)

    service: Any = SimpleNamespace(admit=admit, taken_back=taken_back, watching=Watching(), seen={})
    stream = Stream(service, Route("GET", "/live", for_ever, "read", streams=True))
    await asyncio.wait_for(stream(caller.scope(), caller.receive, caller.send), 10)
    return int(service.watching.streams)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "END_S", 0.01)


def test_who_reads_is_told_the_end_when_the_token_is_taken_back() -> None:
    async def main() -> None:
        caller = Caller(takes=1_000_000)
        assert await follow(caller) == 0
        assert caller.got[-1] == {"type": "http.response.body", "body": b""}
        assert not caller.is_cut

    asyncio.run(main())


def test_who_reads_no_more_is_cut_off_when_the_token_is_taken_back() -> None:
    async def main() -> None:
        caller = Caller(takes=3)
        assert await follow(caller) == 0
        assert len(caller.got) == 3
        assert caller.is_cut

    asyncio.run(main())

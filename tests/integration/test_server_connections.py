"""Connections of which a server sees each piece: what becomes of a request that does not end, or has ended."""

import asyncio
import gc
import json
from collections.abc import Callable, Coroutine

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from server.http import listening
from server.http.responding import respond

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, bytes]]


async def length(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


APP = Starlette(routes=[Route("/", length, methods=["POST"])])


def talk(use: Talk, app: ASGIApp = APP) -> bytes:
    """What `use` returns, with a connection to a server that runs meanwhile."""

    async def both() -> bytes:
        ready = asyncio.Event()
        with listening.bind("127.0.0.1", 0) as listener:
            port = listener.getsockname()[1]
            server = asyncio.create_task(listening.run(app, listener, ready.set))
            await ready.wait()
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                return await use(reader, writer)
            finally:
                writer.close()
                await asyncio.sleep(0.01)  # the server sees it
                server.cancel()

    return asyncio.run(both())


@pytest.mark.parametrize(
    "begun", [b"POST / HTT", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n1234"]
)  # fmt: skip
def test_a_request_that_does_not_end_is_answered_with_408_and_closed(
    begun: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "REQUEST_S", 0.1)

    async def use(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        writer.write(begun)
        return await reader.read()

    head, _, body = talk(use).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert b"application/problem+json" in head
    assert json.loads(body)["detail"] == "the request did not arrive within 0.1 s"


def test_a_request_in_pieces_and_a_pause_between_requests_are_no_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listening, "REQUEST_S", 0.2)

    async def use(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        for _ in range(2):
            writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n1234")
            await asyncio.sleep(0.02)
            writer.write(b"56789")
            await reader.readuntil(b"\r\n\r\n9")
            await asyncio.sleep(0.3)
        return b"answered twice"

    assert talk(use) == b"answered twice"


def test_an_answered_request_leaves_no_garbage() -> None:
    """What only the collector finds it looks for among all requests under way, while they wait."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await respond(scope, send, 200, b"text/plain", b"ok")

    async def use(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        for _ in range(20):
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            await reader.readuntil(b"\r\n\r\nok")
        left = sum(isinstance(one, RequestResponseCycle) for one in gc.get_objects())
        return str(left).encode()

    gc.collect()
    gc.disable()
    try:
        assert talk(use, answer) == b"1"  # the connection's latest
    finally:
        gc.enable()

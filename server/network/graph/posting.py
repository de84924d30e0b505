"""HTTP/1.1 POST over connections that are kept open: a few thousand webhooks a second on one core.

A general client spends several times the work on each request (cookies, redirects, decoding), which is too
much for three webhooks a message at 1,000 messages a second. Redirects are not followed.
"""

import asyncio
import re
import ssl
from typing import Any, NamedTuple, cast

import httptools


class Target(NamedTuple):
    """Where to post."""

    host: str
    port: int
    path: str  # with its query
    is_tls: bool
    host_header: bytes


class Reply(NamedTuple):
    """`body`: at most the first KEPT bytes."""

    status: int
    body: bytes


KEPT = 1024
MAX_HEAD = 64 * 1024
FRAMED = re.compile(rb"\r\n(?:content-length|transfer-encoding)[ \t]*:", re.IGNORECASE)  # of a head


class PostError(Exception):
    """No whole answer came."""


class Connection(asyncio.Protocol):
    """One connection to one target; one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser: Any = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[Reply] | None = None
        self._body = b""
        self._begun = b""  # of an answer that did not come in one piece: its head, or more

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def ask(self, request: bytes) -> "asyncio.Future[Reply]":
        """Send `request` (head and body); only when is_open and none is under way. PostError in the future
        when no whole answer comes."""
        assert self._transport is not None
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._answer, self._body, self._begun = answer, b"", b""
        self._transport.write(request)
        return answer

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its class

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if exc is None:
            self._end()
        self._fail("the connection was closed before a whole answer")

    def data_received(self, data: bytes) -> None:
        if self._answer is None:  # nothing was asked
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()
            self._fail("the answer is no HTTP")
        if self._answer is not None and len(self._begun) < MAX_HEAD:
            self._begun += data

    def _end(self) -> None:
        """The other side has closed: so ends an answer that does not say how long it is."""
        head, end, _ = self._begun.partition(b"\r\n\r\n")
        if end and not FRAMED.search(head) and self._answer is not None and not self._answer.done():
            self._answer.set_result(Reply(self._parser.get_status_code(), self._body))

    def on_body(self, body: bytes) -> None:
        """Called by the parser."""
        if len(self._body) < KEPT:
            self._body += body[: KEPT - len(self._body)]

    def on_message_complete(self) -> None:
        """Called by the parser."""
        status, keep = self._parser.get_status_code(), self._parser.should_keep_alive()
        if status < 200:  # an interim answer; the real one follows
            return
        answer, self._answer = self._answer, None
        if not keep:
            self.close()
        if answer is not None and not answer.done():
            answer.set_result(Reply(status, self._body))

    def _fail(self, why: str) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(PostError(why))


async def connect(target: Target) -> Connection:
    """A new connection; PostError when none can be made."""
    context = ssl.create_default_context() if target.is_tls else None
    try:
        _, connection = await asyncio.get_running_loop().create_connection(
            Connection, target.host, target.port, ssl=context
        )
    except OSError as error:
        raise PostError(f"cannot connect: {error.strerror or error}") from None
    return connection


async def get(target: Target) -> Reply:
    """One GET on a connection of its own; PostError when no whole answer comes."""
    connection = await connect(target)
    try:
        head = b"GET " + target.path.encode("ascii") + b" HTTP/1.1\r\nHost: " + target.host_header
        return await connection.ask(head + b"\r\nConnection: close\r\n\r\n")
    finally:
        connection.close()


def request_bytes(target: Target, headers: bytes, body: bytes) -> bytes:
    """A whole POST of JSON; `headers` are further lines, each ending in CRLF."""
    return b"".join(
        (
            b"POST ",
            target.path.encode("ascii"),
            b" HTTP/1.1\r\nHost: ",
            target.host_header,
            b"\r\nContent-Type: application/json\r\nContent-Length: %d\r\n" % len(body),
            headers,
            b"\r\n",
            body,
        )
    )

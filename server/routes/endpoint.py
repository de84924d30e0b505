"""A route as plain ASGI: who may call it, its body decoded, every error a problem document."""

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from time import perf_counter
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from server.http.auth import of_browser
from server.http.bodies import read_body
from server.http.listening import ABORT
from server.http.problems import MEDIA_TYPE, NOT_JSON, Problem, of_decoding
from server.http.responding import Headers, respond
from server.http.seen import Seen
from server.service import Service
from server.store.database import OutcomeUnknown, StoreUnavailable

JSON = b"application/json"
EVENTS = b"text/event-stream"
STREAM_HEADERS = [(b"content-type", EVENTS), (b"cache-control", b"no-store")]
FIRST = {"type": "http.response.start", "status": 200, "headers": STREAM_HEADERS}  # of a stream, and its end
LAST = {"type": "http.response.body", "body": b""}
BEARER = b"Bearer"
LOGIN = b'Basic realm="Wavetank: any name, the token as password", charset="UTF-8"'
UNAVAILABLE = Problem(503, "the database does not answer; nothing was changed, try again")
UNKNOWN = Problem(
    503,
    "the database was lost while it committed: all was done, or nothing; look, or repeat it with the same "
    "Idempotency-Key or message_id",
)
ESCAPED_NUL = rb"\u0000"
NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")  # not after an odd number of backslashes
END_S = 1.0  # real seconds in which a reader takes the end of a stream that is closed to it
LARGEST = 2**31 - 1  # number in a path
NO_PARAMS: Mapping[str, Any] = {}
MAX_BODY = 8 * 1024 * 1024  # bytes; 10,000 recipients with a few variables take 1.5 MB
IN_PARTS = "; send it in parts"


class Call(NamedTuple):
    """One request, authorised and decoded. `body`: the route's struct, or the bytes where it has none."""

    query: Any  # the route's struct; None where it has none
    headers: Sequence[tuple[bytes, bytes]]
    path: Mapping[str, Any]
    body: Any
    scopes: frozenset[str]

    def header(self, name: str) -> str | None:
        """The header of this name; Problem 422 when there are several: one would be ignored silently."""
        key = name.lower().encode()
        values = [value for other, value in self.headers if other == key]
        if len(values) > 1:
            raise Problem(422, "given more than once", name)
        return values[0].decode("latin-1") if values else None


Answer = tuple[int, bytes]  # status and JSON
Handler = Callable[[Service, Call], Awaitable[Answer]]
Events = AsyncGenerator[bytes, None]  # of a stream: what is sent piece by piece
StreamHandler = Callable[[Service, Call], Awaitable[Events]]


class Route(NamedTuple):
    """A line of a route table: what is served, and what server/routes/openapi.py tells of it.

    The first line of the handler's docstring is its summary. Problems that any route may have (a wrong token,
    a body of another shape, no database) need not be listed.
    """

    method: str
    path: str
    handler: Handler | StreamHandler
    scope: str | None  # None: open to everybody
    body: type | None = None  # None: the handler gets the bytes
    query: type | None = None  # None: there are no parameters, and those given are ignored
    answer: Any = None  # the type of the JSON; None where the answer is none
    status: int = 200
    problems: tuple[int, ...] = ()
    headers: tuple[str, ...] = ()  # that the handler reads
    takes: str = ""  # the media type of a body that is bytes
    gives: bytes = JSON
    streams: bool = False  # the handler gives Events instead of an answer
    browser: bool = False  # the token may also come as the password of a browser's own login


def endpoint(service: Service, route: Route) -> ASGIApp:
    return Stream(service, route) if route.streams else Endpoint(service, route)


class Endpoint:
    """No request or response object on the way."""

    def __init__(self, service: Service, route: Route) -> None:
        self._service = service
        self._handler: Any = route.handler
        self._scope = route.scope
        self._decode: Callable[[bytes], Any] | None = (
            msgspec.json.Decoder(route.body).decode if route.body is not None else None
        )
        self._body = route.body
        self._query = route.query
        self._seen = service.seen.setdefault((route.method, route.path), Seen())
        self._gives = route.gives
        self._browser = route.browser

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start_s = perf_counter()
        extra: Headers = ()
        try:
            status, body = await self._answer(scope, receive)
            media_type = self._gives
        except Problem as problem:
            status, body, media_type = problem.status, problem.document(), MEDIA_TYPE
            extra = _headers_of(problem, LOGIN if self._browser else BEARER)
        except OutcomeUnknown:
            status, body, media_type = 503, UNKNOWN.document(), MEDIA_TYPE
        except StoreUnavailable:
            status, body, media_type = 503, UNAVAILABLE.document(), MEDIA_TYPE
        self._seen.add(status, perf_counter() - start_s)
        await respond(scope, send, status, media_type, body, extra)

    async def _answer(self, scope: Scope, receive: Receive) -> Any:
        scopes: frozenset[str] = frozenset()
        if self._scope is not None:
            scopes = await self._service.admit(self._credentials(scope), self._scope)
        path = scope.get("path_params", NO_PARAMS)
        _check_path(path)
        query = _query(scope["query_string"], self._query) if self._query is not None else None
        body: Any = await read_body(scope, receive, MAX_BODY, IN_PARTS)
        if self._decode is not None:
            body = self._decoded(body)
        call = Call(query, scope["headers"], path, body, scopes)
        return await self._handler(self._service, call)

    def _credentials(self, scope: Scope) -> Headers:
        return of_browser(scope["headers"]) if self._browser else scope["headers"]

    def _decoded(self, body: bytes) -> Any:
        assert self._decode is not None
        try:
            decoded = self._decode(body)
        except NOT_JSON as error:
            raise of_decoding(error, self._body, body) from None
        if ESCAPED_NUL in body and NUL.search(body) is not None:
            raise _holds_nul(_path_of_nul(msgspec.json.decode(body), ""))
        return decoded


def _check_path(params: Mapping[str, Any]) -> None:
    """Problem for what a database cannot even look for."""
    for name, value in params.items():
        if isinstance(value, str):
            if "\0" in value:
                raise _holds_nul(name)
        elif value > LARGEST:
            raise Problem(404, f"there is none of this number; the largest is {LARGEST}", name)


def _holds_nul(field: str | None) -> Problem:
    """A database of text cannot hold this character."""
    return Problem(422, "the character NUL cannot be part of a text", field)


def _path_of_nul(value: Any, path: str) -> str | None:
    """Where in a decoded body a text holds NUL; an object whose key does is named itself. None: nowhere."""
    if isinstance(value, str):
        return path if "\0" in value else None
    items: list[tuple[str, Any]] = []
    if isinstance(value, dict):
        if any("\0" in key for key in value):
            return path
        items = [(f"{path}.{key}".lstrip("."), item) for key, item in value.items()]
    elif isinstance(value, list):
        items = [(f"{path}[{index}]", item) for index, item in enumerate(value)]
    return next((found for where, item in items if (found := _path_of_nul(item, where)) is not None), None)


def _query(text: bytes, kind: type) -> Any:
    """The parameters as a struct; Problem 422 names one that is wrong, unknown or given twice."""
    pairs = parse_qsl(text.decode("latin-1"), keep_blank_values=True, errors="replace")
    given: dict[str, str] = {}
    for name, value in pairs:
        if name in given:
            raise Problem(422, "given more than once", name)
        if "\0" in value:
            raise _holds_nul(name)
        given[name] = value
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise of_decoding(error, kind) from None


class Stream(Endpoint):
    """A route whose answer is events, until they end, their reader goes away, or its token is taken back."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            with self._service.watching.follower():
                events: Events = await self._answer(scope, receive)
                await send(FIRST)
                await _stream(events, self._taken_back(scope), scope, receive, send)
        except Problem as problem:
            await _refuse(scope, send, problem, LOGIN if self._browser else BEARER)
        except StoreUnavailable:
            await _refuse(scope, send, UNAVAILABLE, BEARER)

    def _taken_back(self, scope: Scope) -> Awaitable[None]:
        assert self._scope is not None  # nobody needs a token for what never ends
        return self._service.taken_back(self._credentials(scope), self._scope)


async def _refuse(scope: Scope, send: Send, problem: Problem, login: bytes) -> None:
    extra = _headers_of(problem, login)
    await respond(scope, send, problem.status, MEDIA_TYPE, problem.document(), extra)


async def _stream(
    events: Events, taken_back: Awaitable[None], scope: Scope, receive: Receive, send: Send
) -> None:
    gone = asyncio.ensure_future(_disconnect(receive))
    told = asyncio.ensure_future(_tell(events, send))
    closed = asyncio.ensure_future(taken_back)
    try:
        await asyncio.wait({gone, told, closed}, return_when=asyncio.FIRST_COMPLETED)
        if closed.done() and not told.done():
            closed.result()
            told.cancel()
            await asyncio.wait({told})
            await _close(scope, send, gone)
    finally:
        for one in (gone, told, closed):
            one.cancel()
    if told.done() and not told.cancelled():
        told.result()


async def _close(scope: Scope, send: Send, gone: asyncio.Future[None]) -> None:
    """Tell the reader that this is the end; one that does not take it is cut off, and holds no stream."""
    with suppress(TimeoutError):
        async with asyncio.timeout(END_S):
            await send(LAST)
            return
    abort = (scope.get("extensions") or {}).get(ABORT)
    if abort is not None:
        abort()
        await asyncio.wait({gone})


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _tell(events: Events, send: Send) -> None:
    """Each event when the reader has taken those before: a slow one holds up nobody else."""
    async with aclosing(events) as pieces:
        async for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send(LAST)


def _headers_of(problem: Problem, login: bytes) -> Headers:
    headers = []
    if problem.status == 401:
        headers.append((b"www-authenticate", login))
    if problem.retry_after_s is not None:
        headers.append((b"retry-after", b"%d" % problem.retry_after_s))
    return headers

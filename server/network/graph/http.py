"""Requests to the emulator as plain ASGI: token, body, faults, and errors in the shape of their surface."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import msgspec
from starlette.types import Receive, Scope, Send

from server.http.auth import Tokens
from server.http.bodies import read_body
from server.http.listening import ABORT
from server.http.problems import MEDIA_TYPE, NOT_JSON, Problem, of_decoding
from server.http.responding import Headers, respond
from server.network.errors import Profile, http_status, retry_after_s, sync_error
from server.network.graph.emulator import Emulator
from server.network.graph.faults import REQUEST_KINDS
from server.network.graph.parameters import of_body
from server.network.graph.refusal import ApiError

MAX_BODY = 256 * 1024  # bytes of a request in JSON


class Call(NamedTuple):
    """One authorised request. `node`: the object that the path names, or ''; `address`: the whole path."""

    emulator: Emulator
    node: str
    path: dict[str, Any]
    query: dict[str, str]
    headers: Sequence[tuple[bytes, bytes]]
    scheme: str
    body: Any
    address: str
    tokens: Tokens

    @property
    def origin(self) -> str:
        """Scheme and host, as the client wrote them."""
        return f"{self.scheme}://{self.header(b'host') or 'localhost'}"

    def header(self, name: bytes) -> str | None:
        return _header(self.headers, name)


class Answer(NamedTuple):
    body: bytes
    status: int = 200
    media_type: bytes = b"application/json"


Handler = Callable[[Call], Awaitable[Answer]]


def answer(value: object, status: int = 200) -> Answer:
    return Answer(msgspec.json.encode(value), status)


class Line(NamedTuple):
    """A line of a route table. `scope` None: open to everybody; `body` None: the handler gets the bytes."""

    method: str
    path: str
    handler: Handler
    scope: str | None = "send"
    body: Any = None
    max_body: int = MAX_BODY


class GraphEndpoint:
    """A route of the Cloud API: a refused request is answered with the platform's error object."""

    def __init__(self, emulator: Emulator, tokens: Tokens, line: Line) -> None:
        self._emulator = emulator
        self._tokens = tokens
        self._line = line

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._run(scope, receive, send)
        except ApiError as error:
            await _respond(scope, send, *refusal(error, self._emulator.settings.profile))
        except Problem as problem:
            await _respond(scope, send, *refusal(_of_problem(problem), self._emulator.settings.profile))

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> None:
        line, node = self._line, scope["path_params"].get("node", "")
        query, headers = _query(scope), scope["headers"]
        body: bytes | None = None
        if line.scope is not None:
            token = None if _header(headers, b"authorization") else query.get("access_token", "")
            if token == "" and line.max_body == MAX_BODY:
                body = await read_body(scope, receive, line.max_body)
                token = _token_in(headers, body)
            _authorise(self._tokens, headers, token, line.scope)
        if body is None:
            body = await read_body(scope, receive, line.max_body)
        drops_answer = await self._strike(scope, receive, send, node)
        if drops_answer is None:
            return
        call = Call(
            self._emulator,
            node,
            scope["path_params"],
            query,
            headers,
            scope["scheme"],
            body,
            scope["path"],
            self._tokens,
        )
        found = await line.handler(call)
        if drops_answer:
            await _abort(scope, receive, send)
            return
        await _respond(scope, send, found)

    async def _strike(self, scope: Scope, receive: Receive, send: Send, node: str) -> bool | None:
        """The faults on this request. None: it is over; True: its answer must not be sent."""
        drops_answer = False
        for fault, _ in self._emulator.faults.hits(REQUEST_KINDS, node):
            if fault.kind == "latency":
                await asyncio.sleep((fault.seconds or 0.0) / self._emulator.clock.speed)
            elif fault.kind == "error":
                raise ApiError(fault.code if fault.code is not None else 131000, "A fault that was asked for")
            elif fault.kind == "outage":
                found = Answer(b"<html>Service Unavailable</html>", fault.http, b"text/html")
                await _respond(scope, send, found)
                return None
            elif fault.kind == "drop_request":
                await _abort(scope, receive, send)
                return None
            else:
                drops_answer = True
        return drops_answer


def refusal(error: ApiError, profile: Profile) -> tuple[Answer, Headers]:
    """The platform's error object under a status profile, with the headers that go with it."""
    body = sync_error(
        error.code,
        "A" + secrets.token_urlsafe(16),
        details=error.details,
        message=error.message,
        subcode=error.subcode,
        user=error.user,
    )
    status = error.http or http_status(error.code, profile)
    extra: list[tuple[bytes, bytes]] = []
    if status == 401:
        extra.append((b"www-authenticate", b'OAuth "Wavetank" "invalid_token"'))
    if (wait_s := retry_after_s(error.code, profile)) is not None:
        extra.append((b"retry-after", b"%d" % wait_s))
    return answer(body, status), extra


class ControlEndpoint:
    """A route of the controls: errors are problem documents, as those of the server."""

    def __init__(self, emulator: Emulator, tokens: Tokens, line: Line) -> None:
        self._emulator = emulator
        self._tokens = tokens
        self._line = line
        self._decode = msgspec.json.Decoder(line.body).decode if line.body is not None else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            found = await self._run(scope, receive)
        except Problem as problem:
            found = Answer(problem.document(), problem.status, MEDIA_TYPE)
        except ApiError as error:
            found = Answer(Problem(422, error.details).document(), 422, MEDIA_TYPE)
        await _respond(scope, send, found, [(b"www-authenticate", b"Bearer")] if found.status == 401 else [])

    async def _run(self, scope: Scope, receive: Receive) -> Answer:
        if self._line.scope is not None:
            self._tokens.demand(scope["headers"], self._line.scope)
        body: Any = await read_body(scope, receive, self._line.max_body)
        if self._decode is not None:
            try:
                body = self._decode(body or b"{}")
            except NOT_JSON as error:
                raise of_decoding(error, self._line.body, body) from None
        path = scope.get("path_params", {})  # none where it came the direct way
        query, headers = _query(scope), scope["headers"]
        call = Call(
            self._emulator, "", path, query, headers, scope["scheme"], body, scope["path"], self._tokens
        )
        return await self._line.handler(call)


def _query(scope: Scope) -> dict[str, str]:
    raw = scope["query_string"]
    return dict(parse_qsl(raw.decode("latin-1"), keep_blank_values=True)) if raw else {}


def _header(headers: Sequence[tuple[bytes, bytes]], name: bytes) -> str | None:
    return next((value.decode("latin-1") for key, value in headers if key == name), None)


def _token_in(headers: Sequence[tuple[bytes, bytes]], body: bytes) -> str:
    """The parameter access_token of a body; nothing without one."""
    try:
        return str(of_body(_header(headers, b"content-type") or "", body).get("access_token", ""))
    except ApiError:
        return ""


def _authorise(
    tokens: Tokens, headers: Sequence[tuple[bytes, bytes]], token: str | None, wanted: str
) -> None:
    """By `token`, the parameter access_token; None: by the header. ApiError 190 or 10 otherwise.

    The header may call it OAuth too.
    """
    if token is None and (given := _header(headers, b"authorization") or "")[:6].lower() == "oauth ":
        token = given[6:]
    if token is not None:
        headers = [(b"authorization", b"Bearer " + token.encode())]
    try:
        tokens.demand(headers, wanted)
    except Problem as problem:
        if problem.status == 403:
            raise ApiError(10, "The token lacks the scope that is needed") from None
        raise ApiError(
            190,
            "Error validating access token",
            message="Invalid OAuth access token - Cannot parse access token",
        ) from None


def _of_problem(problem: Problem) -> ApiError:
    return ApiError(100, problem.detail, http=problem.status)


async def _respond(scope: Scope, send: Send, found: Answer, extra: Headers = ()) -> None:
    await respond(scope, send, found.status, found.media_type, found.body, extra)


async def _abort(scope: Scope, receive: Receive, send: Send) -> None:
    """Close the connection without an answer. On a server that cannot, answer 502."""
    abort = (scope.get("extensions") or {}).get(ABORT)
    if abort is None:
        await _respond(scope, send, Answer(b"", 502, b"text/plain"))
        return
    abort()
    while (await receive())["type"] != "http.disconnect":
        pass

"""A route as plain ASGI: who may call it, its body decoded, every error a problem document."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

import msgspec
from starlette.types import Receive, Scope, Send

from server.problems import MEDIA_TYPE, Problem, of_decoding
from server.service import Service
from server.store.database import StoreUnavailable

JSON = b"application/json"
UNAVAILABLE = Problem(503, "the database does not answer; nothing was changed, try again")
MAX_BODY = 8 * 1024 * 1024  # bytes; 10,000 recipients with a few variables take 1.5 MB


class Call(NamedTuple):
    """One request, authorised and decoded. `body`: the route's struct, or the bytes where it has none."""

    headers: Sequence[tuple[bytes, bytes]]
    path: dict[str, Any]
    body: Any
    scopes: frozenset[str]

    def header(self, name: bytes) -> str | None:
        return next((value.decode("latin-1") for key, value in self.headers if key == name), None)


Answer = tuple[int, bytes]  # status and JSON
Handler = Callable[[Service, Call], Awaitable[Answer]]


class Route(NamedTuple):
    """A line of a route table. `scope` None: open to everybody; `body` None: the handler gets the bytes."""

    method: str
    path: str
    handler: Handler
    scope: str | None
    body: type | None = None


class Endpoint:
    """No request or response object on the way."""

    def __init__(self, service: Service, route: Route) -> None:
        self._service = service
        self._handler = route.handler
        self._scope = route.scope
        self._decode: Callable[[bytes], Any] | None = (
            msgspec.json.Decoder(route.body).decode if route.body is not None else None
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            status, body = await self._answer(scope, receive)
            media_type = JSON
        except Problem as problem:
            status, body, media_type = problem.status, problem.document(), MEDIA_TYPE
        except StoreUnavailable:
            status, body, media_type = 503, UNAVAILABLE.document(), MEDIA_TYPE
        headers = _headers(status, body, media_type)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        scopes: frozenset[str] = frozenset()
        if self._scope is not None:
            scopes = self._service.tokens.demand(scope["headers"], self._scope)
        body: Any = await read_body(scope, receive)
        if self._decode is not None:
            try:
                body = self._decode(body)
            except msgspec.DecodeError as error:
                raise of_decoding(error) from None
        return await self._handler(self._service, Call(scope["headers"], scope["path_params"], body, scopes))


def _headers(status: int, body: bytes, media_type: bytes) -> list[tuple[bytes, bytes]]:
    headers = [(b"content-type", media_type), (b"content-length", b"%d" % len(body))]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    return headers


async def read_body(scope: Scope, receive: Receive) -> bytes:
    """The whole body; Problem 413 when it is longer than MAX_BODY, announced or not."""
    length = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    if int(length) > MAX_BODY:
        raise Problem(413, f"the body holds more than {MAX_BODY} bytes; send it in parts")
    message = await receive()
    if not message.get("more_body", False):
        return bytes(message.get("body", b""))
    body = bytearray(message["body"])
    while message.get("more_body", False):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Problem(400, "the connection was closed before the body's end")
        body += message.get("body", b"")
        if len(body) > MAX_BODY:
            raise Problem(413, f"the body holds more than {MAX_BODY} bytes; send it in parts")
    return bytes(body)

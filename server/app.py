"""The HTTP surface: routes, their scopes and bodies, and every error as a problem document."""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from server import reading, wire
from server.auth import digest
from server.delivering import Ban
from server.importing import first_rows, read_rows, report_of
from server.numbers import Numbers
from server.problems import MEDIA_TYPE, Problem, of_decoding
from server.replying import Close, Inbound
from server.sending import read_send
from server.service import Service
from server.store.database import StoreUnavailable
from server.store.tokens import IssueToken
from server.tagging import Import, Tag

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


class Endpoint:
    """One route as plain ASGI: no request or response object on the way."""

    def __init__(self, service: Service, handler: Handler, scope: str | None, body: type | None) -> None:
        self._service = service
        self._handler = handler
        self._scope = scope
        self._decode: Callable[[bytes], Any] | None = (
            msgspec.json.Decoder(body).decode if body is not None else None
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


async def send(service: Service, call: Call) -> Answer:
    request = await read_send(call.body, call.header(b"idempotency-key"), service.numbers, service.readers)
    body: bytes = await service.writer.submit(request, weight=1 + len(request.candidates))
    service.dispatcher.wake()
    return 202, body


async def batch(service: Service, call: Call) -> Answer:
    found = await service.readers.run(partial(reading.batch_progress, batch_id=call.path["batch_id"]))
    return 200, msgspec.json.encode(found)


async def tag(service: Service, call: Call) -> Answer:
    body: wire.TagBody = call.body
    if (body.contacts is None) == (body.audience is None):
        raise Problem(422, "give either contacts or audience", "contacts")
    if not body.add and not body.remove:
        raise Problem(422, "name at least one tag to add or remove", "add")
    if both := set(body.add) & set(body.remove):
        raise Problem(422, f"cannot be added and removed at once: {min(both)}", "remove")
    phones, rejected = await _checked(body.contacts or [], service.numbers)
    request = Tag(
        phones if body.audience is None else None,
        rejected,
        body.audience,
        body.add,
        body.remove,
        may_make_tags="admin" in call.scopes,
    )
    return 200, msgspec.json.encode(await service.writer.submit(request, weight=1 + len(phones)))


async def _checked(texts: Sequence[str], numbers: Numbers) -> tuple[list[str], list[wire.Rejected]]:
    """Valid numbers, and the others with their places."""
    phones = await numbers.all_normal(texts)
    pairs = list(zip(texts, phones, strict=True))
    rejected = [
        wire.Rejected(index, text, f"contacts[{index}]", "invalid_number")
        for index, (text, phone) in enumerate(pairs)
        if phone is None
    ]
    return [phone for _, phone in pairs if phone is not None], rejected


async def tag_import(service: Service, call: Call) -> Answer:
    rows = await read_rows(call.body, service.numbers)
    first = first_rows(rows)
    request = Import({phone: row.tags for phone, row in first.items()})
    unknown_tags = await service.writer.submit(request, weight=1 + len(first))
    return 200, msgspec.json.encode(report_of(rows, first, unknown_tags))


async def tag_counts(service: Service, _call: Call) -> Answer:
    return 200, msgspec.json.encode({"tags": await service.readers.run(reading.tag_counts)})


async def reply(service: Service, call: Call) -> Answer:
    body: wire.ReplyBody = call.body
    request = Inbound(_sender(service, body.from_), body.text, body.message_id)
    return 200, await service.writer.submit(request)


async def close(service: Service, call: Call) -> Answer:
    had_one = await service.writer.submit(Close(_sender(service, call.body.from_)))
    return 200, msgspec.json.encode({"conversation": "automatic", "closed": had_one})


def _sender(service: Service, text: str) -> str:
    phone = service.numbers.normal(text)
    if phone is None:
        raise Problem(422, "not a phone number with its country code, as +14155550100", "from")
    return phone


async def stats(service: Service, _call: Call) -> Answer:
    clock, lag_s = service.clock, service.dispatcher.lag_s
    found = await service.readers.run(
        partial(reading.stats, now_s=clock.now(), speed=clock.speed, lag_s=lag_s)
    )
    return 200, msgspec.json.encode(found)


async def account_list(service: Service, _call: Call) -> Answer:
    found = await service.readers.run(
        partial(reading.account_states, rules=service.scenario.pacing, now_s=service.clock.now())
    )
    return 200, msgspec.json.encode({"accounts": found})


async def ban(service: Service, call: Call) -> Answer:
    index: int = call.path["index"]
    moved = await service.writer.submit(Ban(index))
    if moved is None:
        raise Problem(404, "no such account", "index")
    service.dispatcher.wake()
    return 200, msgspec.json.encode({"index": index, "open": False, "planned_again": moved})


async def issue_token(service: Service, call: Call) -> Answer:
    token = secrets.token_urlsafe(24)
    scopes = sorted(set(call.body.scopes))
    await service.writer.submit(IssueToken(digest(token), scopes))
    service.tokens.add(digest(token), scopes)
    return 201, msgspec.json.encode({"token": token, "scopes": scopes})


async def health(service: Service, _call: Call) -> Answer:
    if not service.is_alive:
        raise Problem(503, "the server no longer sends; see its log and start it again")
    return 200, b'{"status":"ok"}'


# method, path, handler, scope, body
ROUTES: tuple[tuple[str, str, Handler, str | None, type | None], ...] = (
    ("POST", "/send", send, "send", wire.SendBody),
    ("GET", "/send/{batch_id}", batch, "read", None),
    ("POST", "/reply", reply, "reply", wire.ReplyBody),
    ("POST", "/reply/close", close, "reply", wire.CloseBody),
    ("POST", "/tag", tag, "tag", wire.TagBody),
    ("GET", "/tag", tag_counts, "read", None),
    ("POST", "/tag/import", tag_import, "tag", None),
    ("GET", "/stats", stats, "read", None),
    ("GET", "/accounts", account_list, "read", None),
    ("POST", "/emulator/accounts/{index:int}/ban", ban, "admin", None),
    ("POST", "/tokens", issue_token, "admin", wire.TokenBody),
    ("GET", "/healthz", health, None, None),
)


def make_app(service: Service) -> Starlette:
    """The ASGI application of an open service."""
    routes = [
        Route(path, Endpoint(service, handler, scope, body), methods=[method])
        for method, path, handler, scope, body in ROUTES
    ]
    return Starlette(routes=routes, exception_handlers={HTTPException: _http_problem, Exception: _failure})


async def _http_problem(_request: Request, error: Exception) -> Response:
    """What Starlette itself refuses: no such route, or not with this method."""
    assert isinstance(error, HTTPException)
    problem = Problem(error.status_code, "see docs/server.md for the routes")
    return Response(problem.document(), error.status_code, error.headers, MEDIA_TYPE.decode())


async def _failure(_request: Request, _error: Exception) -> Response:
    """A fault of ours; Starlette raises it on, so that it is logged with its traceback."""
    problem = Problem(500, "the server failed; its log says why")
    return Response(problem.document(), 500, media_type=MEDIA_TYPE.decode())

"""Several requests in one: POST to the root with `batch`, as the Graph API has it.

Documented: at most 50, each with method, relative_url and body; the answers in the same order, each with
code, headers (unless include_headers is false) and body as text, null for one that came to no end; one token
for all, or another for each. Assumed: they run one after the other. Not emulated: operations that use the
answers of others (depends_on), and attached files.
"""

from typing import Annotated, Any
from urllib.parse import SplitResult, unquote, urlsplit

import msgspec
from msgspec import Meta, Struct
from starlette.types import ASGIApp, Message, Scope

from server.http.listening import ABORT
from server.network.graph.http import Answer, Call, answer, refusal
from server.network.graph.outgoing import of_validation
from server.network.graph.parameters import FORM, of_body
from server.network.graph.refusal import ApiError, invalid_parameter, unknown_object
from server.network.graph.requests import parameters_of

MOST = 50
METHODS = ("GET", "POST", "DELETE")
TOKEN = "access_token"


class Operation(Struct, frozen=True):
    """One request. Unknown keys are ignored, its own headers too."""

    method: str
    relative_url: Annotated[str, Meta(min_length=1, max_length=8192)]
    body: str | dict[str, Any] = ""
    depends_on: str | None = None
    attached_files: str | None = None


class Header(Struct, frozen=True):
    name: str
    value: str


class Response(Struct, frozen=True, omit_defaults=True):
    """Of one operation. `headers` empty: not asked for."""

    code: int
    body: str
    headers: tuple[Header, ...] = ()


class Batch:
    """The handler of a batch; `app` serves a single request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, call: Call) -> Answer:
        given = parameters_of(call)
        operations = _read(given)
        with_headers = str(given.get("include_headers", True)).lower() not in ("false", "0")
        token = _authorization(call)
        return answer([await self._run(call, one, token, with_headers=with_headers) for one in operations])

    async def _run(
        self, call: Call, operation: Operation, token: bytes, *, with_headers: bool
    ) -> Response | None:
        url = _url(operation)
        if url is None or operation.method.upper() not in METHODS:
            profile = call.emulator.settings.profile
            refused, _ = refusal(unknown_object(operation.relative_url), profile)
            return _response(refused.status, [], refused.body)
        sent = _sent(operation)
        got = Exchange(sent)
        scope = _scope(call, operation.method.upper(), url, sent, token)
        scope["extensions"] = {ABORT: got.abort}
        await self._app(scope, got.receive, got.send)
        if got.is_aborted:
            return None
        return _response(got.status, got.headers if with_headers else [], got.body)


class Exchange:
    """One request and its answer without a connection between them."""

    def __init__(self, sent: bytes) -> None:
        self._sent: list[Message] = [{"type": "http.request", "body": sent, "more_body": False}]
        self.is_aborted = False
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""

    def abort(self) -> None:
        """In place of an answer."""
        self.is_aborted = True

    async def receive(self) -> Message:
        return self._sent.pop() if self._sent else {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message["headers"])
        else:
            self.body += message.get("body", b"")


def _read(given: dict[str, Any]) -> list[Operation]:
    """ApiError for what is no batch, or one that is not emulated."""
    if "batch" not in given:
        raise unknown_object("/")
    if not isinstance(given["batch"], list):
        raise invalid_parameter("batch", "a list of objects in JSON")
    if len(given["batch"]) > MOST:
        why = f"Too many requests in batch message. Maximum batch size is {MOST}"
        raise ApiError(100, why, message=why)
    try:
        operations = msgspec.convert(given["batch"], list[Operation])
    except msgspec.ValidationError as error:
        raise of_validation(error, list[Operation]) from None
    if any(one.depends_on is not None or one.attached_files is not None for one in operations):
        raise ApiError(100, "batch: depends_on and attached_files are not emulated; send these one by one")
    return operations


def _sent(operation: Operation) -> bytes:
    if isinstance(operation.body, str):
        return operation.body.encode()
    return msgspec.json.encode(operation.body)


def _url(operation: Operation) -> SplitResult | None:
    """None for what no URL can be."""
    try:
        return urlsplit(operation.relative_url)
    except ValueError:
        return None


def _scope(call: Call, method: str, url: SplitResult, sent: bytes, token: bytes) -> Scope:
    headers = [
        (b"host", (call.header(b"host") or "localhost").encode("latin-1")),
        (b"content-type", FORM.encode()),
        (b"content-length", b"%d" % len(sent)),
    ]
    if not _has_token(url.query, sent):
        headers.append((b"authorization", token))
    return {
        "type": "http",
        "method": method,
        "scheme": call.scheme,
        "path": "/" + unquote(url.path).lstrip("/"),
        "query_string": url.query.encode(),
        "root_path": "",
        "headers": headers,
    }


def _has_token(query: str, sent: bytes) -> bool:
    try:
        return TOKEN in of_body(FORM, query.encode()) or TOKEN in of_body(FORM, sent)
    except ApiError:  # which the operation itself will answer
        return False


def _authorization(call: Call) -> bytes:
    """The batch's own, for operations without a token."""
    given = call.header(b"authorization")
    if given is None:
        body = of_body(call.header(b"content-type") or "", call.body)
        given = f"Bearer {call.query.get(TOKEN) or body.get(TOKEN, '')}"
    return given.encode("latin-1", "replace")


def _response(status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> Response:
    shown = tuple(Header(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)
    return Response(status, body.decode("utf-8", "replace"), shown)

"""A whole response: in one write where the server can, else as ASGI has it."""

from collections.abc import Sequence

from starlette.types import Scope, Send

from server.listening import ANSWER

Headers = Sequence[tuple[bytes, bytes]]


async def respond(scope: Scope, send: Send, status: int, headers: Headers, body: bytes) -> None:
    """`headers` must say how long the body is."""
    extensions = scope.get("extensions")
    answer = extensions.get(ANSWER) if extensions else None
    if answer is not None and answer(status, b"".join([b"%s: %s\r\n" % header for header in headers]), body):
        return
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": body})

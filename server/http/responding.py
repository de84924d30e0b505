"""A whole response: in one write where the server can, else as ASGI has it."""

from collections.abc import Sequence

from starlette.types import Scope, Send

from server.http.listening import ANSWER

Headers = Sequence[tuple[bytes, bytes]]


async def respond(
    scope: Scope, send: Send, status: int, media_type: bytes, body: bytes, extra: Headers = ()
) -> None:
    """`extra`: headers beside those of every answer."""
    extensions = scope.get("extensions")
    answer = extensions.get(ANSWER) if extensions else None
    if answer is not None:
        lines = b"content-type: %s\r\ncontent-length: %d\r\n" % (media_type, len(body))
        if extra:
            lines += b"".join([b"%s: %s\r\n" % header for header in extra])
        if answer(status, lines, body):
            return
    headers = [(b"content-type", media_type), (b"content-length", b"%d" % len(body)), *extra]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

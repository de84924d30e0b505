"""The body of a request, up to a size."""

from starlette.types import Receive, Scope

from server.http.problems import Problem


async def read_body(scope: Scope, receive: Receive, most: int, mend: str = "") -> bytes:
    """The whole body; Problem 413, with what to do about it, when it is longer than `most` bytes.

    One that is announced as longer is not read. The HTTP parser has seen to it that the length is a number.
    """
    for name, value in scope["headers"]:
        if name == b"content-length" and int(value) > most:
            raise _too_long(most, mend)
    message = await receive()
    if not message.get("more_body", False):
        return bytes(message.get("body", b""))
    body = bytearray(message["body"])
    while message.get("more_body", False):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Problem(400, "the connection was closed before the body's end")
        body += message.get("body", b"")
        if len(body) > most:
            raise _too_long(most, mend)
    return bytes(body)


def _too_long(most: int, mend: str) -> Problem:
    return Problem(413, f"the body holds more than {most} bytes{mend}")

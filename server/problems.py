"""Errors as RFC 9457 problem documents."""

import re
from http import HTTPStatus

import msgspec

MEDIA_TYPE = b"application/problem+json"
# What decoding raises for bytes that are no JSON, no UTF-8, or nested deeper than Python can go.
NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class ProblemDocument(msgspec.Struct, frozen=True):
    """What went wrong (RFC 9457); `field` is the path of what is wrong in the request."""

    type: str
    title: str
    status: int
    detail: str
    field: str | None


class Problem(Exception):
    """An error that its caller is told: `field` is the path of what is wrong, as `recipients[3].to`."""

    def __init__(
        self, status: int, detail: str, field: str | None = None, *, retry_after_s: int | None = None
    ) -> None:
        """`retry_after_s`: real seconds after which the same request may be taken."""
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.field = field
        self.retry_after_s = retry_after_s

    def document(self) -> bytes:
        """The body; `type` is about:blank, so `title` is the status's own phrase."""
        title = HTTPStatus(self.status).phrase
        return msgspec.json.encode(
            ProblemDocument("about:blank", title, self.status, self.detail, self.field)
        )


def of_decoding(error: msgspec.DecodeError | UnicodeDecodeError | RecursionError) -> Problem:
    """400 for what is no JSON, 422 naming the field for JSON of another shape."""
    if isinstance(error, UnicodeDecodeError):
        return Problem(400, "the body is not valid JSON: it is not UTF-8 text")
    if isinstance(error, RecursionError):
        return Problem(400, "the body is nested too deeply")
    if not isinstance(error, msgspec.ValidationError):
        return Problem(400, f"the body is not valid JSON: {error}")
    what, _, where = str(error).partition(" - at `$")
    path = where.rstrip("`").lstrip(".")
    if name := re.search(r"(?:unknown|required) field `(.*)`", what, re.DOTALL):
        return Problem(422, what, f"{path}.{name[1]}".lstrip("."))
    return Problem(422, what, path or None)

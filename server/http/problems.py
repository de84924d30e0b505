"""Errors as RFC 9457 problem documents."""

from codecs import BOM_UTF8
from http import HTTPStatus
from typing import Any

import msgspec

from server.http.explaining import NOT_JSON, fault_of

__all__ = ["MEDIA_TYPE", "NOT_JSON", "Problem", "ProblemDocument", "of_decoding"]

MEDIA_TYPE = b"application/problem+json"
GZIP = b"\x1f\x8b"


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


def of_decoding(
    error: msgspec.DecodeError | UnicodeDecodeError | RecursionError, kind: Any, raw: bytes | None = None
) -> Problem:
    """400 for what is no JSON, 422 naming the field for JSON of another shape than `kind`.

    `raw`: the body; None for the parameters of a query.
    """
    if isinstance(error, UnicodeDecodeError):
        return Problem(400, "the body is not valid JSON: it is not UTF-8 text")
    if isinstance(error, RecursionError):
        return Problem(400, "the body is nested too deeply")
    if not isinstance(error, msgspec.ValidationError):
        return Problem(400, _no_json(error, raw or b""))
    fault = fault_of(error, kind, raw)
    return Problem(422, fault.what, fault.path)


def _no_json(error: msgspec.DecodeError, raw: bytes) -> str:
    if not raw.strip():
        return "the body is empty; it must be JSON"
    if raw.startswith(BOM_UTF8):
        return "the body is not valid JSON: it begins with a byte order mark; leave that out"
    if raw.startswith(GZIP):
        return "the body is compressed; send it as it is"
    return f"the body is not valid JSON: {error}"

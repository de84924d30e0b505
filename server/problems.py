"""Errors as RFC 9457 problem documents."""

import json
import re
from http import HTTPStatus

import msgspec

MEDIA_TYPE = b"application/problem+json"


class Problem(Exception):
    """An error that its caller is told: `field` is the path of what is wrong, as `recipients[3].to`."""

    def __init__(self, status: int, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.field = field

    def document(self) -> bytes:
        """The body; `type` is about:blank, so `title` is the status's own phrase."""
        return json.dumps(
            {
                "type": "about:blank",
                "title": HTTPStatus(self.status).phrase,
                "status": self.status,
                "detail": self.detail,
                "field": self.field,
            },
            ensure_ascii=False,
        ).encode()


def of_decoding(error: msgspec.DecodeError) -> Problem:
    """400 for what is no JSON, 422 naming the field for JSON of another shape."""
    if not isinstance(error, msgspec.ValidationError):
        return Problem(400, f"the body is not valid JSON: {error}")
    what, _, where = str(error).partition(" - at `$")
    path = where.rstrip("`").lstrip(".")
    if name := re.search(r"(?:unknown|required) field `(\w+)`", what):
        path = f"{path}.{name[1]}".lstrip(".")
    return Problem(422, what, path or None)

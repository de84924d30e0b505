"""The parameters that a request's body holds: as JSON, as a form, or as a form in parts."""

import io
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import python_multipart
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from server.http.problems import NOT_JSON
from server.network.graph.refusal import ApiError

FORM, PARTS = "application/x-www-form-urlencoded", "multipart/form-data"


def is_json(kind: str, body: bytes) -> bool:
    """Whether a body is JSON, by its content type or its first byte: curl calls all that it sends a form."""
    return body[:1] in (b"{", b"[") or (bool(body) and not kind.startswith((FORM, PARTS)))


def of_body(kind: str, body: bytes) -> dict[str, Any]:
    """What a body of this content type holds; files of parts are left out.

    A form's values are text, or JSON where that is an object or a list. ApiError 100 for what cannot be read.
    """
    if is_json(kind, body):
        return _object(body)
    pairs = _parts(kind, body) if kind.startswith(PARTS) else _fields(body)
    return {name: from_text(text) for name, text in pairs}


def _object(body: bytes) -> dict[str, Any]:
    """The object in JSON, or in a text in JSON: pywa encodes some bodies twice."""
    try:
        given = msgspec.json.decode(body, type=dict[str, Any] | str)
        return given if isinstance(given, dict) else msgspec.json.decode(given, type=dict[str, Any])
    except NOT_JSON as error:
        raise ApiError(100, f"The request body is not valid JSON: {error}") from None


def _fields(body: bytes) -> list[tuple[str, str]]:
    return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)


def _parts(kind: str, body: bytes) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []

    def keep(field: Any) -> None:
        name, value = field.field_name or b"", field.value or b""
        pairs.append((name.decode("utf-8", "replace"), value.decode("utf-8", "replace")))

    headers = {"Content-Type": kind.encode("latin-1")}
    if b"boundary" not in parse_options_header(headers["Content-Type"])[1]:  # the parser would log it
        raise ApiError(100, "The form cannot be read: its content type names no boundary")
    try:
        python_multipart.parse_form(headers, io.BytesIO(body), keep, None)
    except FormParserError as error:
        raise ApiError(100, f"The form cannot be read: {error}") from None
    return pairs


def from_text(text: str) -> Any:
    """What a text stands for: itself, but for an object or a list in JSON."""
    if text[:1] not in ("{", "["):
        return text
    try:
        return msgspec.json.decode(text)
    except NOT_JSON:
        return text

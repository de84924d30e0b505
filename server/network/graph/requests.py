"""What the routes of the Cloud API read from a call in the same way."""

import io
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec
import python_multipart
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from server.network.graph.digits import whole
from server.network.graph.http import Call, answer
from server.network.graph.numbers import Account
from server.network.graph.refusal import ApiError, unknown_object
from server.problems import NOT_JSON

SUCCESS = answer({"success": True})
PAGE, MAX_PAGE = 25, 1000
CREDENTIALS = ("access_token", "appsecret_proof")  # of a query: no parameters; the proof is not checked
_NESTED = re.compile(r"\{[^{}]*\}|\.\w+(?:\([^()]*\))?")
_NAME = re.compile(r"\w+")
_FORM, _PARTS = "application/x-www-form-urlencoded", "multipart/form-data"


def account_of(call: Call) -> Account:
    account = call.emulator.account
    if call.node != account.waba_id:
        raise unknown_object(call.node)
    return account


def parameters_of(call: Call) -> dict[str, Any]:
    """What a request asks for: the parameters of its query, and over them those of its body.

    The body may be JSON, a form, or a form in parts (whose files are left out). A form's values are text, or
    JSON where that is an object or a list. ApiError 100 for a body that is none of these.
    """
    given = {name: from_text(text) for name, text in call.query.items() if name not in CREDENTIALS}
    given.update(_of_body(call))
    return given


def json_of(call: Call) -> bytes:
    """The same as JSON: the body's own bytes where it is JSON already."""
    return bytes(call.body) if _is_json(call) else msgspec.json.encode(parameters_of(call))


def _is_json(call: Call) -> bool:
    """By its first byte too: curl calls all that it sends a form."""
    return call.body[:1] in (b"{", b"[") or (bool(call.body) and not _kind(call).startswith((_FORM, _PARTS)))


def _kind(call: Call) -> str:
    return call.header(b"content-type") or ""


def _of_body(call: Call) -> dict[str, Any]:
    if _is_json(call):
        try:
            given: dict[str, Any] = msgspec.json.decode(call.body, type=dict[str, Any])
        except NOT_JSON as error:
            raise ApiError(100, f"The request body is not valid JSON: {error}") from None
        return given
    pairs = _parts(call) if _kind(call).startswith(_PARTS) else _fields(call.body)
    return {name: from_text(text) for name, text in pairs}


def _fields(body: bytes) -> list[tuple[str, str]]:
    return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)


def _parts(call: Call) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []

    def keep(field: Any) -> None:
        name, value = field.field_name or b"", field.value or b""
        pairs.append((name.decode("utf-8", "replace"), value.decode("utf-8", "replace")))

    headers = {"Content-Type": _kind(call).encode("latin-1")}
    if b"boundary" not in parse_options_header(headers["Content-Type"])[1]:  # the parser would log it
        raise ApiError(100, "The form cannot be read: its content type names no boundary")
    try:
        python_multipart.parse_form(headers, io.BytesIO(call.body), keep, None)
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


def selected(call: Call, whole: Mapping[str, Any], *, with_id: bool = True) -> dict[str, Any]:
    """The fields that the query asks for, and the id; all without a query.

    What is asked of a field itself, as in `throughput{level}` or `qr_image_url.format(SVG)`, is left out.
    """
    wanted = call.query.get("fields")
    if not wanted:
        return dict(whole)
    names = set(_NAME.findall(_NESTED.sub("", wanted)))
    if with_id:
        names.add("id")
    return {name: value for name, value in whole.items() if name in names}


def page_of(call: Call, rows: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """A page of rows by the query's limit and cursors, which are places in the list."""
    size = min(whole(call.query.get("limit", "")) or PAGE, MAX_PAGE)
    start, before = whole(call.query.get("after", "")) or 0, whole(call.query.get("before", ""))
    if before is not None:
        start = max(0, before - size)
    page = [selected(call, row) for row in rows[start : start + size]]
    paging: dict[str, Any] = {"cursors": {"before": str(start), "after": str(start + len(page))}}
    if start + size < len(rows):
        paging["next"] = _page_url(call, limit=size, after=start + size)
    if start:
        paging["previous"] = _page_url(call, limit=size, before=start)
    return page, paging


def _page_url(call: Call, **place: int) -> str:
    """The same request at another place of the list."""
    kept = {name: text for name, text in call.query.items() if name not in ("limit", "after", "before")}
    return f"{call.origin}{call.address}?{urlencode({**kept, **place})}"

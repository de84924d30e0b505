"""What the routes of the Cloud API read from a call in the same way."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec

from server.network.graph.digits import whole
from server.network.graph.http import Call, answer
from server.network.graph.numbers import Account
from server.network.graph.parameters import from_text, is_json, of_body
from server.network.graph.refusal import unknown_object

SUCCESS = answer({"success": True})
PAGE, MAX_PAGE = 25, 1000
CREDENTIALS = ("access_token", "appsecret_proof")  # no parameters; the proof is not checked
_MODIFIER = re.compile(r"\.\w+")  # of a field: .format(SVG), .limit(5)
_NAME = re.compile(r"\w+")


def account_of(call: Call) -> Account:
    account = call.emulator.account
    if call.node != account.waba_id:
        raise unknown_object(call.node)
    return account


def parameters_of(call: Call) -> dict[str, Any]:
    """What a request asks for: the parameters of its query, and over them those of its body.

    ApiError 100 for a body that cannot be read (`parameters.of_body`).
    """
    given = {name: from_text(text) for name, text in call.query.items()}
    given.update(of_body(_kind(call), call.body))
    return {name: value for name, value in given.items() if name not in CREDENTIALS}


def json_of(call: Call) -> bytes:
    """The same as JSON: the body's own bytes where it is JSON already."""
    return bytes(call.body) if is_json(_kind(call), call.body) else msgspec.json.encode(parameters_of(call))


def _kind(call: Call) -> str:
    return call.header(b"content-type") or ""


def selected(call: Call, whole: Mapping[str, Any], *, with_id: bool = True) -> dict[str, Any]:
    """The fields that the query asks for, and the id; all without a query.

    What is asked of a field itself, as in `throughput{level}` or `qr_image_url.format(SVG)`, is left out.
    """
    wanted = call.query.get("fields")
    if not wanted:
        return dict(whole)
    names = set(_NAME.findall(_MODIFIER.sub("", _outermost(wanted))))
    if with_id:
        names.add("id")
    return {name: value for name, value in whole.items() if name in names}


def _outermost(text: str) -> str:
    """What is in no brackets."""
    depth, kept = 0, []
    for sign in text:
        depth += sign in "{("
        if not depth:
            kept.append(sign)
        elif sign in "})":
            depth -= 1
    return "".join(kept)


def page_of(call: Call, rows: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """A page of rows by the query's limit and cursors, which are places in the list."""
    size = min(whole(call.query.get("limit", "")) or PAGE, MAX_PAGE)
    start, before = whole(call.query.get("after", "")) or 0, whole(call.query.get("before", ""))
    end = start + size
    if before is not None:
        end = min(before, len(rows))
        start = max(0, end - size)
    page = [selected(call, row) for row in rows[start:end]]
    paging: dict[str, Any] = {"cursors": {"before": str(start), "after": str(start + len(page))}}
    if end < len(rows):
        paging["next"] = _page_url(call, limit=size, after=end)
    if start:
        paging["previous"] = _page_url(call, limit=size, before=start)
    return page, paging


def _page_url(call: Call, **place: int) -> str:
    """The same request at another place of the list."""
    kept = {name: text for name, text in call.query.items() if name not in ("limit", "after", "before")}
    return f"{call.origin}{call.address}?{urlencode({**kept, **place})}"

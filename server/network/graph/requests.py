"""What the routes of the Cloud API read from a call in the same way."""

from typing import Any

import msgspec

from server.network.graph.http import Call, answer
from server.network.graph.numbers import Account
from server.network.graph.refusal import ApiError, unknown_object

SUCCESS = answer({"success": True})
MAX_PAGE = 1000


def account_of(call: Call) -> Account:
    account = call.emulator.account
    if call.node != account.waba_id:
        raise unknown_object(call.node)
    return account


def object_of(call: Call) -> dict[str, Any]:
    try:
        given = msgspec.json.decode(call.body, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise ApiError(100, f"The request body is not valid JSON: {error}") from None
    return given


def page_of(call: Call, rows: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """A page of rows by the query's limit and cursors, which are places in the list."""
    limit = call.query.get("limit", "25")
    size = min(int(limit), MAX_PAGE) if limit.isdecimal() and int(limit) else 25
    after, before = call.query.get("after", ""), call.query.get("before", "")
    start = int(after) if after.isdecimal() else 0
    if before.isdecimal():
        start = max(0, int(before) - size)
    page = rows[start : start + size]
    paging: dict[str, Any] = {"cursors": {"before": str(start), "after": str(start + len(page))}}
    if start + size < len(rows):
        paging["next"] = f"?limit={size}&after={start + size}"
    return page, paging

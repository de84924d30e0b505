"""Flows of a business account: forms that customers fill in. Kept, published, and looked at when sent.

Shapes and statuses: the platform's published OpenAPI file (v23.0) and its pages on flows. What a flow shows
is not emulated: its JSON is looked at only as far as `faults_of` says, and its endpoint is never called.
"""

import re
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any, Literal

import msgspec
from msgspec import Struct, field

from server.http.explaining import NOT_JSON
from server.network.graph.parameters import from_text
from server.network.graph.refusal import ApiError, invalid_parameter

Status = Literal["DRAFT", "PUBLISHED", "DEPRECATED", "BLOCKED", "THROTTLED"]
CATEGORIES = (
    "SIGN_UP",
    "SIGN_IN",
    "APPOINTMENT_BOOKING",
    "LEAD_GENERATION",
    "CONTACT_US",
    "CUSTOMER_SUPPORT",
    "SURVEY",
    "OTHER",
)
FIRST_ID = 8_000_000_000_001
NOT_CHANGED, NOT_PUBLISHED, NOT_DEPRECATED, NOT_DELETED = 139001, 139002, 139003, 139004
BLOCKED, THROTTLED, INVALID = 132068, 132069, 131009
VERSIONS = ("version", "data_api_version")
MOST_KEPT = 64 * 1024 * 1024  # characters of all flows' JSON
MOST_THROTTLED, HOUR_S = 10, 3600.0  # messages with a throttled flow in an hour (platform 1.3)


class Flow(Struct, kw_only=True):
    """One flow. `content` is its JSON as it came, None: none yet; times in Unix seconds."""

    id: str
    name: str
    categories: list[str]
    status: Status = "DRAFT"
    endpoint_uri: str | None = None
    content: str | None = None
    json_version: str | None = None  # as the content says
    data_api_version: str | None = None
    faults: list[dict[str, Any]] = field(default_factory=list)  # of the content
    updated_s: float
    sent_s: deque[float] = field(default_factory=deque)  # of messages while it is throttled

    def check_send(self, mode: str, now_s: float) -> None:
        """ApiError for a flow that cannot be sent now; `mode`: draft or published."""
        if self.status == "BLOCKED":
            raise ApiError(BLOCKED, f"The flow {self.id} is blocked")
        if self.status == "DEPRECATED":
            raise ApiError(INVALID, f"Parameter flow_id is not valid: the flow {self.id} is deprecated")
        if (self.status == "DRAFT") != (mode == "draft"):
            why = f"the flow {self.id} is {self.status}, the mode {mode}"
            raise ApiError(INVALID, f"Parameter mode is not valid: {why}")
        if self.status == "THROTTLED":
            while self.sent_s and self.sent_s[0] <= now_s - HOUR_S:
                self.sent_s.popleft()
            if len(self.sent_s) >= MOST_THROTTLED:
                raise ApiError(THROTTLED, f"{MOST_THROTTLED} messages an hour may carry a throttled flow")

    def note_sent(self, now_s: float) -> None:
        """A message with it was accepted."""
        if self.status == "THROTTLED":
            self.sent_s.append(now_s)


class Flows:
    """All flows of one business account."""

    def __init__(self) -> None:
        self._by_id: dict[str, Flow] = {}
        self._next_id = count(FIRST_ID)

    def __iter__(self) -> Iterator[Flow]:
        return iter(self._by_id.values())

    def get(self, flow_id: str) -> Flow | None:
        return self._by_id.get(flow_id)

    def named(self, name: str) -> Flow | None:
        return next((one for one in self if one.name == name), None)

    def add(self, given: dict[str, Any], now_s: float) -> Flow:
        """A new draft from a request's parameters; ApiError 100 for what cannot be one."""
        name, source = self._free_name(given.get("name")), given.get("clone_flow_id")
        cloned = self._by_id.get(str(source)) if source is not None else None
        if source is not None and cloned is None:
            raise invalid_parameter("clone_flow_id", "the id of a flow of this account")
        flow = Flow(
            id=str(next(self._next_id)),
            name=name,
            categories=checked_categories(given.get("categories")),
            endpoint_uri=_endpoint(given, cloned),
            updated_s=now_s,
        )
        content = given.get("flow_json", cloned.content if cloned is not None else None)
        if content is not None:
            text = content if isinstance(content, str) else msgspec.json.encode(content).decode()
            self.set_content(flow, text, now_s)
        self._by_id[flow.id] = flow
        return flow

    def set_content(self, flow: Flow, content: str, now_s: float) -> None:
        """Another JSON, sound or not; only of a draft."""
        if flow.status != "DRAFT":
            raise ApiError(NOT_CHANGED, "The JSON of a flow that was published cannot be updated")
        others = sum(len(one.content or "") for one in self if one is not flow)
        if others + len(content) > MOST_KEPT:
            raise ApiError(NOT_CHANGED, f"The emulator keeps at most {MOST_KEPT} characters of flows in all")
        flow.content, flow.faults, flow.updated_s = content, faults_of(content), now_s
        flow.json_version, flow.data_api_version = _versions_in(content)

    def change(self, flow: Flow, given: dict[str, Any], now_s: float) -> None:
        """Name, categories and endpoint of a draft."""
        if flow.status != "DRAFT":
            raise ApiError(NOT_CHANGED, "A flow that was published cannot be updated")
        name, categories, endpoint = flow.name, flow.categories, _endpoint(given, flow)
        if given.get("name", name) != name:
            name = self._free_name(given["name"])
        if "categories" in given:
            categories = checked_categories(given["categories"])
        flow.name, flow.categories, flow.endpoint_uri, flow.updated_s = name, categories, endpoint, now_s

    def remove(self, flow: Flow) -> None:
        if flow.status != "DRAFT":
            raise ApiError(NOT_DELETED, "Only a draft can be deleted; deprecate a published flow")
        del self._by_id[flow.id]

    def _free_name(self, name: object) -> str:
        if not isinstance(name, str) or not name:
            raise invalid_parameter("name", "the name of the flow")
        if self.named(name) is not None:
            raise invalid_parameter("name", "a name that no other flow of this account has")
        return name


def _endpoint(given: dict[str, Any], before: Flow | None) -> str | None:
    uri = given.get("endpoint_uri", before.endpoint_uri if before is not None else None)
    if uri is not None and not str(uri).startswith(("https://", "http://")):
        raise invalid_parameter("endpoint_uri", "a URL")
    return str(uri) if uri is not None else None


def checked_categories(given: object) -> list[str]:
    """ApiError 100 unless it is a list, or JSON of one, of one or more of CATEGORIES."""
    given = from_text(given) if isinstance(given, str) else given
    if not isinstance(given, list) or not given or not all(one in CATEGORIES for one in given):
        raise invalid_parameter("categories", f"a list of one or more of {', '.join(CATEGORIES)}")
    return list(dict.fromkeys(given))


def check_publish(flow: Flow, has_key: bool) -> None:
    """ApiError 139002 for a flow that cannot be published; `has_key`: a number has a public key."""
    if flow.status != "DRAFT":
        why = f"it is {flow.status}, and only a draft can be published"
    elif flow.content is None:
        why = "it has no JSON yet"
    elif flow.faults:
        why = f"its JSON has faults: {flow.faults[0]['message']}"
    elif flow.data_api_version is not None and flow.endpoint_uri is None:
        why = "its JSON has a data_api_version, so endpoint_uri must be set"
    elif flow.endpoint_uri is not None and not has_key:
        why = "it has an endpoint, so a number must have a public key (whatsapp_business_encryption)"
    else:
        return
    raise ApiError(NOT_PUBLISHED, f"The flow cannot be published: {why}")


def check_deprecate(flow: Flow) -> None:
    """ApiError 139003 unless it was published and is not deprecated yet."""
    if flow.status in ("DRAFT", "DEPRECATED"):
        raise ApiError(NOT_DEPRECATED, f"Only a published flow can be deprecated; this one is {flow.status}")


def faults_of(content: str) -> list[dict[str, Any]]:
    """As the platform lists validation errors; whether it is JSON with a version and named screens."""
    try:
        given = msgspec.json.decode(content)
    except NOT_JSON as error:
        return [_fault("INVALID_JSON", "The flow is not valid JSON.", *_place(content, str(error)))]
    if not isinstance(given, dict):
        return [_fault("INVALID_PROPERTY_TYPE", "The flow must be an object.")]
    faults = []
    if not isinstance(given.get("version"), str):
        faults.append(_fault("MISSING_REQUIRED_PROPERTY", "The flow needs the property 'version', a text."))
    screens = given.get("screens")
    if not isinstance(screens, list) or not screens:
        why = "The flow needs the property 'screens', a list that is not empty."
        return [*faults, _fault("MISSING_REQUIRED_PROPERTY", why)]
    ids = [one.get("id") if isinstance(one, dict) else None for one in screens]
    if not _are_different(ids):
        faults.append(_fault("INVALID_PROPERTY_VALUE", "Each screen needs an 'id' of its own."))
    return faults


def _place(content: str, why: str) -> tuple[int, int]:
    """Line and column, from 1, of the byte that is wrong; of the end where none is named."""
    found = re.search(r"\(byte (\d+)\)", why)
    before = content.encode()[: int(found[1]) if found else None].decode("utf-8", "replace")
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def _are_different(ids: Sequence[object]) -> bool:
    return all(isinstance(one, str) and one for one in ids) and len(set(ids)) == len(ids)


def _fault(error: str, message: str, line: int = 1, column: int = 1) -> dict[str, Any]:
    return {
        "error": error,
        "error_type": "FLOW_JSON_ERROR",
        "message": message,
        "line_start": line,
        "line_end": line,
        "column_start": column,
        "column_end": column,
    }


def _versions_in(content: str) -> list[str | None]:
    """The texts of VERSIONS at the top of a JSON text; None where there is none."""
    try:
        given = msgspec.json.decode(content)
    except NOT_JSON:
        given = None
    found = [given.get(name) if isinstance(given, dict) else None for name in VERSIONS]
    return [str(value) if value is not None else None for value in found]

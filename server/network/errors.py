"""The platform's error codes: what each means, its HTTP status under a named profile, where it arrives.

Meanings and places follow copies of the platform's error pages (platform facts 1.2 and 1.3). Copies disagree
on the HTTP status of rate limits, so it is a profile:

- `modern` (default): 400 for them all, as later copies and test doubles of 2026 have it;
- `legacy`: 429, as the tables of 2022 to 2024 have it;
- `mixed`: what one captured account showed: 130429 is 429 with Retry-After, 131056 is 400.

Where a code arrives is a table too: some are documented as synchronous *or* by webhook, and some places have
changed. `places()` gives the default with some of them moved.
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

Place = Literal["sync", "webhook"]
Documented = Literal["sync", "webhook", "both"]
Retry = Literal[
    "no",  # the same message will fail again
    "seconds",  # back off for seconds
    "pair",  # to this user: 4^X s, X = 0, 1, 2, ... (documented)
    "day",  # to this user: not before 24 h (documented)
    "new_token",
    "template",  # with a template instead of free text
    "lifted",  # after the restriction, enforcement or maintenance is over
]

DOCUMENTATION = "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/"


class Code(NamedTuple):
    """One error code. `http` is its status under the profile `modern`."""

    code: int
    title: str
    http: int
    where: Documented
    retry: Retry
    place: Place = "sync"  # the default among what `where` allows
    graph_type: str = "OAuthException"
    transient: bool = False  # sent as `is_transient`


# fmt: off
_TABLE = (
    Code(0, "AuthException", 401, "sync", "new_token"),
    Code(1, "API Unknown", 500, "sync", "seconds", transient=True),
    Code(2, "API Service", 503, "sync", "seconds", transient=True),
    Code(3, "API Method", 500, "sync", "no"),
    Code(4, "API Too Many Calls", 400, "sync", "seconds", transient=True),
    Code(10, "Permission Denied", 403, "sync", "no"),
    Code(33, "Parameter value is not valid", 400, "sync", "no"),
    Code(100, "Invalid parameter", 400, "sync", "no"),
    Code(190, "Access token has expired", 401, "sync", "new_token"),
    Code(200, "API Permission", 403, "sync", "no"),
    Code(368, "Temporarily blocked for policies violations", 403, "sync", "lifted"),
    Code(80007, "Rate limit issues", 400, "sync", "seconds", transient=True),
    Code(130429, "Rate limit hit", 400, "both", "seconds"),
    Code(130472, "User's number is part of an experiment", 400, "webhook", "no", "webhook"),
    Code(130497, "Business account is restricted from messaging users in this country", 403, "sync", "no"),
    Code(131000, "Something went wrong", 500, "both", "seconds"),
    Code(131005, "Access denied", 403, "sync", "no"),
    Code(131008, "Required parameter is missing", 400, "sync", "no"),
    Code(131009, "Parameter value is not valid", 400, "sync", "no"),
    Code(131016, "Service unavailable", 503, "both", "seconds"),
    Code(131021, "Recipient cannot be sender", 400, "sync", "no"),
    Code(131026, "Message undeliverable", 400, "webhook", "no", "webhook"),
    Code(131030, "Recipient phone number not in allowed list", 400, "sync", "no"),
    Code(131031, "Business Account locked", 403, "sync", "lifted"),
    Code(131042, "Business eligibility payment issue", 400, "both", "lifted", "webhook"),
    Code(131047, "Re-engagement message", 400, "webhook", "template", "webhook"),
    Code(131048, "Spam rate limit hit", 400, "both", "lifted"),
    Code(131049, "This message was not delivered to maintain healthy ecosystem engagement.", 400,
         "both", "day", "webhook"),
    Code(131050, "User's opt-out: marketing messages from this business are stopped", 400,
         "both", "no", "webhook"),
    Code(131051, "Unsupported message type", 400, "both", "no"),
    Code(131052, "Media download error", 400, "both", "seconds", "webhook"),
    Code(131053, "Media upload error", 400, "both", "seconds", "webhook"),
    Code(131056, "(Business Account, Consumer Account) pair rate limit hit", 400, "sync", "pair"),
    Code(131057, "Business Account is in maintenance mode", 503, "sync", "lifted"),
    Code(131064, "Messaging limit reached because of template classification violations", 400,
         "both", "lifted"),
    Code(131201, "Message was delivered to a part of the group", 206, "sync", "no"),
    Code(131204, "Group limit exceeded", 400, "sync", "no"),
    Code(131207, "Group is suspended", 403, "sync", "lifted"),
    Code(131208, "Group rate limit hit", 429, "sync", "seconds"),
    Code(131041, "Group: unknown error", 400, "sync", "no"),
    Code(132000, "Template Param Count Mismatch", 400, "sync", "no"),
    Code(132001, "Template does not exist", 400, "sync", "no"),
    Code(132005, "Template Hydrated Text Too Long", 400, "sync", "no"),
    Code(132007, "Template Format Character Policy Violated", 400, "sync", "no"),
    Code(132012, "Template Parameter Format Mismatch", 400, "sync", "no"),
    Code(132015, "Template is Paused", 400, "sync", "lifted"),
    Code(132016, "Template is Disabled", 400, "sync", "no"),
    Code(132018, "There's an issue with the parameters in your template", 400, "sync", "no"),
    Code(132068, "Flow is in blocked state", 400, "sync", "lifted"),
    Code(132069, "Flow is in throttled state", 400, "sync", "lifted"),
    Code(133010, "Phone number Not Registered", 400, "sync", "no"),
    Code(133016, "Account register deregister rate limit exceeded", 400, "sync", "lifted"),
    Code(139001, "Flow can't be updated", 400, "sync", "no"),
    Code(139002, "Flow can't be published", 400, "sync", "no"),
    Code(139003, "Flow can't be deprecated", 400, "sync", "no"),
    Code(139004, "Flow can't be deleted", 400, "sync", "no"),
    Code(135000, "Generic user error", 400, "both", "seconds"),
)
# fmt: on
CODES: Mapping[int, Code] = {row.code: row for row in _TABLE}

# What the limits use by name.
THROUGHPUT, PAIR_RATE, SPAM_RATE = 130429, 131056, 131048
MARKETING_CAPPED, MARKETING_STOPPED, RE_ENGAGEMENT = 131049, 131050, 131047
MAINTENANCE, LOCKED, RESTRICTED = 131057, 131031, 368
UNDELIVERABLE = 131026
# What a sound message may be refused with. All other codes are of the request itself, and synchronous.
MOVABLE = frozenset(
    {
        THROUGHPUT,
        PAIR_RATE,
        SPAM_RATE,
        MARKETING_CAPPED,
        MARKETING_STOPPED,
        RE_ENGAGEMENT,
        MAINTENANCE,
        LOCKED,
        RESTRICTED,
        UNDELIVERABLE,
    }
)


class Profile(NamedTuple):
    """How HTTP statuses depart from the table, and which codes bring a Retry-After header."""

    name: str
    http: Mapping[int, int]
    retry_after: frozenset[int] = frozenset()


_RATE_LIMITS = (4, 80007, 130429, 131048, 131056, 133016)
PROFILES: Mapping[str, Profile] = {
    profile.name: profile
    for profile in (
        Profile("modern", {}),
        Profile("legacy", dict.fromkeys(_RATE_LIMITS, 429) | {132001: 404}),
        # 4 and 80007: the published OpenAPI file, on management routes.
        Profile("mixed", {4: 429, 80007: 429, 130429: 429}, frozenset((130429,))),
    )
}
RETRY_AFTER_S = 1  # assumed: throughput is counted by the second


def profile(name: str) -> Profile:
    """The profile of this name. ValueError if there is none."""
    try:
        return PROFILES[name]
    except KeyError:
        raise ValueError(f"status profile {name!r}: must be one of {', '.join(PROFILES)}") from None


def http_status(code: int, under: Profile = PROFILES["modern"]) -> int:
    return under.http.get(code, CODES[code].http)


def retry_after_s(code: int, under: Profile = PROFILES["modern"]) -> int | None:
    """Seconds for the Retry-After header; None: the answer has none."""
    return RETRY_AFTER_S if code in under.retry_after else None


def places(moved: Mapping[int, Place] | None = None) -> dict[int, Place]:
    """Where each code arrives: the default, and `moved` over it.

    ValueError for an unknown code or one that is not `MOVABLE`, or a place that is none.
    """
    table: dict[int, Place] = {row.code: row.place for row in _TABLE}
    for code, place in (moved or {}).items():
        if code not in table:
            raise ValueError(f"error place: {code} is no known code; see docs/network.md")
        if place not in ("sync", "webhook"):
            raise ValueError(f"error place of {code}: {place!r} must be 'sync' or 'webhook'")
        if code not in MOVABLE:
            may_be = ", ".join(str(one) for one in sorted(MOVABLE))
            raise ValueError(f"error place: {code} cannot be moved, only {may_be}")
        table[code] = place
    return table


def sync_error(
    code: int,
    fbtrace_id: str,
    *,
    details: str = "",
    message: str = "",
    subcode: int | None = None,
    user: tuple[str, str] | None = None,
) -> dict[str, Any]:
    """The body of a refused request: `{"error": {...}}` (platform facts 1.2).

    `details` explains this one case, `message` replaces the standard one, `user` is the title and the text
    that people are shown. KeyError for an unknown code.
    """
    row = CODES[code]
    error: dict[str, Any] = {
        "message": message or f"(#{code}) {row.title}",
        "type": row.graph_type,
        "code": code,
        "error_data": {"messaging_product": "whatsapp", "details": details or row.title},
        "fbtrace_id": fbtrace_id,
    }
    if subcode is not None:
        error["error_subcode"] = subcode
    if user is not None:
        error["error_user_title"], error["error_user_msg"] = user
    if row.transient:
        error["is_transient"] = True
    return {"error": error}


def webhook_error(code: int, *, details: str = "") -> dict[str, Any]:
    """One element of a failed status's `errors`; title and message are the same text there."""
    title = CODES[code].title
    return {
        "code": code,
        "title": title,
        "message": title,
        "error_data": {"details": details or title},
        "href": DOCUMENTATION,
    }

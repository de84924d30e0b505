"""The bodies of requests and answers."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

MAX_RECIPIENTS = 10_000  # C016: the most that one job may hold
MAX_ROWS = 5_000  # of one import
LONGEST_KEY = 255  # characters of an Idempotency-Key
MAX_TEXT = 4096  # characters of a text message on the platform

Text = Annotated[str, Meta(min_length=1, max_length=MAX_TEXT)]
Number = Annotated[str, Meta(max_length=40)]  # an empty or malformed one is rejected alone
Tag = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^\S(.*\S)?$")]
Tags = Annotated[list[Tag], Meta(max_length=100)]


class Body(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True, gc=False):
    """Base of every request body: a typo is an error."""


class Recipient(Body, frozen=True, gc=False):
    to: Number
    variables: dict[str, Annotated[str, Meta(max_length=MAX_TEXT)]] = field(default_factory=dict)
    timezone: str | None = None


class AudienceFilter(Body, frozen=True):
    all: Tags = field(default_factory=list)
    any: Tags = field(default_factory=list)
    none: Tags = field(default_factory=list)


class SendBody(Body, frozen=True):
    template: Text
    fallbacks: dict[str, str] = field(default_factory=dict)
    recipients: Annotated[list[Recipient], Meta(min_length=1, max_length=MAX_RECIPIENTS)] | None = None
    audience: AudienceFilter | None = None
    schedule: Annotated[datetime, Meta(tz=True)] | None = None


class TagBody(Body, frozen=True):
    contacts: Annotated[list[Number], Meta(min_length=1, max_length=MAX_RECIPIENTS)] | None = None
    audience: AudienceFilter | None = None
    add: Tags = field(default_factory=list)
    remove: Tags = field(default_factory=list)


class ReplyBody(Body, frozen=True):
    from_: Number = field(name="from")
    text: Text
    message_id: Annotated[str, Meta(min_length=1, max_length=255)] | None = None


class CloseBody(Body, frozen=True):
    from_: Number = field(name="from")


class TokenBody(Body, frozen=True):
    scopes: Annotated[list[Literal["send", "tag", "reply", "read", "admin"]], Meta(min_length=1)]


class Rejected(Struct, frozen=True):
    """A recipient that will get nothing; `reason` is a word to program against."""

    index: int
    to: str
    field: str
    reason: str


class Accepted(Struct, frozen=True):
    batch_id: str
    accepted: int
    rejected: list[Rejected]
    expected_finish: str | None  # null: nothing accepted, or no account is open


class Tagged(Struct, frozen=True):
    changed: int
    rejected: list[Rejected]


class TagCounts(Struct, frozen=True):
    """Contacts by tag."""

    tags: dict[str, int]


class Closed(Struct, frozen=True):
    """`closed`: whether a person had the conversation."""

    conversation: Literal["automatic"]
    closed: bool


class Banned(Struct, frozen=True):
    """`planned_again`: messages that another account is to send."""

    index: int
    open: bool
    planned_again: int


class Issued(Struct, frozen=True):
    """The token is shown this once."""

    token: str
    scopes: list[str]


class Health(Struct, frozen=True):
    status: Literal["ok"]


class Answered(Struct, frozen=True):
    action: Literal["answered", "escalated", "opted_out", "unmatched"]
    intent: str | None
    answer: str | None
    delay_s: float
    conversation: Literal["automatic", "human"]


def iso(at_s: float | None) -> str | None:
    """Unix seconds as ISO 8601 in UTC, to the microsecond; None stays None."""
    if at_s is None:
        return None
    return datetime.fromtimestamp(at_s, UTC).isoformat().replace("+00:00", "Z")

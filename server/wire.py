"""The bodies of requests and answers."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from server.http.problems import Problem

MAX_RECIPIENTS = 10_000  # C016: the most that one job may hold
MAX_ROWS = 5_000  # of one import
LONGEST_KEY = 255  # characters of an Idempotency-Key
MAX_CAPTION = 1024  # characters of a caption on the platform
MAX_TEXT = 4096  # characters of a text message on the platform

Text = Annotated[str, Meta(min_length=1, max_length=MAX_TEXT)]
Number = Annotated[str, Meta(max_length=40)]  # an empty or malformed one is rejected alone
ABOUT_TAGS = "a tag has 1 to 64 characters: no comma, semicolon or quotation mark, no space at its ends"
Tag = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        pattern=r'^[^\s",;]([^",;\x00-\x1f]*[^\s",;])?$',
        description=ABOUT_TAGS,
    ),
]
Tags = Annotated[list[Tag], Meta(max_length=100)]
Moment = Annotated[
    datetime,
    Meta(
        tz=True,
        description="a time has a zone, as 2026-11-28T09:30:00Z or 2026-11-28T09:30:00+01:00",
    ),
]
Filter = Annotated[str, Meta(max_length=4096)]  # an expression of server.dispatch.filters; empty: everybody


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


class Media(Body, frozen=True):
    """One file for all recipients, by reference. `caption` is a template too, `id` the Cloud API's."""

    type: Literal["image", "video", "audio", "document", "sticker"]
    mime_type: Annotated[str, Meta(min_length=3, max_length=127)]
    size_bytes: Annotated[int, Meta(ge=1)]
    url: Annotated[str, Meta(min_length=1, max_length=2048)] | None = None
    id: Annotated[str, Meta(pattern="^[0-9]{1,64}$", description="an id has 1 to 64 digits")] | None = None
    caption: Annotated[str, Meta(min_length=1, max_length=MAX_CAPTION)] | None = None
    filename: Annotated[str, Meta(min_length=1, max_length=240)] | None = None


class SendBody(Body, frozen=True):
    """A text by `template`, or `media`."""

    template: Text | None = None
    media: Media | None = None
    fallbacks: dict[str, str] = field(default_factory=dict)
    recipients: Annotated[list[Recipient], Meta(min_length=1, max_length=MAX_RECIPIENTS)] | None = None
    audience: AudienceFilter | Filter | None = None
    schedule: Moment | None = None


class TagBody(Body, frozen=True):
    contacts: Annotated[list[Number], Meta(min_length=1, max_length=MAX_RECIPIENTS)] | None = None
    audience: AudienceFilter | Filter | None = None
    add: Tags = field(default_factory=list)
    remove: Tags = field(default_factory=list)


class ImportQuery(Body, frozen=True):
    """What becomes of a row with a tag that does not exist: nothing, or its other tags are given."""

    unknown: Literal["reject", "ignore"] = "reject"


class TaxonomyBody(Body, frozen=True):
    reason: Annotated[str, Meta(min_length=1, max_length=255)]
    make: Tags = field(default_factory=list)
    drop: Tags = field(default_factory=list)


class LogQuery(Body, frozen=True):
    """`before`: entries older than this one."""

    tag: str | None = None
    before: Annotated[int, Meta(ge=1)] | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class ContactsQuery(Body, frozen=True):
    """`cursor`: what the page before gave as `next`."""

    filter: Filter = ""
    limit: Annotated[int, Meta(ge=0, le=1000)] = 100
    cursor: Annotated[int, Meta(ge=0, le=2**31)] = 0


class ExportQuery(Body, frozen=True):
    """`cursor`: the id in the last row of the part before."""

    filter: Filter = ""
    limit: Annotated[int, Meta(ge=1, le=50_000)] = 50_000
    cursor: Annotated[int, Meta(ge=0, le=2**31)] = 0


Kind = Literal["read", "clicked", "ordered", "blocked", "complained", "visited"]


class EventBody(Body, frozen=True):
    """What a contact did. `at`: now if left out; `event_id` makes it count once."""

    contact: Number
    kind: Kind
    at: Moment | None = None
    product: Tag | None = None
    event_id: Annotated[str, Meta(min_length=1, max_length=255)] | None = None


class EventsBody(Body, frozen=True):
    events: Annotated[list[EventBody], Meta(min_length=1, max_length=MAX_RECIPIENTS)]


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
    expected_finish: datetime | None  # null: nothing accepted, or no account is open


class Tagged(Struct, frozen=True):
    changed: int
    rejected: list[Rejected]


class Happened(Struct, frozen=True):
    """`late`: events whose tag rules were applied more than 5 minutes after them (T110)."""

    accepted: int
    duplicates: int
    late: int
    longest_delay_s: float
    rejected: list[Rejected]


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
    """The token is shown this once; by its `id` it can be taken back."""

    token: str
    scopes: list[str]
    id: str


class IssuedToken(Struct, frozen=True):
    id: str
    scopes: list[str]


class IssuedTokens(Struct, frozen=True):
    tokens: list[IssuedToken]


class Revoked(Struct, frozen=True):
    """`id` of the token that was taken back."""

    id: str


class Health(Struct, frozen=True):
    status: Literal["ok"]


class Answered(Struct, frozen=True):
    """`guide` follows the answer 30 s later unless that is read; `team` and `agent` hold the conversation."""

    action: Literal["answered", "escalated", "opted_out", "unmatched"]
    intent: str | None
    answer: str | None
    delay_s: float
    conversation: Literal["automatic", "human"]
    guide: str | None = None
    team: str | None = None
    agent: str | None = None
    reason: Literal["rule", "limit", "negative"] | None = None


class Done(Struct, frozen=True):
    """What was done with a conversation."""

    id: int
    done: Literal["read", "claim", "release", "answer", "close"]


class AgentBody(Body, frozen=True):
    agent: Annotated[str, Meta(min_length=1, max_length=64)]


class AgentAnswerBody(Body, frozen=True):
    agent: Annotated[str, Meta(min_length=1, max_length=64)]
    text: Text


class InboxQuery(Body, frozen=True):
    """`agent` or `team`: only theirs."""

    agent: str | None = None
    team: str | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class SearchQuery(Body, frozen=True):
    """`q`: words that a text must hold, each as it stands; words without a space between stand together."""

    q: Annotated[str, Meta(min_length=1, max_length=200)]
    limit: Annotated[int, Meta(ge=1, le=200)] = 50


def seconds_of(at: datetime, name: str) -> float:
    """Unix seconds of a time in the field `name`; Problem 422 where calendars may end."""
    if not 1970 <= at.year < 2200:
        raise Problem(422, "must lie between 1970 and 2200", name)
    return at.timestamp()


def moment(at_s: float | None) -> datetime | None:
    """Unix seconds in UTC, to the microsecond; None stays None."""
    return None if at_s is None else datetime.fromtimestamp(at_s, UTC)


def iso(at_s: float | None) -> str | None:
    """Unix seconds as ISO 8601 in UTC, to the microsecond; None stays None."""
    at = moment(at_s)
    return None if at is None else at.isoformat().replace("+00:00", "Z")

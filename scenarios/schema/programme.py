"""What is sent again and again: posts to groups, pushes by weekday, follow-ups on what a customer did."""

from typing import Annotated, Literal

from msgspec import Meta

from scenarios.parameters import CLOCK, Frozen, parameter


class ContentKind(Frozen, frozen=True):
    """A kind of group content, as in the table of claims G132 to G155."""

    name: Annotated[str, parameter("name of the kind", min_length=1)]
    share: Annotated[float, parameter("share of all posts", unit="fraction", gt=0, le=1)]
    read: Annotated[float, parameter("read, given delivered, at one post a day", unit="fraction", gt=0, lt=1)]
    conversion: Annotated[
        float,
        parameter(
            "members who order within a month of daily posts of this kind", unit="fraction", gt=0, lt=1
        ),
    ]


KINDS = (
    ContentKind(name="discount", share=0.30, read=0.78, conversion=0.22),  # G132, G135, G136
    ContentKind(name="story", share=0.25, read=0.65, conversion=0.08),  # G137, G140, G141
    ContentKind(name="guide", share=0.20, read=0.82, conversion=0.05),  # G142, G145, G146
    ContentKind(name="activity", share=0.15, read=0.55, conversion=0.15),  # G147, G150, G151
    ContentKind(name="members", share=0.10, read=0.91, conversion=0.12),  # G152, G154, G155
)


class Groups(Frozen, frozen=True):
    """Groups that get the same posts; a group's members share a time zone. No posts: no groups."""

    post_times: Annotated[
        tuple[Annotated[str, Meta(pattern=CLOCK)], ...],
        parameter(
            "local times of each day's posts; none: no groups",
            unit="HH:MM",
            source="assumed: none unless the scenario runs groups",
        ),
    ] = ()
    joined_fraction: Annotated[
        float,
        parameter(
            "consenting customers who are members of a group",
            unit="fraction",
            source="G069: a blended join rate of 20-30 %",
            ge=0,
            le=1,
        ),
    ] = 0.25
    size: Annotated[
        int,
        parameter("members of a full group", unit="members", source="G051: keep within 150", ge=2, le=1024),
    ] = 150
    crowded_from: Annotated[
        int,
        parameter(
            "size above which members read less", unit="members", source="G051, G052: 150", ge=2, le=1024
        ),
    ] = 150
    crowding: Annotated[
        float,
        parameter(
            "above that the odds of a read fall as size to the power of minus this",
            unit="exponent",
            source="assumed: a member's attention is shared among the others' messages, which grow with "
            "size; G053 (0.60 above 150) comes out (docs/scenarios.md)",
            ge=0,
            le=5,
        ),
    ] = 1.0
    accounts: Annotated[
        int,
        parameter(
            "accounts that post to groups and do nothing else",
            unit="accounts",
            source="assumed: two, so that a ban does not silence every group",
            ge=1,
            le=500,
        ),
    ] = 2
    kinds: Annotated[
        tuple[ContentKind, ...],
        parameter(
            "kinds of content, drawn by their shares day by day",
            source="G132-G155: shares, opens, conversions; a conversion is read as a month's, since the "
            "shares' mean, 0.13, is the monthly rate of G126",
            min_length=1,
        ),
    ] = KINDS
    leave: Annotated[
        float,
        parameter(
            "leaves the group, given read, when not tired",
            unit="fraction",
            source="assumed: a tenth of a private message's opt-out: leaving takes more than ignoring, "
            "and G217 (under 5 %) comes out (docs/scenarios.md)",
            gt=0,
            lt=1,
        ),
    ] = 0.0004


class Push(Frozen, frozen=True):
    """A personalised message to every consenting customer, week by week."""

    name: Annotated[str, parameter("name of the push", min_length=1)]
    weekday: Annotated[int, parameter("day of the week, Monday is 0", ge=0, le=6)]
    at: Annotated[str, parameter("first possible send, sender's time (UTC)", unit="HH:MM", pattern=CLOCK)]


class FollowUp(Frozen, frozen=True):
    """A further message to who did, or did not do, something with an earlier one."""

    when: Annotated[
        Literal["unread", "no_order"],
        parameter("unread: delivered and not read; no_order: clicked and did not order"),
    ]
    after_h: Annotated[float, parameter("time from the delivery, or the click", unit="h", gt=0, le=720)]
    order_odds: Annotated[
        float, parameter("odds of an order against the first message's", unit="ratio", gt=0, le=100)
    ] = 1.0
    pause_days: Annotated[
        float, parameter("not again to the same customer within this", unit="days", ge=0, le=365)
    ] = 7.0


class Programme(Frozen, frozen=True):
    """What goes to single customers beside the campaign."""

    pushes: Annotated[
        tuple[Push, ...],
        parameter("weekly messages", source="assumed: none unless the scenario states some"),
    ] = ()
    follow_ups: Annotated[
        tuple[FollowUp, ...],
        parameter("messages on what customers did", source="assumed: none unless the scenario states some"),
    ] = ()
    scan_every_h: Annotated[
        float,
        parameter(
            "how often retries and follow-ups whose time has come are planned",
            unit="h",
            source="assumed: every hour",
            ge=0.05,
            le=24,
        ),
    ] = 1.0

"""Rules that tag contacts, and how fast files of tags may come, as parameters."""

from typing import Annotated, Literal

from msgspec import field

from scenarios.parameters import Frozen, parameter


class EventRule(Frozen, frozen=True):
    on: Annotated[
        Literal[
            "sent", "delivered", "read", "clicked", "ordered", "replied", "blocked", "complained", "visited"
        ],
        parameter("the event that fires it"),
    ]
    add: Annotated[list[str], parameter("tags given; {date} and {product} are the event's")] = []
    remove: Annotated[list[str], parameter("tags taken")] = []


class StandingRule(Frozen, frozen=True):
    when: Annotated[str, parameter("a filter expression: see docs/contacts.md", min_length=1)]
    add: Annotated[list[str], parameter("tags that those who match carry")] = []
    remove: Annotated[list[str], parameter("tags that those who match do not carry")] = []


class Tagging(Frozen, frozen=True):
    """Tags that come and go by themselves, and tags that exclude each other."""

    event_rules: Annotated[
        list[EventRule],
        parameter("applied with the event", source="T110: an order removes cart_abandoned within 5 minutes"),
    ] = field(
        default_factory=lambda: [
            EventRule(on="ordered", add=["purchased-{date}", "product-{product}"], remove=["cart_abandoned"])
        ]
    )
    standing_rules: Annotated[
        list[StandingRule],
        parameter("kept true all the time; the earlier wins", source="T001, T112, T019, T107"),
    ] = field(
        default_factory=lambda: [
            StandingRule(when="orders > 3", add=["high_value"]),
            StandingRule(when="sent in 60 days AND no read in 60 days AND ever read", add=["pre_churn"]),
            StandingRule(when="no read in 14 days", remove=["high_activity"]),
            StandingRule(when="ever ordered AND no first_order in 60 days", remove=["new_customer"]),
        ]
    )
    conflicts: Annotated[
        list[tuple[str, str]],
        parameter("pairs of tags that one customer should not carry", source="C237"),
    ] = field(default_factory=lambda: [("high_value", "recent_complaint")])


class Imports(Frozen, frozen=True):
    """How often large files of tags may come."""

    large_contacts: Annotated[
        int,
        parameter(
            "a file of so many contacts is a large one",
            unit="contacts",
            source="assumed: the source does not say; its example of a list has 500, a file at most 5,000",
            ge=1,
        ),
    ] = 1000
    delay_h: Annotated[
        float,
        parameter(
            "after more than three large ones in an hour (T044) no file is taken for so long; 0: it is",
            unit="h",
            source="T045: 1 to 2 h; assumed: off, since the limit is another platform's and documented nowhere",
            ge=0,
            le=48,
        ),
    ] = 0.0

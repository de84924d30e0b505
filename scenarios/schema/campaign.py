"""The campaign, as parameters."""

from datetime import datetime
from typing import Annotated

from msgspec import field

from scenarios.parameters import Frozen, parameter


class Campaign(Frozen, frozen=True):
    template: Annotated[
        str,
        parameter(
            "text; {name} and any other column of the contact file in braces",
            source="scenario",
            min_length=1,
        ),
    ]
    start: Annotated[
        datetime,
        parameter("first possible send, with its zone", source="scenario"),
    ]
    fallbacks: Annotated[
        dict[str, str],
        parameter(
            "what stands in for an empty variable; a variable without one holds the message back",
            source="scenario",
        ),
    ] = field(default_factory=dict)
    with_tags: Annotated[
        list[str],
        parameter("only contacts that carry all of these tags", source="scenario"),
    ] = field(default_factory=list)
    without_tags: Annotated[
        list[str],
        parameter("no contact that carries any of these tags", source="scenario"),
    ] = field(default_factory=list)
    validate_numbers: Annotated[
        bool,
        parameter(
            "leave malformed numbers out before sending; false pays for sends that must fail (C027)",
            source="assumed: a list is checked before it is paid for; the server refuses malformed numbers anyway",
        ),
    ] = True
    discount: Annotated[
        float,
        parameter(
            "price cut that the text offers",
            unit="fraction",
            source="assumed: that of the shipped text, 15 % (G001 names the same)",
            ge=0,
            lt=1,
        ),
    ] = 0.15
    opted_in_fraction: Annotated[
        float,
        parameter(
            "consenting contacts who asked for messages themselves; the others complain and block more",
            unit="fraction",
            source="assumed: all, the case for which funnel.block and funnel.complaint stand",
            ge=0,
            le=1,
        ),
    ] = 1.0
    retry_after_h: Annotated[
        float,
        parameter("failed numbers are tried again after this", unit="h", source="C028", gt=0, le=720),
    ] = 24.0
    retries: Annotated[
        int,
        parameter(
            "how often a failed number is tried again",
            unit="attempts",
            source="C028; the count is not stated, one assumed",
            ge=0,
            le=5,
        ),
    ] = 1

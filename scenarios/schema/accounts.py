"""Accounts and how fast they send, as parameters."""

from typing import Annotated, Literal

from scenarios.parameters import CLOCK, Frozen, parameter


class Accounts(Frozen, frozen=True):
    kind: Annotated[
        Literal["app", "business"],
        parameter(
            "numbers of the app, held to the limits of [pacing] and the hazards of [network]; or numbers of a "
            "business on the platform, held to [business]",
            source="assumed: of the app, as all of claims C",
        ),
    ] = "app"
    count: Annotated[
        int,
        parameter(
            "sending accounts",
            unit="accounts",
            source="C116: 5-10 accounts is the first server tier",
            ge=1,
            le=500,
        ),
    ] = 10
    new_count: Annotated[
        int,
        parameter(
            "how many of them have never sent, and warm up",
            unit="accounts",
            source="assumed: a fifth, so that warm-up is seen at work",
            ge=0,
        ),
    ] = 2
    age_months: Annotated[
        float,
        parameter(
            "age of the accounts that are not new",
            unit="months",
            source="assumed: within the first 6 months, before open rates fall (C140)",
            ge=0,
            le=120,
        ),
    ] = 4.0
    replacement_delay_h: Annotated[
        float,
        parameter(
            "time from a ban to the new account's first possible send",
            unit="h",
            source="assumed: a working day to buy and register a number",
            ge=0,
        ),
    ] = 24.0


class Pacing(Frozen, frozen=True):
    """An account's own limits as the strategy sets them; server.dispatch.pacing.Rules reads them."""

    rate_per_min: Annotated[
        int,
        parameter(
            "cap in any 60 s; the mean gap between messages is 60 s over this",
            unit="messages/min",
            source="C020: 10-15 a minute",
            ge=1,
            le=6000,
        ),
    ] = 12
    rate_per_hour: Annotated[
        int,
        parameter("cap in any 3600 s", unit="messages/h", source="C101", ge=1, le=360_000),
    ] = 200
    rate_per_day: Annotated[
        int,
        parameter(
            "cap in any 24 h",
            unit="messages/day",
            source="derived: C101 through the 14 h between C030 and C031",
            ge=1,
            le=8_640_000,
        ),
    ] = 2800
    spacing_jitter: Annotated[
        float,
        parameter(
            "gaps vary evenly by this fraction either way",
            unit="fraction",
            source="C017: 3-5 s is 4 s give or take a quarter",
            ge=0,
            lt=1,
        ),
    ] = 0.25
    warm_up_days: Annotated[
        float,
        parameter("a new account is held back this long", unit="days", source="C105", ge=0, le=365),
    ] = 3.0
    warm_up_per_day: Annotated[
        int,
        parameter("cap in any 24 h while warming up", unit="messages/day", source="C104", ge=1),
    ] = 50
    equal_content_gap_s: Annotated[
        float,
        parameter(
            "least time between equal content from different accounts",
            unit="s",
            source="C103",
            ge=0,
            le=86_400,
        ),
    ] = 15.0
    quiet_from: Annotated[
        str,
        parameter(
            "no send at or after this, customer's local time",
            unit="HH:MM",
            source="C031",
            pattern=CLOCK,
        ),
    ] = "22:00"
    quiet_until: Annotated[
        str,
        parameter(
            "no send before this, customer's local time; 00:00 to 00:00 means no quiet hours",
            unit="HH:MM",
            source="C030",
            pattern=CLOCK,
        ),
    ] = "08:00"
    customer_cap: Annotated[
        int,
        parameter(
            "campaign messages to one customer in any customer_cap_window_s",
            unit="messages",
            source="R155: at most 3 a week to an active customer",
            ge=1,
        ),
    ] = 3
    customer_cap_window_s: Annotated[
        float,
        parameter("window of customer_cap", unit="s", source="R155: a week", gt=0, le=31_536_000),
    ] = 604_800.0

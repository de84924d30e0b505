"""The people who answer what the automatic replies do not, as parameters."""

from typing import Annotated

from msgspec import Meta, field

from scenarios.parameters import CLOCK, Frozen, parameter

WEEK = (0, 1, 2, 3, 4, 5, 6)


class Shift(Frozen, frozen=True):
    """Agents who work from `start` to `end` on some weekdays; an end before the start is on the next day."""

    start: Annotated[str, parameter("start, local time", unit="HH:MM", pattern=CLOCK)]
    end: Annotated[
        str, parameter("end, local time; 00:00 to 00:00 is round the clock", unit="HH:MM", pattern=CLOCK)
    ]
    agents: Annotated[int, parameter("agents on this shift", unit="people", ge=1, le=10_000)]
    weekdays: Annotated[
        tuple[Annotated[int, Meta(ge=0, le=6)], ...],
        parameter("days on which it starts, Monday is 0", min_length=1),
    ] = WEEK


class Agents(Frozen, frozen=True):
    """The people who answer what the automatic replies do not, and the customers who wait for them."""

    shifts: Annotated[
        tuple[Shift, ...],
        parameter(
            "who works when; none: nobody answers, and no conversation is followed",
            source="assumed: one representative (G246), office hours, where a scenario has agents",
        ),
    ] = field(default_factory=lambda: (Shift(start="09:00", end="18:00", agents=1),))
    zone: Annotated[str, parameter("time zone of the shifts", source="assumed", min_length=1)] = "UTC"
    handling_mean_s: Annotated[
        float,
        parameter(
            "mean time of an agent on a conversation (lognormal)",
            unit="s",
            source="derived: 90 conversations in a day of 8 h (C200)",
            gt=0,
            le=86_400,
        ),
    ] = 320.0
    handling_log_sd: Annotated[
        float,
        parameter(
            "standard deviation of the log of the handling time",
            source="assumed: the standard deviation is about the mean, as for an exponential time",
            ge=0,
            le=5,
        ),
    ] = 0.8
    patience_mean_s: Annotated[
        float,
        parameter(
            "mean time after which a customer whom nobody has read leaves (Weibull)",
            unit="s",
            source="assumed: an hour; means of 22 and 47 min were borne (C076, C035)",
            gt=0,
        ),
    ] = 3600.0
    patience_shape: Annotated[
        float,
        parameter(
            "shape of the patience; 1 is exponential, more: customers leave at about the same wait",
            unit="exponent",
            source="assumed: memoryless, as in Erlang A",
            ge=0.1,
            le=20,
        ),
    ] = 1.0
    failover_s: Annotated[
        float,
        parameter(
            "unread for this long, a conversation goes to a colleague", unit="s", source="C110: 2 min", gt=0
        ),
    ] = 120.0
    away_fraction: Annotated[
        float,
        parameter(
            "an agent to whom a conversation is offered is away",
            unit="fraction",
            source="derived: with the two means below, 0.34 wait over 5 min without failover (C112)",
            ge=0,
            lt=1,
        ),
    ] = 0.4745
    away_mean_s: Annotated[
        float,
        parameter(
            "mean time until an agent who is away reads (exponential)",
            unit="s",
            source="assumed: a quarter of an hour, a short break",
            ge=0,
            le=86_400,
        ),
    ] = 900.0
    read_mean_s: Annotated[
        float,
        parameter(
            "mean time until an agent at the desk reads (exponential)",
            unit="s",
            source="assumed: half a minute, between other work",
            ge=0,
            le=86_400,
        ),
    ] = 30.0
    long_wait_s: Annotated[
        float, parameter("a wait above this is too long", unit="s", source="C111: 5 min", gt=0)
    ] = 300.0
    resolution: Annotated[
        float,
        parameter(
            "resolved, given that an agent has dealt with it",
            unit="fraction",
            source="assumed: nine in ten; no source states it for people",
            ge=0,
            le=1,
        ),
    ] = 0.9


def nobody() -> Agents:
    """What a scenario without agents has."""
    return Agents(shifts=())

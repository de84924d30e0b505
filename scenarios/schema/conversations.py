"""What customers say to the server in a load test, as parameters."""

from typing import Annotated, Literal

from scenarios.parameters import Frozen, parameter


class Turn(Frozen, frozen=True):
    says: Annotated[list[str], parameter("wordings, one is picked; some misspelt", min_length=1)]
    expect: Annotated[
        str,
        parameter("intent that must answer it, or escalated, opted_out, unmatched", min_length=1),
    ]


class Script(Frozen, frozen=True):
    kind: Annotated[
        Literal["greeting", "question", "order", "complaint", "stop"],
        parameter("what the conversation is about"),
    ]
    share: Annotated[float, parameter("share of conversations", unit="fraction", gt=0, le=1)]
    turns: Annotated[
        list[Turn], parameter("what the customer writes, in order", min_length=1, max_length=100)
    ]


class Conversations(Frozen, frozen=True):
    scripts: Annotated[
        list[Script],
        parameter(
            "how conversations go",
            source="assumed: the kinds that a shop hears most; no source states their shares",
            min_length=1,
        ),
    ]
    at_once: Annotated[
        int,
        parameter(
            "live conversations held at once in a load test",
            unit="conversations",
            source="C136",
            ge=1,
            le=100_000,
        ),
    ] = 1000
    think_time_mean_s: Annotated[
        float,
        parameter(
            "mean pause of a customer between an answer and the next message (exponential)",
            unit="s",
            source="assumed: compressed, so that a load test of half a minute sees several turns",
            gt=0,
            le=3600,
        ),
    ] = 5.0
    duration_s: Annotated[
        float,
        parameter(
            "length of a load test after all conversations have started",
            unit="s",
            source="assumed: enough for thousands of turns",
            gt=0,
            le=86_400,
        ),
    ] = 25.0
    clock_speed: Annotated[
        float,
        parameter(
            "how many times faster than the wall the clock of a server started for a load test runs",
            unit="ratio",
            source="assumed: an hour of the campaign in a second, so that its day fits the test",
            gt=0,
            le=1e6,
        ),
    ] = 3600.0

"""How long a server keeps what it stores, as parameters."""

from typing import Annotated

from scenarios.parameters import Frozen, parameter


class Storage(Frozen, frozen=True):
    """How long the server keeps what it has no more use for. Contacts and their opt-outs it keeps for good."""

    keep_days: Annotated[
        float,
        parameter(
            "messages, what customers wrote, events and history are deleted so long after they are settled",
            unit="days",
            source="assumed: a year, to compare a season with the one before; the law may ask for less",
            ge=31,
        ),
    ] = 365.0
    key_life_h: Annotated[
        float,
        parameter(
            "an Idempotency-Key answers with the first answer for so long",
            unit="h",
            source="assumed: a day, as payment services do",
            gt=0,
        ),
    ] = 24.0

"""How a scenario is tried, and which service levels it should meet, as parameters."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from scenarios.parameters import Frozen, parameter


class Experiment(Frozen, frozen=True):
    start: Annotated[datetime, parameter("where the clock starts, with its zone", source="scenario")]
    seed: Annotated[
        int, parameter("key of all random numbers", source="assumed: any", ge=0, le=2**63 - 1)
    ] = 1
    replications: Annotated[
        int,
        parameter(
            "independent runs behind each interval; 0: as many as make 200,000 customers in all, 3 to 20",
            unit="runs",
            source="assumed: Student intervals from 20 runs are 5 % wider than from many; a large population "
            "averages within itself",
            ge=0,
            le=100_000,
        ),
    ] = 0
    horizon_days: Annotated[
        float,
        parameter(
            "simulated time",
            unit="days",
            source="assumed: a week holds the campaign, its retry and late orders",
            gt=0,
            le=3660,
        ),
    ] = 7.0
    warm_up_days: Annotated[
        Annotated[int, Meta(ge=0)] | Literal["auto"],
        parameter(
            "days from the start that figures of a lasting state leave out (docs/simulator.md names them); "
            "auto: as many as MSER-5 finds in the daily series",
            unit="days",
            source="assumed: none, a campaign begins and ends",
        ),
    ] = 0
    confidence: Annotated[
        float,
        parameter("level of the intervals", unit="fraction", source="convention", gt=0.5, lt=1),
    ] = 0.95


class ServiceLevels(Frozen, frozen=True):
    delivery_rate_min: Annotated[
        float, parameter("least share delivered", unit="fraction", source="C154", ge=0, le=1)
    ] = 0.92
    account_ban_rate_max: Annotated[
        float,
        parameter("most accounts banned per 30 sending days", unit="fraction", source="C090", ge=0, le=1),
    ] = 0.02
    opt_out_rate_max: Annotated[
        float,
        parameter(
            "most opt-outs a delivered message",
            unit="fraction",
            source="assumed: twice the assumed rate of a consenting list",
            ge=0,
            le=1,
        ),
    ] = 0.008
    send_duration_max_s: Annotated[
        float,
        parameter(
            "longest time from the first to the last first-attempt send of the campaign",
            unit="s",
            source="C030, C031: one permitted day of 14 h",
            gt=0,
        ),
    ] = 50_400.0
    response_time_p95_max_s: Annotated[
        float,
        parameter(
            "95th percentile of the server's response time",
            unit="s",
            source="C098: message delay under 3 s",
            gt=0,
        ),
    ] = 3.0
    error_rate_max: Annotated[
        float,
        parameter(
            "most requests that fail or answer wrongly",
            unit="fraction",
            source="C134: 0.997 of messages arrive",
            ge=0,
            le=1,
        ),
    ] = 0.003

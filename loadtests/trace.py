"""What goes into the worker process and what comes out of it, as JSON files."""

from msgspec import Struct, field

from scenarios.schema import Script

RIGHT, WRONG, FAILED = range(3)  # verdicts on one answer; FAILED: no proper answer came


class Plan(Struct, frozen=True, kw_only=True):
    run: str  # goes into the message ids, so that no server takes a second run for repeats of the first
    target: str
    token: str
    conversations: int  # held at once
    ramp_s: float  # conversations start one by one over this; not measured
    duration_s: float  # measured, after the ramp
    timeout_s: float
    seed: int
    think_time_mean_s: float
    scripts: list[Script]
    customers: list[str]


class Requests(Struct):
    """One row for each message, by time of answer; times in s from the start of the ramp."""

    due_s: list[float] = field(default_factory=list)  # previous answer + think time
    sent_s: list[float] = field(default_factory=list)
    done_s: list[float] = field(default_factory=list)
    verdict: list[int] = field(default_factory=list)  # RIGHT, WRONG or FAILED
    escalated: list[bool] = field(default_factory=list)


class Spans(Struct):
    """When conversations began, were completed (last turn answered as expected), and ended (customer left).

    Three columns of their own lengths: at the end of a run some conversations are still open.
    """

    began_s: list[float] = field(default_factory=list)
    completed_s: list[float] = field(default_factory=list)
    ended_s: list[float] = field(default_factory=list)


class Failure(Struct, frozen=True):
    """A way in which answers were not as expected, with the first message that met it."""

    expected: str
    got: str
    text: str
    count: int


class Trace(Struct, kw_only=True):
    requests: Requests
    spans: Spans
    failures: list[Failure]
    cpu_s: list[float]  # the worker's own processor time at 0, 1, 2 ... s from the start of the ramp

"""A closed model of the load test: places for live conversations, one server, customers who think.

When a customer leaves, the next takes the place. A message is answered by the server and followed by an
exponential pause, as in `loadtests`: so a place is always either thinking or at the server.

A server of its own for each message: they wait their turn, first come, first served, and take a time drawn
from measured ones, of which the server is busy for a measured share (with a share of 1, the machine
repairman's model). A server that answers in groups: what came while it worked is answered together, after a
time drawn from the measured ones and a little more for each further message (bulk service without a limit).

Before and after it a message passes the load generator, which takes one at a time: what it needs itself shows
in what it measures.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import simpy
from numpy.typing import NDArray

from scenarios.errors import InputError
from scenarios.loading import Loaded
from scenarios.provenance import rows
from scenarios.result import Calibration, Distribution, Kpi, Result, Series, provenance_of
from scenarios.schema import Conversations
from scenarios.service_levels import judge
from simulator.parallel import replicate
from simulator.statistics.intervals import intervals
from simulator.statistics.streams import Purpose, stream

REPLICATIONS = 5
RAMP_S = 5.0  # of a prediction within a simulation; the load test's shortest
PERCENTILES = {"response_time_s_p50": 0.50, "response_time_s_p95": 0.95, "response_time_s_p99": 0.99}
EDGES_S = np.concatenate(([0.0], np.logspace(-4, 2, 121)))  # as the load test's

Floats = NDArray[np.float64]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class LoadTest:
    """One load test to predict. Times in s; conversations start within the ramp, which is not measured."""

    conversations: Conversations
    at_once: int
    duration_s: float
    ramp_s: float
    times_s: Floats
    busy_share: float
    seed: int
    together_s: float | None = None
    client_s: float = 0.0

    @property
    def end_s(self) -> float:
        return self.ramp_s + self.duration_s


@dataclass(slots=True)
class Trace:
    """What happened, in s from the start of the ramp; one row a message, a row a conversation."""

    due_s: list[float] = field(default_factory=list)
    done_s: list[float] = field(default_factory=list)
    escalated: list[bool] = field(default_factory=list)
    began_s: list[float] = field(default_factory=list)
    completed_s: list[float] = field(default_factory=list)
    ended_s: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Seen:
    """What one replication's measured window shows."""

    kpis: dict[str, float]  # nan: undefined
    series: dict[str, Floats]  # by whole second of the window
    counts: NDArray[np.int64]  # response times by EDGES_S


def predict(
    loaded: Loaded,
    *,
    at_once: int,
    duration_s: float,
    ramp_s: float,
    calibration: Calibration,
    workers: int = 1,
    progress: Progress | None = None,
) -> Result:
    """What a load test of `at_once` conversations for `duration_s` after `ramp_s` will measure.

    `calibration`: what the idle server needs for a message; its times are drawn from with replacement.
    Intervals are over REPLICATIONS runs. Raises InputError when there are no times or one is not > 0.
    """
    scenario = loaded.scenario
    test = LoadTest(
        scenario.conversations,
        at_once,
        duration_s,
        ramp_s,
        _checked(calibration),
        calibration.busy_share,
        scenario.experiment.seed,
        calibration.together_s,
        calibration.client_s,
    )
    seen = []
    for one in replicate(observe, test, total=REPLICATIONS, workers=workers):
        seen.append(one)
        if progress is not None:
            progress(len(seen), REPLICATIONS)
    kpis: dict[str, Kpi] = intervals([one.kpis for one in seen], scenario.experiment.confidence)
    counts = np.sum([one.counts for one in seen], axis=0).astype(float)
    return Result(
        kind="simulation",
        scenario=scenario.name,
        seed=scenario.experiment.seed,
        replications=REPLICATIONS,
        horizon_s=test.end_s,
        kpis=kpis,
        series={name: _mean_series([one.series[name] for one in seen]) for name in seen[0].series},
        distributions={"response_time_s": Distribution(EDGES_S.tolist(), counts.tolist(), "s")},
        verdicts=judge(scenario.service_levels, kpis),
        provenance=provenance_of(rows(loaded)),
    )


def observe(test: LoadTest, number: int) -> Seen:
    """Run replication `number` (from 1) and look at its measured window."""
    return _seen(test, hold(test, number))


def hold(test: LoadTest, number: int) -> Trace:
    """Hold the conversations: one SimPy process a place."""
    env = simpy.Environment()
    server: Server = (
        OneByOne(env, test.busy_share) if test.together_s is None else InGroups(env, test.together_s)
    )
    server = LoadGenerator(env, server, test.client_s) if test.client_s else server
    trace = Trace()
    for place in range(test.at_once):
        draw = stream(test.seed, number, Purpose.CONVERSATIONS, place)
        env.process(_place(env, server, test, draw, trace))
    env.run()
    return trace


class Server(Protocol):
    """Answers a message; `took_s` is what it takes alone."""

    def answer(self, took_s: float) -> Generator[simpy.Event, object, None]: ...


class OneByOne:
    """First come, first served. For `busy_share` of a message's time nobody else is served."""

    def __init__(self, env: simpy.Environment, busy_share: float) -> None:
        self._env = env
        self._busy_share = busy_share
        self._free = simpy.Resource(env, capacity=1)

    def answer(self, took_s: float) -> Generator[simpy.Event, object, None]:
        with self._free.request() as turn_comes:
            yield turn_comes
            yield self._env.timeout(took_s * self._busy_share)
        yield self._env.timeout(took_s * (1 - self._busy_share))


class InGroups:
    """What came while a group was answered is the next: its first's time, and `together_s` for each other."""

    def __init__(self, env: simpy.Environment, together_s: float) -> None:
        self._env = env
        self._together_s = together_s
        self._waiting: list[tuple[simpy.Event, float]] = []
        self._is_busy = False

    def answer(self, took_s: float) -> Generator[simpy.Event, object, None]:
        answered = self._env.event()
        self._waiting.append((answered, took_s))
        if not self._is_busy:
            self._is_busy = True
            self._env.process(self._serve())
        yield answered

    def _serve(self) -> Generator[simpy.Event, object, None]:
        """Until nobody waits."""
        while self._waiting:
            group, self._waiting = self._waiting, []
            yield self._env.timeout(group[0][1] + (len(group) - 1) * self._together_s)
            for answered, _ in group:
                answered.succeed()
        self._is_busy = False


class LoadGenerator:
    """One message at a time: half of `client_s` for a message before the server has it, half after."""

    def __init__(self, env: simpy.Environment, server: Server, client_s: float) -> None:
        self._env, self._server = env, server
        self._half_s = client_s / 2
        self._free = simpy.Resource(env, capacity=1)

    def answer(self, took_s: float) -> Generator[simpy.Event, object, None]:
        yield from self._pass()
        yield from self._server.answer(took_s)
        yield from self._pass()

    def _pass(self) -> Generator[simpy.Event, object, None]:
        with self._free.request() as turn_comes:
            yield turn_comes
            yield self._env.timeout(self._half_s)


def _place(
    env: simpy.Environment,
    server: Server,
    test: LoadTest,
    draw: np.random.Generator,
    trace: Trace,
) -> Generator[simpy.Event, object, None]:
    """One conversation after the other; nothing is sent at or after the end."""
    scripts, think_s = test.conversations.scripts, test.conversations.think_time_mean_s
    bounds = np.cumsum([script.share for script in scripts])[:-1]  # shares add up to 1
    times_s = test.times_s
    yield env.timeout(draw.random() * test.ramp_s)
    while True:
        script = scripts[int(np.searchsorted(bounds, draw.random(), side="right"))]
        trace.began_s.append(env.now)
        for turn in script.turns:
            due_s = env.now
            took_s = float(times_s[int(draw.random() * len(times_s))])
            pause_s = float(draw.standard_exponential()) * think_s
            yield from server.answer(took_s)
            trace.due_s.append(due_s)
            trace.done_s.append(env.now)
            trace.escalated.append(turn.expect == "escalated")
            if turn is script.turns[-1]:
                trace.completed_s.append(env.now)
            if env.now + pause_s >= test.end_s:
                return
            yield env.timeout(pause_s)
        trace.ended_s.append(env.now)


def _seen(test: LoadTest, trace: Trace) -> Seen:
    """Messages due, answers given and conversations open within [ramp, ramp + duration)."""
    due_s, done_s = np.array(trace.due_s) - test.ramp_s, np.array(trace.done_s) - test.ramp_s
    inside = (due_s >= 0) & (due_s < test.duration_s)
    response_s = (done_s - due_s)[inside]
    began_s, ended_s = np.array(trace.began_s) - test.ramp_s, np.array(trace.ended_s) - test.ramp_s
    starts = np.arange(int(test.duration_s), dtype=np.float64)
    moments = np.concatenate(([0.0], began_s[(began_s >= 0) & (began_s < test.duration_s)]))
    answers = _within(done_s, test)
    kpis = {
        **{name: _quantile(response_s, share) for name, share in PERCENTILES.items()},
        "requests_per_s": len(answers) / test.duration_s,
        "escalation_rate": _mean(np.array(trace.escalated)[inside]),
        "conversations_completed": float(len(_within(np.array(trace.completed_s) - test.ramp_s, test))),
        "conversations_concurrent_peak": float(_open_at(began_s, ended_s, moments).max()),
    }
    series = {
        "requests_per_s": np.histogram(answers, np.arange(len(starts) + 1.0))[0].astype(np.float64),
        "conversations_open": _open_at(began_s, ended_s, starts),
    }
    counts = np.histogram(np.clip(response_s, 0.0, EDGES_S[-1]), EDGES_S)[0]
    return Seen(kpis, series, counts)


def _within(at_s: Floats, test: LoadTest) -> Floats:
    return at_s[(at_s >= 0) & (at_s < test.duration_s)]


def _open_at(began_s: Floats, ended_s: Floats, moments: Floats) -> Floats:
    """Conversations open at each moment."""
    began = np.searchsorted(np.sort(began_s), moments, side="right")
    ended = np.searchsorted(np.sort(ended_s), moments, side="right")
    return (began - ended).astype(np.float64)


def _quantile(values: Floats, share: float) -> float:
    return float(np.quantile(values, share, method="inverted_cdf")) if len(values) else np.nan


def _mean(flags: NDArray[np.bool_]) -> float:
    return float(flags.mean()) if len(flags) else np.nan


def _mean_series(values: Sequence[Floats]) -> Series:
    mean = np.mean(values, axis=0)
    return Series(np.arange(len(mean), dtype=float).tolist(), mean.tolist())


def _checked(calibration: Calibration) -> Floats:
    times = np.asarray(calibration.times_s, np.float64)
    if not len(times) or not np.all(np.isfinite(times) & (times > 0)):
        raise InputError(
            "calibration: service times must be one or more numbers of seconds > 0; measure them again"
        )
    return times

"""A load test of a running server, as a result document (docs/loadtests.md)."""

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

import msgspec
from msgspec import UNSET

from loadtests import campaign as campaigns
from loadtests import measures
from loadtests.client import Client
from loadtests.conversations import customers_of
from loadtests.generator import Progress, generate, plan_of
from loadtests.trace import Failure, Plan
from scenarios.contacts import contacts_of
from scenarios.errors import InputError
from scenarios.loading import Loaded
from scenarios.provenance import Row, rows
from scenarios.result import Calibration, Kpi, Result, Series, Verdict, provenance_of, write
from scenarios.service_levels import judge

STARTS_PER_S = 500  # conversations; more at once would be a storm of new connections
RAMP_LEAST_S = 5.0
TIMEOUT_S = 10.0  # C132: a message that has not arrived by then counts as lost
DURATION_LEAST_S = 2.0  # intervals need two bins of 1 s
CLIENT_CPU_MAX = 0.6  # above, the load generator's own queue shows in the response times
FAILURES_SHOWN = 5
FAILURES_FILE = "failures.json"


def run(
    loaded: Loaded,
    *,
    target: str,
    token: str,
    conversations: int,
    duration_s: float,
    out: Path | None,
    progress: Progress | None,
    campaign: bool = True,
    calibration: Calibration | None = None,
) -> Result:
    """Hold `conversations` at once against the server at `target` for `duration_s` after a ramp.

    With `campaign`, the scenario's campaign is posted first and its progress read at the end. `calibration`:
    what `loadtests.calibration` found, to be kept in the result. `out`: folder for result.json and
    failures.json. Raises InputError in one line when the target or token is wrong or the load generator dies.
    """
    began = perf_counter()
    tell = progress or (lambda line: None)
    _check(conversations, duration_s)
    plan = _plan(loaded, target, token, conversations, duration_s)
    with Client(target, token) as client:
        client.call("GET", "/healthz")
        client.call("GET", "/stats")
        watch = _post(client, loaded, tell) if campaign else None

        def each_second(line: str) -> None:
            tell(line)
            if watch:
                watch.look()

        trace = generate(plan, each_second)
        seen = measures.window(trace, plan.ramp_s, plan.duration_s)
        kpis = measures.kpis(seen, loaded.scenario.experiment.confidence)
        series = measures.series(seen)
        if watch:
            series["messages_queued"] = measures.by_second(watch.queued, plan.ramp_s)
            kpis |= watch.kpis()
    for line in _shown(trace.failures):
        tell(line)
    result = _result(loaded, plan, seen, kpis, calibration, perf_counter() - began, series)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / FAILURES_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(trace.failures)))
        write(result, out)  # last: where it is, the rest is too
    return result


def _post(client: Client, loaded: Loaded, tell: Progress) -> campaigns.Watch:
    posted = campaigns.post(client, loaded)
    tell(f"campaign posted: {posted.accepted} messages accepted, {posted.rejected} contacts rejected")
    return campaigns.Watch(client, posted)


def _check(conversations: int, duration_s: float) -> None:
    if conversations < 1:
        raise InputError(f"conversations: found {conversations}; must be 1 or more")
    if duration_s < DURATION_LEAST_S:
        raise InputError(f"duration: found {duration_s:g} s; must be {DURATION_LEAST_S:g} s or more")
    allowed = _connections_allowed()
    if allowed is not None and conversations > allowed:
        raise InputError(
            f"conversations: found {conversations}; this system allows a process {allowed} connections "
            "(raise the hard limit of open files: ulimit -Hn)"
        )


def _connections_allowed() -> int | None:
    """From the hard limit of open files; None: no limit is known."""
    try:
        import resource
    except ModuleNotFoundError:  # no such limits on this system
        return None
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return None if hard == resource.RLIM_INFINITY else hard - 100


def _plan(loaded: Loaded, target: str, token: str, conversations: int, duration_s: float) -> Plan:
    scenario = loaded.scenario
    return plan_of(
        loaded,
        target,
        token,
        customers_of(contacts_of(loaded), scenario.experiment.seed),
        conversations=conversations,
        ramp_s=max(RAMP_LEAST_S, conversations / STARTS_PER_S),
        duration_s=duration_s,
        timeout_s=TIMEOUT_S,
        think_time_mean_s=scenario.conversations.think_time_mean_s,
    )


def _shown(failures: Sequence[Failure]) -> list[str]:
    return [
        f"{failure.count} x expected {failure.expected}, got {failure.got}: {failure.text!r}"
        for failure in failures[:FAILURES_SHOWN]
    ]


def _result(
    loaded: Loaded,
    plan: Plan,
    seen: measures.Window,
    kpis: dict[str, Kpi],
    calibration: Calibration | None,
    wall_s: float,
    series: dict[str, Series],
) -> Result:
    distributions = {
        "response_time_s": measures.distribution(seen.response_s),
        "service_time_s": measures.distribution(seen.service_s),
    }
    if calibration is not None:
        distributions["calibration_time_s"] = measures.distribution(calibration.times_s)
    cpu = kpis["client_cpu"].value
    sound = Verdict("client_cpu_max", "client_cpu", CLIENT_CPU_MAX, False, cpu, cpu <= CLIENT_CPU_MAX)
    return Result(
        kind="load",
        scenario=loaded.scenario.name,
        seed=plan.seed,
        replications=1,
        horizon_s=plan.duration_s,
        kpis=kpis,
        series=series,
        distributions=distributions,
        calibration=UNSET if calibration is None else calibration,
        verdicts=[*judge(loaded.scenario.service_levels, kpis), sound],
        provenance=provenance_of(_rows(loaded, plan)),
        wall_s=wall_s,
        exposures=len(seen.due_s),
    )


def _rows(loaded: Loaded, plan: Plan) -> list[Row]:
    """The scenario's parameters, with what this run was asked to do otherwise."""
    asked = {"conversations.at_once": plan.conversations, "conversations.duration_s": plan.duration_s}
    return [
        msgspec.structs.replace(row, value=asked[row.path], source="asked for in this run")
        if row.path in asked and row.value != asked[row.path]
        else row
        for row in rows(loaded)
    ]

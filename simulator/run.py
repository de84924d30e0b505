"""Simulate a scenario: replications, their intervals, the result document."""

from collections.abc import Callable, Sequence
from typing import Literal

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType

from scenarios.loading import Loaded
from scenarios.provenance import rows
from scenarios.result import (
    Calibration,
    Distribution,
    Kpi,
    Result,
    Series,
    Survival,
    Tier,
    WarmUp,
    in_own_currency,
    provenance_of,
)
from scenarios.service_levels import judge
from simulator.conversations import RAMP_S, predict
from simulator.customers.histories import fitted
from simulator.customers.rfm import TIERS
from simulator.engine.tally import edges_of
from simulator.kept import Kept
from simulator.parallel import Cluster
from simulator.replicating import summaries
from simulator.results.steady import STEADY, found_in
from simulator.results.summary import Summary, reported
from simulator.results.survival import Lives, kaplan_meier
from simulator.sending.network import BIN_S
from simulator.statistics.intervals import intervals, student
from simulator.statistics.precision import Goal, Watch, check
from simulator.world import World, world_of

Progress = Callable[[int, int], None]
UNITS = {"delivery_delay_s": "s", "read_delay_s": "s", "order_value_usd": "USD"}


def simulate(
    loaded: Loaded,
    *,
    workers: int = 1,
    cluster: Cluster | None = None,
    calibration: Calibration | None = None,
    progress: Progress | None = None,
    goal: Goal | None = None,
    kept: Kept | None = None,
) -> Result:
    """Run every replication of a scenario and sum them up.

    The same scenario and seed give the same bytes whatever `workers` (processes) or `cluster` run them, and
    whether or not some had been `kept` by a run that was stopped; `wall_s` is therefore 0.
    With `calibration` (measured) the load test of `scenario.conversations` is predicted too.
    With `goal`, replications are added to those of the scenario until one KPI is as precise as that asks;
    `result.precision` says how it went.
    `progress(done, total)` is called after each replication; with a goal, total is its budget. Raises
    InputError for a malformed contact file or service time, or a goal that cannot be.
    """
    loaded = fitted(loaded)
    scenario = loaded.scenario
    experiment = scenario.experiment
    world = world_of(loaded)
    if goal is not None:
        check(goal, reported(world), experiment.replications)
    watch = None if goal is None else Watch(goal, experiment.confidence, experiment.replications)
    total = experiment.replications if goal is None else goal.budget
    ran: list[Summary] = []
    for _, summary in summaries(
        [world],
        total,
        workers=workers,
        cluster=cluster,
        kept=kept,
        wanted=lambda _: watch is None or not watch.done,
    ):
        ran.append(summary)
        if watch is not None:
            watch.add(summary.kpis[watch.goal.kpi])
        if progress is not None:
            progress(len(ran), total)
    warm_up = _warm_up(ran, experiment.warm_up_days)
    kpis = intervals([_without(warm_up, summary) for summary in ran], experiment.confidence)
    result = Result(
        kind="simulation",
        scenario=scenario.name,
        seed=experiment.seed,
        replications=len(ran),
        horizon_s=world.horizon_s,
        kpis=kpis,
        series=_series(ran),
        distributions=_distributions(world, ran),
        verdicts=judge(scenario.service_levels, kpis),
        own_currency=in_own_currency(kpis, scenario.costs.currency, scenario.costs.usd_rate),
        precision=UNSET if watch is None else watch.outcome(),
        tiers=_tiers(ran, experiment.confidence),
        survival=_survival(ran, experiment.confidence),
        warm_up=warm_up,
        provenance=provenance_of(rows(loaded)),
        exposures=int(sum(summary.kpis["messages_sent"] for summary in ran)),
    )
    if calibration is None:
        return result
    return _with_conversations(result, loaded, calibration, workers)


def _with_conversations(result: Result, loaded: Loaded, calibration: Calibration, workers: int) -> Result:
    live = predict(
        loaded,
        at_once=loaded.scenario.conversations.at_once,
        duration_s=loaded.scenario.conversations.duration_s,
        ramp_s=RAMP_S,
        calibration=calibration,
        workers=workers,
    )
    kpis = {**result.kpis, **live.kpis}
    return msgspec.structs.replace(
        result,
        kpis=kpis,
        calibration=calibration,
        series={**result.series, **live.series},
        distributions={**result.distributions, **live.distributions},
        verdicts=judge(loaded.scenario.service_levels, kpis),
    )


def _warm_up(ran: Sequence[Summary], stated: int | Literal["auto"]) -> WarmUp | UnsetType:
    """What is left out of the figures of a lasting state. Raises InputError if none can be found."""
    if stated == "auto":
        found = found_in([summary.daily for summary in ran])
        return WarmUp(max(found.values()), list(ran[0].steady), found)
    if not stated:
        return UNSET
    return WarmUp(stated, [name for name in STEADY if name in ran[0].kpis], {})


def _without(warm_up: WarmUp | UnsetType, summary: Summary) -> dict[str, float]:
    """KPIs of a replication; with a stated warm-up it has left those days out itself."""
    if isinstance(warm_up, UnsetType) or not summary.steady:
        return summary.kpis
    return {**summary.kpis, **{name: float(by[warm_up.days]) for name, by in summary.steady.items()}}


def _series(ran: Sequence[Summary]) -> dict[str, Series]:
    """Means over replications. Rates stand at the beginning of their bin, sums at its end."""
    series = {}
    for name in ran[0].series:
        values = np.mean([summary.series[name] for summary in ran], axis=0)
        offset = 1 if name.endswith("_cum") else 0
        series[name] = Series(((np.arange(len(values)) + offset) * BIN_S).tolist(), values.tolist())
    return series


def _tiers(summaries: Sequence[Summary], confidence: float) -> list[Tier] | UnsetType:
    """Unset when nothing was bought."""
    counted = [summary.tiers for summary in summaries if summary.tiers]
    shares = {
        of: [_share([tiers[of][row] for tiers in counted], confidence) for row in range(len(TIERS))]
        for of in ("customers", "revenue")
    }
    pairs = zip(TIERS, shares["customers"], shares["revenue"], strict=True)
    tiers = [Tier(name, customers, revenue) for name, customers, revenue in pairs if customers and revenue]
    return tiers or UNSET


def _share(values: Sequence[float], confidence: float) -> Kpi | None:
    found = student(values, confidence)
    if found is None:
        return None
    mean, half = found
    return Kpi(mean, max(0.0, mean - half), min(1.0, mean + half), "fraction")


def _survival(ran: Sequence[Summary], confidence: float) -> Survival | UnsetType:
    """All replications pooled; unset when no account was used."""
    lives = Lives(*(np.concatenate([summary.lives[column] for summary in ran]) for column in Lives._fields))
    if not len(lives.days):
        return UNSET
    curve = kaplan_meier(lives, confidence)
    return Survival(
        days=curve.days.tolist(),
        at_risk=curve.at_risk.tolist(),
        share=curve.share.tolist(),
        low=curve.low.tolist(),
        high=curve.high.tolist(),
        accounts=len(lives.days),
        banned=int(np.count_nonzero(lives.banned)),
        watched_days=float(lives.days.max()),
    )


def _distributions(world: World, ran: Sequence[Summary]) -> dict[str, Distribution]:
    """All replications pooled."""
    edges = edges_of(world.scenario)._asdict()
    return {
        name: Distribution(
            edges[name].tolist(),
            np.sum([summary.histograms[name] for summary in ran], axis=0).astype(float).tolist(),
            UNITS[name],
        )
        for name in edges
    }

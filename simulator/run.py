"""Simulate a scenario: replications, their intervals, the result document."""

from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from scenarios.loading import Loaded
from scenarios.provenance import rows
from scenarios.result import Calibration, Distribution, Result, Series, provenance_of
from scenarios.service_levels import judge
from simulator.conversations import RAMP_S, predict
from simulator.intervals import intervals
from simulator.parallel import replicate
from simulator.summary import Summary, simulate_once
from simulator.tally import BIN_S, edges_of
from simulator.world import World, world_of

Progress = Callable[[int, int], None]
UNITS = {"delivery_delay_s": "s", "read_delay_s": "s", "order_value_usd": "USD"}


def simulate(
    loaded: Loaded,
    *,
    workers: int = 1,
    calibration: Calibration | None = None,
    progress: Progress | None = None,
) -> Result:
    """Run every replication of a scenario and sum them up.

    The same scenario and seed give the same bytes whatever `workers` (processes) is; `wall_s` is therefore 0.
    With `calibration` (measured) the load test of `scenario.conversations` is predicted too.
    `progress(done, total)` is called after each replication. Raises InputError for a malformed contact file
    or service time.
    """
    world = world_of(loaded)
    scenario = loaded.scenario
    total = scenario.experiment.replications
    summaries = []
    for summary in replicate(simulate_once, world, total=total, workers=workers):
        summaries.append(summary)
        if progress is not None:
            progress(len(summaries), total)
    kpis = intervals([summary.kpis for summary in summaries], scenario.experiment.confidence)
    result = Result(
        kind="simulation",
        scenario=scenario.name,
        seed=scenario.experiment.seed,
        replications=total,
        horizon_s=world.horizon_s,
        kpis=kpis,
        series=_series(summaries),
        distributions=_distributions(world, summaries),
        verdicts=judge(scenario.service_levels, kpis),
        provenance=provenance_of(rows(loaded)),
        exposures=int(sum(summary.kpis["messages_sent"] for summary in summaries)),
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


def _series(summaries: Sequence[Summary]) -> dict[str, Series]:
    """Means over replications. Rates stand at the beginning of their bin, sums at its end."""
    series = {}
    for name in summaries[0].series:
        values = np.mean([summary.series[name] for summary in summaries], axis=0)
        offset = 1 if name.endswith("_cum") else 0
        series[name] = Series(((np.arange(len(values)) + offset) * BIN_S).tolist(), values.tolist())
    return series


def _distributions(world: World, summaries: Sequence[Summary]) -> dict[str, Distribution]:
    """All replications pooled."""
    edges = edges_of(world.scenario)._asdict()
    return {
        name: Distribution(
            edges[name].tolist(),
            np.sum([summary.histograms[name] for summary in summaries], axis=0).astype(float).tolist(),
            UNITS[name],
        )
        for name in edges
    }

"""Compare variants of a scenario under common random numbers, replication by replication."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from msgspec import UNSET

from scenarios.comparison import Compared, Comparison, Difference
from scenarios.errors import InputError
from scenarios.kpis import UNITS
from scenarios.loading import Loaded
from scenarios.provenance import rows
from scenarios.result import provenance_of
from scenarios.schema import Experiment
from scenarios.variants import Variant
from simulator.customers.histories import fitted
from simulator.kept import Kept
from simulator.parallel import Cluster, Task
from simulator.replicating import summaries
from simulator.results.summary import Summary, reported
from simulator.statistics.intervals import intervals, student
from simulator.statistics.selection import Aim, Choice, check
from simulator.world import World, world_of

Kpis = Mapping[str, float]
Progress = Callable[[int, int], None]


def compare(
    base: Loaded,
    variants: Sequence[Variant],
    *,
    workers: int = 1,
    cluster: Cluster | None = None,
    progress: Progress | None = None,
    kept: Kept | None = None,
    aim: Aim | None = None,
) -> Comparison:
    """Run base and variants with the same seed and replications, and pair them.

    Random numbers are keyed by seed and replication (`simulator.statistics.streams`), so a replication of
    the base and that of a variant share all luck, and their difference varies with what the variant changes
    alone.
    The same input gives the same bytes whatever `workers` (processes) or `cluster` run it, and whether or not
    some runs had been `kept` by one that was stopped. `progress(done, total)` is called after each run.
    With an `aim` the best of base and variants is looked for: beyond the scenario's replications, which alone
    the differences are of, those that may be it go on. Raises InputError for a malformed contact file, or an
    aim that cannot be.
    """
    experiment = base.scenario.experiment
    if experiment.warm_up_days == "auto":
        raise InputError(
            "experiment.warm_up_days: auto may find another number in each variant; "
            "find one with wavetank simulate, and state it for all"
        )
    worlds = [world_of(loaded) for loaded in (base, *(variant.loaded for variant in variants))]
    names = ["base", *(variant.name for variant in variants)]
    choice = None if aim is None else _choice(aim, names, experiment, worlds)
    total = experiment.replications if aim is None else aim.budget
    ran = summaries(
        worlds,
        total,
        workers=workers,
        cluster=cluster,
        kept=kept,
        wanted=lambda task: choice is None or choice.wants(task.shared),
    )
    found = _by_world(ran, len(worlds), choice, lambda done: progress and progress(done, total * len(worlds)))
    before, *after = (own[: experiment.replications] for own in found)
    adjusted = bonferroni(experiment.confidence, len(variants))
    return Comparison(
        scenario=base.scenario.name,
        seed=experiment.seed,
        replications=experiment.replications,
        confidence=experiment.confidence,
        family=len(variants),
        adjusted_confidence=adjusted,
        base=intervals(before, experiment.confidence),
        variants={
            variant.name: Compared(
                variant.settings, intervals(own, experiment.confidence), differences(before, own, adjusted)
            )
            for variant, own in zip(variants, after, strict=True)
        },
        best=UNSET if choice is None else choice.outcome(),
        provenance=provenance_of(rows(fitted(base))),
    )


def _by_world(
    ran: Iterator[tuple[Task, Summary]], worlds: int, choice: Choice | None, progress: Callable[[int], object]
) -> list[list[Kpis]]:
    """KPIs by world and replication; the choice is told each as it comes."""
    found: list[list[Kpis]] = [[] for _ in range(worlds)]
    for done, (task, summary) in enumerate(ran, 1):
        found[task.shared].append(summary.kpis)
        if choice is not None:
            choice.add(task.shared, summary.kpis[choice.aim.kpi])
        progress(done)
    return found


def _choice(aim: Aim, names: Sequence[str], experiment: Experiment, worlds: Sequence[World]) -> Choice:
    others = [set(reported(world)) for world in worlds[1:]]
    in_all = [kpi for kpi in reported(worlds[0]) if all(kpi in other for other in others)]
    check(aim, in_all, experiment.replications)
    return Choice(aim, names, experiment.confidence, experiment.replications)


def bonferroni(confidence: float, family: int) -> float:
    """Level of each of `family` intervals that hold together with at least `confidence`."""
    return 1 - (1 - confidence) / family


def differences(before: Sequence[Kpis], after: Sequence[Kpis], confidence: float) -> dict[str, Difference]:
    """One for each KPI, paired by replication; a pair in which either is undefined (nan) does not count.

    A KPI with fewer than two pairs is left out, and one that only one of both has (without groups, say).
    """
    found = {
        name: difference(name, [b[name] for b in before], [a[name] for a in after], confidence)
        for name in before[0]
        if name in after[0]
    }
    return {name: estimate for name, estimate in found.items() if estimate is not None}


def difference(
    name: str, before: Sequence[float], after: Sequence[float], confidence: float
) -> Difference | None:
    """Mean of after - before with its Student interval (the paired-t method: Law 2015, 10.2.1).

    Values that agree in 12 digits are equal: the rest is rounding of sums over unlike numbers of terms.
    """
    old, new = np.array(before), np.array(after)
    found = student(np.where(np.isclose(old, new, rtol=1e-12, atol=0), 0.0, new - old), confidence)
    if found is None:
        return None
    mean, half = found
    low, high = mean - half, mean + half
    return Difference(mean, low, high, UNITS[name], not low <= 0 <= high)

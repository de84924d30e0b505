"""Replications of one or several worlds, in their order: run now, or taken from an earlier run's folder."""

from collections.abc import Callable, Iterator, Sequence

from simulator.kept import Kept
from simulator.parallel import Cluster, Task, as_done, in_order
from simulator.results.summary import Summary, simulate_once
from simulator.world import World


def summaries(
    worlds: Sequence[World],
    total: int,
    *,
    workers: int = 1,
    cluster: Cluster | None = None,
    kept: Kept | None = None,
    wanted: Callable[[Task], bool] = lambda _: True,
) -> Iterator[tuple[Task, Summary]]:
    """Replication 1 of each world, then 2 of each, up to `total`, but those that are not `wanted`.

    What is wanted may depend on the results so far, and what was not wanted once must never be wanted again:
    then the same ones come whatever runs them, although workers begin some in vain. With `kept`, each is
    written down as soon as it is done, and what is written down already is not run.
    """
    tasks = [Task(world, number) for number in range(1, total + 1) for world in range(len(worlds))]
    if kept is None:
        done: Iterator[tuple[Task, Summary]] = as_done(
            simulate_once, worlds, filter(wanted, tasks), workers, cluster
        )
    else:
        kept.open(worlds)
        done = _with_kept(kept, worlds, tasks, workers, cluster, wanted)
    return in_order(filter(wanted, tasks), done)


def _with_kept(
    kept: Kept,
    worlds: Sequence[World],
    tasks: Sequence[Task],
    workers: int,
    cluster: Cluster | None,
    wanted: Callable[[Task], bool],
) -> Iterator[tuple[Task, Summary]]:
    finished = kept.finished(tasks)
    yield from finished.items()
    to_run = filter(wanted, (task for task in tasks if task not in finished))
    for task, summary in as_done(simulate_once, worlds, to_run, workers, cluster):
        kept.write(task, summary)
        yield task, summary

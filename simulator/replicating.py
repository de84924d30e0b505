"""Replications of one or several worlds, in their order: run now, or taken from an earlier run's folder."""

from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile

from simulator.kept import Kept
from simulator.parallel import Cluster, Task, as_done, in_order
from simulator.summary import Summary, simulate_once
from simulator.world import World


def summaries(
    worlds: Sequence[World],
    total: int,
    *,
    workers: int = 1,
    cluster: Cluster | None = None,
    kept: Kept | None = None,
    wanted: Callable[[], bool] = lambda: True,
) -> Iterator[Summary]:
    """Replication 1 of each world, then 2 of each, up to `total`; no new one is begun once not `wanted`.

    With `kept`, each is written down as soon as it is done, and what is written down already is not run.
    """
    tasks = [Task(world, number) for number in range(1, total + 1) for world in range(len(worlds))]
    if kept is None:
        to_run = takewhile(lambda _: wanted(), tasks)
        return in_order(tasks, as_done(simulate_once, worlds, to_run, workers, cluster))
    kept.open(worlds)
    return in_order(tasks, _with_kept(kept, worlds, tasks, workers, cluster, wanted))


def _with_kept(
    kept: Kept,
    worlds: Sequence[World],
    tasks: Sequence[Task],
    workers: int,
    cluster: Cluster | None,
    wanted: Callable[[], bool],
) -> Iterator[tuple[Task, Summary]]:
    finished = kept.finished(tasks)
    yield from ((task, kept.read(task)) for task in tasks if task in finished)
    to_run = takewhile(lambda _: wanted(), (task for task in tasks if task not in finished))
    for task, summary in as_done(simulate_once, worlds, to_run, workers, cluster):
        kept.write(task, summary)
        yield task, summary

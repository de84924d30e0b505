"""Replications on one or several processes; their results come in order of their numbers either way."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from joblib import Parallel, delayed

Done = TypeVar("Done")


def replicate(run: Callable[..., Done], *shared: Any, total: int, workers: int) -> Iterator[Done]:
    """Yield run(*shared, number) for number = 1 .. total."""
    return in_order(run, ((*shared, number) for number in range(1, total + 1)), workers)


def in_order(run: Callable[..., Done], tasks: Iterable[tuple[Any, ...]], workers: int) -> Iterator[Done]:
    """Yield run(*task) for each task. Tasks are taken as workers become free."""
    if workers == 1:
        yield from (run(*task) for task in tasks)
        return
    yield from Parallel(n_jobs=workers, return_as="generator")(delayed(run)(*task) for task in tasks)

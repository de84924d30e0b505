"""Replications on one or several processes; their results come in order of their numbers either way."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from joblib import Parallel, delayed

Done = TypeVar("Done")


def replicate(run: Callable[..., Done], *shared: Any, total: int, workers: int) -> Iterator[Done]:
    """Yield run(*shared, number) for number = 1 .. total."""
    numbers = range(1, total + 1)
    if workers == 1:
        yield from (run(*shared, number) for number in numbers)
        return
    yield from Parallel(n_jobs=workers, return_as="generator")(delayed(run)(*shared, n) for n in numbers)

"""Tasks on one process, on several, or on a cluster; what they share reaches each worker once.

Results come as they are ready, each with its task, so the engine and its speed change no byte of what is made
of them in order.
"""

import signal
import socket
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from functools import lru_cache, partial
from operator import methodcaller
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar, cast

from scenarios.errors import InputError
from scenarios.interruption import deaf_children

Done = TypeVar("Done")
Run = Callable[[Any, int], Done]
CONNECT_S = 10
IDLE_S = 300  # after which a worker leaves


class Task(NamedTuple):
    """Run `number` (from 1) of the `shared`-th thing that the tasks share."""

    shared: int
    number: int


class Cluster(NamedTuple):
    """Workers on several machines. `scheduler`: its address; None is a Ray cluster on this machine."""

    engine: Literal["dask", "ray"]
    scheduler: str | None = None


def cluster_of(backend: str, scheduler: str | None) -> Cluster | None:
    """The cluster that `--backend` and `--scheduler` name; None: processes of this machine.

    InputError when one of them lacks the other.
    """
    if backend == "loky":
        if scheduler is not None:
            raise InputError("--scheduler: is for a cluster; give --backend dask or --backend ray too")
        return None
    if backend == "dask" and scheduler is None:
        raise InputError(
            "--backend dask: needs the address of a scheduler, as --scheduler tcp://10.0.0.1:8786"
        )
    return Cluster("dask" if backend == "dask" else "ray", scheduler)


def replicate(run: Run[Done], shared: Any, *, total: int, workers: int) -> Iterator[Done]:
    """Yield run(shared, number) for number = 1 .. total."""
    tasks = [Task(0, number) for number in range(1, total + 1)]
    return (result for _, result in in_order(tasks, as_done(run, [shared], tasks, workers)))


def in_order(tasks: Iterable[Task], done: Iterator[tuple[Task, Done]]) -> Iterator[tuple[Task, Done]]:
    """What is done in the order of these tasks; what comes early waits. All that was begun is waited for."""
    early: dict[Task, Done] = {}
    for task in tasks:
        while task not in early:
            came, result = next(done)
            early[came] = result
        yield task, early.pop(task)
    for _ in done:
        pass


def as_done(
    run: Run[Done],
    shared: Sequence[Any],
    tasks: Iterable[Task],
    workers: int = 1,
    cluster: Cluster | None = None,
) -> Generator[tuple[Task, Done], None, None]:
    """Yield (task, run(shared[task.shared], task.number)) as they are done.

    Tasks are taken as workers become free. `workers`: processes of this machine; a `cluster` has its own,
    on which this package must be installed. Raises InputError if the cluster's library is missing or its
    scheduler does not answer.
    """
    if cluster is not None:
        return {"dask": _on_dask, "ray": _on_ray}[cluster.engine](run, shared, tasks, cluster.scheduler)
    if workers > 1:
        return _on_processes(run, shared, tasks, workers)
    return ((task, run(shared[task.shared], task.number)) for task in tasks)


def _as_done(
    begin: Callable[[Task], Any],
    first_done: Callable[[list[Any]], tuple[Iterable[Any], Iterable[Any]]],
    result: Callable[[Any], tuple[Task, Done]],
    tasks: Iterable[Task],
    at_once: int,
    under_way: list[Any],
) -> Generator[tuple[Task, Done], None, None]:
    """Results as they come, with so many tasks `under_way`; `first_done` parts what is done from the rest."""
    for task in tasks:
        under_way.append(begin(task))
        if len(under_way) == at_once:
            done, under_way[:] = first_done(under_way)
            yield from map(result, done)
    while under_way:
        done, under_way[:] = first_done(under_way)
        yield from map(result, done)


def _on_processes(
    run: Run[Done], shared: Sequence[Any], tasks: Iterable[Task], workers: int
) -> Generator[tuple[Task, Done], None, None]:
    """Workers map the arrays of what is shared into memory: one copy for all. They stay for the next call.

    More of them than processors would only take memory.
    """
    from multiprocessing import resource_tracker

    from loky import cpu_count, get_reusable_executor

    resource_tracker.ensure_running()  # were it started with the workers, it would open their ears again
    workers = min(workers, cpu_count())
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    pool = get_reusable_executor(workers, timeout=IDLE_S, initializer=_ignore_interrupts, env=one_thread)

    def begin(task: Task) -> Future[tuple[Task, Done]]:
        with deaf_children():  # the first one starts the workers
            begun: Future[tuple[Task, Done]] = pool.submit(_run_from_file, run, files[task.shared], task)
        return begun

    under_way: list[Future[tuple[Task, Done]]] = []
    with _on_disk(shared) as files:
        try:
            yield from _as_done(
                begin,
                partial(wait, return_when=FIRST_COMPLETED),
                Future.result,
                tasks,
                2 * workers,
                under_way,
            )
        finally:
            if under_way:  # left before the end; the pool must not be killed while its thread hands out tasks
                wait([each for each in under_way if each.cancel()])
                pool.shutdown(kill_workers=True)


@contextmanager
def _on_disk(shared: Sequence[Any]) -> Iterator[list[Path]]:
    import joblib

    with tempfile.TemporaryDirectory(prefix="wavetank-") as folder:
        files = [Path(folder) / str(number) for number in range(len(shared))]
        for each, file in zip(shared, files, strict=True):
            joblib.dump(each, file)
        yield files


def _ignore_interrupts() -> None:
    """Ctrl-C reaches all processes of a terminal; the first one stops the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _run_from_file(run: Run[Done], file: Path, task: Task) -> tuple[Task, Done]:
    return task, run(_opened(file), task.number)


@lru_cache(maxsize=64)
def _opened(file: Path) -> Any:
    import joblib

    return joblib.load(file, mmap_mode="r")


def _on_dask(
    run: Run[Done], shared: Sequence[Any], tasks: Iterable[Task], scheduler: str | None
) -> Generator[tuple[Task, Done], None, None]:
    try:
        from distributed import Client
        from distributed import wait as wait_for
    except ImportError:
        raise InputError("--backend dask: is not installed; pip install 'wavetank[distributed]'") from None
    if (
        not str(scheduler).rstrip("/").rpartition(":")[2].isdigit()
    ):  # else the client waits for what cannot be
        raise InputError(f"--scheduler {scheduler}: must be an address with a port, as tcp://10.0.0.1:8786")
    try:
        client = Client(scheduler, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(f"--scheduler {scheduler}: no Dask scheduler answers: {error}") from None

    def first_done(under_way: list[Any]) -> tuple[Iterable[Any], Iterable[Any]]:
        with client.as_current():  # ours alone; a caller may have another one
            return cast(tuple[set[Any], set[Any]], wait_for(under_way, return_when="FIRST_COMPLETED"))

    with client:
        things = client.scatter(list(shared), broadcast=True, hash=False)
        yield from _as_done(
            lambda task: client.submit(_run_here, run, things[task.shared], task, pure=False),
            first_done,
            methodcaller("result"),
            tasks,
            2 * max(sum(client.nthreads().values()), 1),
            [],
        )


def _run_here(run: Run[Done], shared: Any, task: Task) -> tuple[Task, Done]:
    return task, run(shared, task.number)


def _on_ray(
    run: Run[Done], shared: Sequence[Any], tasks: Iterable[Task], scheduler: str | None
) -> Generator[tuple[Task, Done], None, None]:
    if scheduler is not None:
        _check_answers(scheduler)
    try:
        import ray
    except ImportError:
        raise InputError("--backend ray: is not installed; pip install 'wavetank[ray]'") from None
    try:
        ray.init(scheduler, log_to_driver=False, logging_level="error")
    except (ConnectionError, ValueError) as error:
        raise InputError(f"--scheduler {scheduler}: no Ray cluster answers: {error}") from None
    try:
        remote, things = ray.remote(_run_here), [ray.put(each) for each in shared]
        yield from _as_done(
            lambda task: remote.remote(run, things[task.shared], task),
            ray.wait,
            ray.get,
            tasks,
            2 * int(ray.cluster_resources()["CPU"]),
            [],
        )
    finally:
        ray.shutdown()


def _check_answers(scheduler: str) -> None:
    """Ray itself tries for minutes."""
    host, _, port = scheduler.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host, int(port)), CONNECT_S).close()
    except (OSError, ValueError) as error:
        raise InputError(
            f"--scheduler {scheduler}: no Ray cluster answers at this HOST:PORT: {error}"
        ) from None

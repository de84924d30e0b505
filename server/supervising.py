"""Several workers on one socket: started, watched, started again when one dies, and stopped together.

A worker is a process of its own that accepts from the shared socket. Its one link to this process is a pipe:
on it the worker says that it is ready, or in one line why it cannot start; and when this process is gone, the
pipe's end tells the worker to stop. Ctrl-C comes to this process alone.
"""

import contextlib
import logging
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from scenarios.errors import InputError
from scenarios.interruption import deaf_children
from server.http.listening import STOP_S, prepare_process
from server.worker import Told, work

logger = logging.getLogger(__name__)

RESTART_S = 1.0  # between the end of a worker and the start of the next in its place
READY = "ready"
_spawn = get_context("spawn")  # a fork would copy threads' locks in whatever state they are


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    link: Connection
    is_ready: bool = False


@dataclass(slots=True)
class _Crew:
    told: Told
    listener: socket.socket
    workers: list[_Worker] = field(default_factory=list)
    start_at: list[float] = field(default_factory=list)  # by the monotonic clock: when to start one more


def supervise(told: Told, listener: socket.socket, ready: Callable[[], None], count: int) -> None:
    """Keep `count` workers running until SIGINT or SIGTERM; then stop them all and return.

    `ready` is called once, when all of them accept. InputError if a first one cannot start.
    """
    prepare_process()
    crew = _Crew(told, listener)
    with _told_to_stop() as stop:
        try:
            crew.workers = [_start(told, listener) for _ in range(count)]
            if _all_ready(crew, stop):
                ready()
                _watch(crew, stop)
        finally:
            _stop(crew)


def _start(told: Told, listener: socket.socket) -> _Worker:
    ours, theirs = _spawn.Pipe()
    process = _spawn.Process(target=_main, args=(told, listener, theirs), name="wavetank-worker")
    resource_tracker.ensure_running()  # now: its own start lets Ctrl-C come again
    with deaf_children():
        process.start()
    theirs.close()
    return _Worker(process, ours)


def _main(told: Told, listener: socket.socket, link: Connection) -> None:
    """What a worker's process runs."""

    def say(what: str) -> None:
        with contextlib.suppress(BrokenPipeError):  # nobody listens any more: the leash ends us
            link.send(what)

    try:
        work(told, listener, lambda: say(READY), leash=link.fileno())
    except InputError as error:
        say(str(error))
        sys.exit(2)


def _all_ready(crew: _Crew, stop: Connection) -> bool:
    """Wait for the first start of all; False when told to stop before."""
    while not all(worker.is_ready for worker in crew.workers):
        if stop in _wait(crew, stop, None):
            return False
        for worker in crew.workers:
            if (refusal := _hear(worker)) is not None:
                raise InputError(refusal)
    return True


def _watch(crew: _Crew, stop: Connection) -> None:
    """Replace each worker that ends, until told to stop."""
    while True:
        timeout_s = max(0.0, min(crew.start_at) - time.monotonic()) if crew.start_at else None
        if stop in _wait(crew, stop, timeout_s):
            return
        for worker in crew.workers:
            if (end := _hear(worker)) is not None:
                logger.error("a worker ended (%s); another takes its place", end)
                crew.start_at.append(time.monotonic() + RESTART_S)
        crew.workers = [worker for worker in crew.workers if worker.process.is_alive()]
        for at_s in [at_s for at_s in crew.start_at if at_s <= time.monotonic()]:
            crew.start_at.remove(at_s)
            crew.workers.append(_start(crew.told, crew.listener))


def _wait(crew: _Crew, stop: Connection, timeout_s: float | None) -> Sequence[object]:
    return wait([stop, *(worker.link for worker in crew.workers)], timeout_s)


def _hear(worker: _Worker) -> str | None:
    """What a worker has to say: None while all is well, else why it is gone."""
    said = None
    while worker.link.poll():
        try:
            said = worker.link.recv()
        except EOFError:
            worker.process.join()
            worker.link.close()
            return f"exit status {worker.process.exitcode}"  # minus the signal that killed it
        if said == READY:
            worker.is_ready = True
        else:
            worker.process.join()
            worker.link.close()
            return str(said)
    return None


def _stop(crew: _Crew) -> None:
    """Ask all of them to finish; those that do not are killed."""
    for worker in crew.workers:
        worker.process.terminate()
    until = time.monotonic() + STOP_S + 5
    for worker in crew.workers:
        worker.process.join(max(0.0, until - time.monotonic()))
        worker.process.kill()
        worker.process.join()
        worker.link.close()


@contextlib.contextmanager
def _told_to_stop() -> Iterator[Connection]:
    """A connection that has something to read once SIGINT or SIGTERM has come."""
    told, tell = _spawn.Pipe(duplex=False)

    def pass_on(_signal: int, _frame: object) -> None:
        tell.send_bytes(b"stop")

    before = {one: signal.signal(one, pass_on) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield told
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
        told.close()
        tell.close()

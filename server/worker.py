"""One process that serves: the service, and HTTP in front of it, on a socket that is bound already."""

import asyncio
import contextlib
import logging
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import uvicorn
import uvloop

from scenarios.loading import Loaded
from server.app import make_app
from server.service import open_service
from server.store.opening import Place

BACKLOG = 4096
KEEP_ALIVE_S = 75  # longer than the longest usual think time of a customer
STOP_S = 10  # for requests under way


@dataclass(frozen=True, slots=True)
class Settings:
    """What a worker is told.

    `start_s` (Unix seconds) is where the clock starts: None for now at speed 1, else the scenario's
    experiment.start. `scopes_of` gives the tokens of this run by digest.
    """

    loaded: Loaded
    place: Place
    speed: float
    start_s: float | None
    scopes_of: Mapping[bytes, Sequence[str]]


def work(
    settings: Settings, listener: socket.socket, ready: Callable[[], None], leash: int | None = None
) -> None:
    """Serve until SIGINT or SIGTERM; then finish what is under way, write it down and return.

    `ready` is called when connections are accepted. `leash` is a file descriptor whose end, when its other
    side is closed, stops this process too. InputError if the database cannot be opened.
    """
    set_up_logging()
    _raise_file_limit()
    with (
        contextlib.suppress(KeyboardInterrupt),  # SIGINT while it starts
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(_work(settings, listener, ready, leash))


def set_up_logging() -> None:
    """Warnings and worse, on stderr."""
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s"
    )
    # A warning for each malformed request would flood.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)


async def _work(
    settings: Settings, listener: socket.socket, ready: Callable[[], None], leash: int | None
) -> None:
    async with open_service(
        settings.loaded,
        settings.place,
        start_s=_start_s(settings),
        speed=settings.speed,
        scopes_of=settings.scopes_of,
    ) as service:
        config = uvicorn.Config(
            make_app(service),
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=STOP_S,
            backlog=BACKLOG,
            server_header=False,
            proxy_headers=False,  # nothing here asks for the address of a client
        )
        server = _Server(config, ready, service.watching.stop)
        if leash is not None:
            server.stop_when_readable(leash)
        await server.serve(sockets=[listener])


def _start_s(settings: Settings) -> float:
    if settings.start_s is not None:
        return settings.start_s
    return time.time() if settings.speed == 1 else settings.loaded.scenario.experiment.start.timestamp()


class _Server(uvicorn.Server):
    """Says when it really accepts, and returns on a signal instead of dying of it: there is more to close."""

    def __init__(
        self, config: uvicorn.Config, ready: Callable[[], None], stopping: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._ready = ready
        self._stopping = stopping

    def stop_when_readable(self, file: int) -> None:
        loop = asyncio.get_running_loop()

        def stop() -> None:
            loop.remove_reader(file)
            self.should_exit = True

        loop.add_reader(file, stop)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._stopping()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        before = {one: signal.signal(one, self.handle_exit) for one in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)


def _raise_file_limit() -> None:
    """A connection is a file; the soft limit of 1,024 is below the conversations of a load test."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

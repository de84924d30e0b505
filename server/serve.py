"""Runs the server in this process until it is told to stop."""

import asyncio
import contextlib
import logging
import resource
import secrets
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator

import uvicorn
import uvloop

from scenarios.errors import InputError
from scenarios.loading import Loaded
from server.app import make_app
from server.auth import SCOPES, check_length, digest
from server.service import open_service
from server.store.opening import Place, place_of

BACKLOG = 4096
KEEP_ALIVE_S = 75  # longer than the longest usual think time of a customer
STOP_S = 10  # for requests under way


def serve(
    loaded: Loaded,
    *,
    host: str,
    port: int,
    db: str,
    speed: float,
    token: str | None,
    start_s: float | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM; then finish what is under way, write it down and return.

    `port` 0 takes a free one; `db` is a path, or the URL of a SQLite or PostgreSQL database; `speed` is how
    many times faster the clock runs; `start_s` (Unix seconds) is where it starts: by default now at speed 1,
    else the scenario's experiment.start.
    Prints `token: ...  (shown once)` when `token` is None and it made one, then `listening on URL`.
    InputError for a port in use, a database that cannot be opened, or a token that could be guessed.
    """
    if token is not None:
        check_length(token)
    if start_s is None:
        start_s = time.time() if speed == 1 else loaded.scenario.experiment.start.timestamp()
    place = place_of(db)
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("uvicorn.error").setLevel(
        logging.ERROR
    )  # a warning for each malformed request would flood
    _raise_file_limit()
    with (
        contextlib.suppress(KeyboardInterrupt),  # SIGINT while it starts
        contextlib.closing(_bind(host, port)) as listener,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(_serve(loaded, listener, place, start_s, speed, token))


async def _serve(
    loaded: Loaded, listener: socket.socket, place: Place, start_s: float, speed: float, token: str | None
) -> None:
    made = secrets.token_urlsafe(24) if token is None else None
    scopes_of = {digest(made or token or ""): SCOPES}
    async with open_service(loaded, place, start_s=start_s, speed=speed, scopes_of=scopes_of) as service:
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
        greeting = _greeting(listener, made)
        await _Server(config, greeting, service.watching.stop).serve(sockets=[listener])


def _greeting(listener: socket.socket, made: str | None) -> str:
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    first = f"token: {made}  (shown once)\n" if made is not None else ""
    return f"{first}listening on http://{shown}:{port}\n"


class _Server(uvicorn.Server):
    """Says when it really accepts, and returns on a signal instead of dying of it: there is more to close."""

    def __init__(self, config: uvicorn.Config, greeting: str, stopping: Callable[[], None]) -> None:
        super().__init__(config)
        self._greeting = greeting
        self._stopping = stopping

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        sys.stdout.write(self._greeting)
        sys.stdout.flush()

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


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise InputError(
            f"--port {port}: cannot listen on {host}: {error.strerror or error}; "
            "give another port, or 0 for a free one"
        ) from None
    return listener


def _raise_file_limit() -> None:
    """A connection is a file; the soft limit of 1,024 is below the conversations of a load test."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

"""Runs the server until it is told to stop: in this process, or in several that share a socket."""

import contextlib
import secrets
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from scenarios.errors import InputError
from scenarios.loading import Loaded
from server.auth import SCOPES, check_length, digest
from server.store.opening import place_of
from server.supervising import supervise
from server.worker import BACKLOG, Settings, work


def serve(
    loaded: Loaded,
    *,
    host: str,
    port: int,
    db: str,
    speed: float,
    token: str | None,
    start_s: float | None = None,
    workers: int = 1,
) -> None:
    """Serve until SIGINT or SIGTERM; then finish what is under way, write it down and return.

    `port` 0 takes a free one; `db` is a path, or the URL of a SQLite or PostgreSQL database; `speed` is how
    many times faster the clock runs; `start_s` (Unix seconds) is where it starts: by default now at speed 1,
    else the scenario's experiment.start; `workers` is the number of processes, 1 on SQLite.
    Prints `token: ...  (shown once)` when `token` is None and it made one, then `listening on URL`.
    InputError for a port in use, a database that cannot be opened or shared, or a token easily guessed.
    """
    if token is not None:
        check_length(token)
    place = place_of(db)
    if workers > 1 and isinstance(place, Path):
        raise InputError(
            f"--workers {workers}: a SQLite file serves one; give --db postgresql://USER:PASSWORD@HOST/NAME"
        )
    made = secrets.token_urlsafe(24) if token is None else None
    settings = Settings(loaded, place, speed, start_s, {digest(made or token or ""): SCOPES})
    with contextlib.closing(_bind(host, port)) as listener:
        ready = _greeter(listener, made)
        if workers == 1:
            work(settings, listener, ready)
        else:
            supervise(settings, listener, ready, workers)


def _greeter(listener: socket.socket, made: str | None) -> Callable[[], None]:
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    first = f"token: {made}  (shown once)\n" if made is not None else ""

    def greet() -> None:
        sys.stdout.write(f"{first}listening on http://{shown}:{port}\n")
        sys.stdout.flush()

    return greet


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

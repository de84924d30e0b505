"""Runs the server until it is told to stop: in this process, or in several that share a socket."""

import contextlib
import os
import secrets
from functools import partial
from pathlib import Path

from scenarios.errors import InputError
from scenarios.loading import Loaded
from server.http.auth import SCOPES, check_token, digest
from server.http.listening import announce, bind, greeting
from server.store.opening import place_of
from server.supervising import supervise
from server.worker import Told, work


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
        check_token(token)
    place = place_of(db)
    if workers > 1 and isinstance(place, Path):
        raise InputError(
            f"--workers {workers}: a SQLite file serves one; give --db postgresql://USER:PASSWORD@HOST/NAME"
        )
    made = secrets.token_urlsafe(24) if token is None else None
    told = Told(
        loaded,
        place,
        speed,
        start_s,
        scopes_of={digest(made or token or ""): SCOPES},
        app_secret=os.environ.get("WAVETANK_APP_SECRET") or secrets.token_hex(16),
        alone=workers == 1,
    )
    with contextlib.closing(bind(host, port)) as listener:
        ready = partial(announce, greeting(listener, made))
        if told.alone:
            work(told, listener, ready)
        else:
            supervise(told, listener, ready, workers)

"""Runs the server in this process until it is told to stop."""

import asyncio
import contextlib
import os
import secrets
import socket
import time

import uvloop

from scenarios.loading import Loaded
from server.app import make_app
from server.auth import SCOPES, check_length, digest
from server.listening import bind, greeting, prepare_process, run
from server.network.graph.emulator import Settings
from server.network.graph.options import Options, settings_of
from server.network.graph.serve import new_emulator
from server.service import open_service
from server.store.opening import Place, place_of


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
    prepare_process()
    with (
        contextlib.suppress(KeyboardInterrupt),  # SIGINT while it starts
        contextlib.closing(bind(host, port)) as listener,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(_serve(loaded, listener, place, start_s, speed, token))


async def _serve(
    loaded: Loaded, listener: socket.socket, place: Place, start_s: float, speed: float, token: str | None
) -> None:
    made = secrets.token_urlsafe(24) if token is None else None
    scopes_of = {digest(made or token or ""): SCOPES}
    async with open_service(loaded, place, start_s=start_s, speed=speed, scopes_of=scopes_of) as service:
        emulator = new_emulator(loaded, _settings(loaded), service.clock, service.dispatcher.wake)
        try:
            await run(make_app(service, emulator), listener, greeting(listener, made), service.watching.stop)
        finally:
            await emulator.close()


def _settings(loaded: Loaded) -> Settings:
    """The Cloud API beside the server: every option at its default, webhooks where clients subscribe."""
    secret = os.environ.get("WAVETANK_APP_SECRET") or secrets.token_hex(16)
    return settings_of(loaded, Options(), secret)

"""Runs the emulator alone: one base URL for a bot or a client library."""

import asyncio
import contextlib
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import uvloop

from scenarios.contacts import contacts_of
from scenarios.errors import InputError
from scenarios.loading import Loaded
from server.clock import Clock
from server.http.auth import SCOPES, Tokens, check_token, digest
from server.http.listening import announce, bind, greeting, prepare_process, run
from server.network.graph.addresses import NotAllowed
from server.network.graph.app import make_app
from server.network.graph.emulator import Emulator, Settings


@dataclass(frozen=True, slots=True)
class Serving:
    """Where and how it is served. `start_s` (Unix seconds) None: the clock starts at the real time."""

    host: str
    port: int
    speed: float = 1.0
    start_s: float | None = None
    token: str | None = None
    made_secret: str | None = None  # an app secret to show
    with_names: bool = False  # of the contact file


def serve(loaded: Loaded, settings: Settings, serving: Serving) -> None:
    """Serve until SIGINT or SIGTERM.

    Prints the ids, the token and the app secret if they were made here, and `listening on URL`.
    InputError for a port in use, a token that could be guessed, or a webhook URL that is not allowed.
    """
    if serving.token is not None:
        check_token(serving.token)
    prepare_process()
    with (
        contextlib.suppress(KeyboardInterrupt),  # SIGINT while it starts
        contextlib.closing(bind(serving.host, serving.port)) as listener,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(_serve(loaded, settings, serving, listener))


async def _serve(loaded: Loaded, settings: Settings, serving: Serving, listener: socket.socket) -> None:
    made = secrets.token_urlsafe(24) if serving.token is None else None
    tokens = Tokens({digest(made or serving.token or ""): SCOPES})
    clock = Clock(serving.start_s if serving.start_s is not None else time.time(), serving.speed)
    emulator = new_emulator(loaded, settings, clock, with_names=serving.with_names)
    try:
        said = _first_lines(emulator, serving) + greeting(listener, made)
        await run(make_app(emulator, tokens), listener, partial(announce, said))
    finally:
        await emulator.close()


def new_emulator(
    loaded: Loaded,
    settings: Settings,
    clock: Clock,
    clock_changed: Callable[[], None] = lambda: None,
    *,
    with_names: bool = False,
) -> Emulator:
    """The emulator of a scenario; InputError for a webhook URL that is not allowed.

    `clock_changed` is called when a control sets the clock, which others may share. `with_names`: customers
    are called as in the contact file, which must be read for it.
    """
    names = _names(loaded) if with_names else {}
    try:
        return Emulator(settings, loaded.scenario, clock, names, clock_changed)
    except NotAllowed as error:
        raise InputError(f"--webhook-url: {error}; allow a host with --allow-webhook HOST") from None


def _names(loaded: Loaded) -> dict[str, str]:
    """What the scenario's contacts are called, by number."""
    return {
        contact.e164.removeprefix("+"): contact.variables["name"]
        for contact in contacts_of(loaded)
        if contact.e164 is not None and contact.variables.get("name")
    }


def _first_lines(emulator: Emulator, serving: Serving) -> str:
    """What a client must be told, a line each."""
    lines = [f"phone number id: {one.id}  (+{one.display})" for one in emulator.numbers.values()]
    account = emulator.account
    lines += [f"account id: {account.waba_id}", f"app id: {account.app_id}"]
    lines.append(f"business id: {account.business_id}")
    if serving.made_secret is not None:
        lines.append(f"app secret: {serving.made_secret}  (shown once)")
    return "".join(f"{line}\n" for line in lines)

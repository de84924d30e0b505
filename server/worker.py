"""One process that serves: the service, and HTTP in front of it, on a socket that is bound already."""

import asyncio
import contextlib
import gc
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass

import uvloop

from scenarios.errors import InputError
from scenarios.loading import Loaded
from server.app import make_app
from server.http.listening import prepare_process, run
from server.memory import forget_code_of_the_start
from server.network.graph.emulator import Emulator
from server.network.graph.options import Options, settings_of
from server.network.graph.serve import new_emulator
from server.service import Service, open_service
from server.store.database import StoreUnavailable
from server.store.opening import Place, shown

# Objects made and not freed between two collections (Python: 700). With 64 requests under way that many are
# alive at any moment, and to look at them each time took a tenth of the processor.
COLLECT = 10_000


@dataclass(frozen=True, slots=True)
class Told:
    """What a worker is told.

    `start_s` (Unix seconds) is where the clock starts: None for now at speed 1, else the scenario's
    experiment.start. `scopes_of` gives the tokens of this run by digest. `alone`: it has no colleagues.
    """

    loaded: Loaded
    place: Place
    speed: float
    start_s: float | None
    scopes_of: Mapping[bytes, Sequence[str]]
    app_secret: str
    alone: bool


def work(told: Told, listener: socket.socket, ready: Callable[[], None], leash: int | None = None) -> None:
    """Serve until SIGINT or SIGTERM; then finish what is under way, write it down and return.

    `ready` is called when connections are accepted. `leash` is a file descriptor whose end, when its other
    side is closed, stops this process too. InputError if the database cannot be opened.
    """
    prepare_process()
    with (
        contextlib.suppress(KeyboardInterrupt),  # SIGINT while it starts
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        try:
            runner.run(_work(told, listener, ready, leash))
        except StoreUnavailable as error:  # at the start: later, requests are told
            raise InputError(f"--db {shown(told.place)}: the database fails: {error}") from None


async def _work(told: Told, listener: socket.socket, ready: Callable[[], None], leash: int | None) -> None:
    async with (
        open_service(
            told.loaded, told.place, start_s=_start_s(told), speed=told.speed, scopes_of=told.scopes_of
        ) as service,
        _cloud_api(told, service) as emulator,
    ):
        # What is there now stays: a collection that goes through it all would hold up requests for a tenth of
        # a second every few thousand.
        gc.collect()
        gc.freeze()
        gc.set_threshold(COLLECT)
        forget_code_of_the_start()
        await run(make_app(service, emulator), listener, ready, service.watching.stop, leash)


@contextlib.asynccontextmanager
async def _cloud_api(told: Told, service: Service) -> AsyncIterator[Emulator | None]:
    """The Cloud API beside the server: every option at its default, webhooks where clients subscribe.

    It lives in the memory of one process, so there is none where a request may come to any of several.
    """
    if not told.alone:
        yield None
        return
    settings = settings_of(told.loaded, Options(), told.app_secret)
    emulator = new_emulator(told.loaded, settings, service.clock, service.dispatcher.wake)
    try:
        yield emulator
    finally:
        await emulator.close()


def _start_s(told: Told) -> float:
    if told.start_s is not None:
        return told.start_s
    return time.time() if told.speed == 1 else told.loaded.scenario.experiment.start.timestamp()

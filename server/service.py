"""A running server without its HTTP: the database opened, the parts put together, the loops started."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, func, insert, select

from scenarios.contacts import contacts_of, read_contacts
from scenarios.loading import Loaded
from scenarios.schema import Scenario
from server import delivering, replying, tagging
from server.auth import Tokens
from server.clock import Clock
from server.dispatch.replies import new_rules
from server.dispatcher import Dispatcher
from server.holding import Cancel, Holding, Pause, Resume
from server.leases import Leases, Leave, Renew, Seat, join
from server.network import emulated
from server.numbers import Numbers
from server.planning import Planner
from server.reading import latest_s
from server.scheduling import Release, Replan, Scheduling, Send
from server.store import contacts as contact_store
from server.store import tables
from server.store.database import Database, StoreUnavailable
from server.store.opening import Place, Stores, open_stores
from server.store.tables import accounts, inbound, messages
from server.store.tokens import IssueToken, find_scopes, issue, load_tokens
from server.store.writer import Step, Writer
from server.watching import Watching

logger = logging.getLogger(__name__)

DAY_S = 86_400.0
DAYS_PER_MONTH = 30.44


@dataclass(frozen=True, slots=True)
class Service:
    """What the routes work with."""

    scenario: Scenario
    clock: Clock
    readers: Database
    writer: Writer
    planner: Planner
    dispatcher: Dispatcher
    numbers: Numbers
    tokens: Tokens
    watching: Watching
    leases: Leases | None
    loops: "Loops"

    @property
    def is_alive(self) -> bool:
        """Whether accepted messages will go out."""
        return self.loops.are_running

    async def admit(self, headers: Sequence[tuple[bytes, bytes]], scope: str) -> frozenset[str]:
        """`Tokens.demand`, also for a token that another worker has just issued."""
        if self.leases is not None and (unknown := self.tokens.unknown(headers)) is not None:
            scopes = await self.readers.run(partial(find_scopes, digest=unknown))
            if scopes is not None:
                self.tokens.add(unknown, scopes)
        return self.tokens.demand(headers, scope)


@contextlib.asynccontextmanager
async def open_service(
    loaded: Loaded, place: Place, *, start_s: float, speed: float, scopes_of: Mapping[bytes, Sequence[str]]
) -> AsyncIterator[Service]:
    """Open the database and run the writer and the dispatcher until the block ends; then nothing is pending.

    `start_s` is where the clock starts, unless the database has seen later times; `scopes_of` gives the
    tokens of this run by digest. InputError if the database or the contacts cannot be read.
    """
    with open_stores(place, tables.SCHEMA, emulated.SCHEMA) as stores:
        start_s = max(start_s, await stores.readers.run(latest_s))
        await stores.writer.run(partial(_populate, loaded=loaded, now_s=start_s))
        clock, seat = Clock(start_s, speed), None
        if stores.beat is not None:
            seat, clock = await stores.writer.run(partial(join, start_s=start_s, speed=speed))
        service = await _assemble(loaded.scenario, clock, seat, stores, scopes_of)
        try:
            yield service
        finally:
            await _stop(service)


async def _assemble(
    scenario: Scenario,
    clock: Clock,
    seat: Seat | None,
    stores: Stores,
    scopes_of: Mapping[bytes, Sequence[str]],
) -> Service:
    network = emulated.Network(stores.record, scenario.network, scenario.experiment.seed)
    planner = Planner(scenario.pacing, scenario.experiment.seed)
    known = await stores.readers.run(partial(_known, seat=seat))
    leases = Leases(stores.beat, seat, planner) if stores.beat is not None and seat is not None else None
    writer = Writer(stores.writer, _steps(scenario, clock, planner, known, leases))
    dispatcher = Dispatcher(writer, network, planner, clock, stores.readers, leases)
    loops = Loops(writer.run(), dispatcher.run())
    if leases is not None:
        loops.beat_with(leases)
    tokens = Tokens({**known.tokens, **scopes_of})
    return Service(
        scenario,
        clock,
        stores.readers,
        writer,
        planner,
        dispatcher,
        Numbers(),
        tokens,
        Watching(),
        leases,
        loops,
    )


class _Known(NamedTuple):
    """What a server that starts must know of what its database holds."""

    tokens: Mapping[bytes, Sequence[str]]
    next_inbound: int
    next_message: int


def _known(connection: Connection, seat: Seat | None) -> _Known:
    return _Known(
        tokens=load_tokens(connection),
        next_inbound=_next_id(connection, inbound.c.id) if seat is None else seat.first_id,
        next_message=_next_id(connection, messages.c.id) if seat is None else seat.first_id,
    )


def _steps(
    scenario: Scenario, clock: Clock, planner: Planner, known: _Known, leases: Leases | None
) -> list[Step]:
    """In the order that is right for a group: STOP and pauses, then plans, then bans, then claims."""
    replies = scenario.replies
    rulebook = new_rules(
        replies.rules,
        fuzzy_score=replies.fuzzy_score,
        delay_min_s=replies.delay_min_s,
        delay_max_s=replies.delay_max_s,
        max_per_hour=replies.max_per_hour,
    )
    answering = replying.Replying(rulebook, clock, known.next_inbound)
    scheduling = Scheduling(planner, clock, known.next_message, leases)
    settling = delivering.Settling(scenario.campaign.retry_after_h * 3600, scenario.campaign.retries)
    claiming = delivering.Claiming(clock, None if leases is None else leases.worker)
    return [
        *([] if leases is None else [Step((Renew, Leave), leases.apply)]),
        Step((delivering.Sent,), delivering.record_sent),
        Step((delivering.Settle,), settling.apply),
        Step((delivering.Recall,), delivering.recall),
        Step((replying.Close,), replying.close),
        Step((replying.Inbound,), answering.apply),
        Step((tagging.Tag,), tagging.tag),
        Step((tagging.Import,), tagging.import_tags),
        Step((Pause, Resume, Cancel), Holding(clock).apply),
        Step((Send, Release, Replan), scheduling.apply),
        Step((delivering.Ban,), delivering.Banning(planner, clock).apply),
        Step((IssueToken,), issue),
        Step((delivering.Claim,), claiming.apply),
    ]


def _next_id(connection: Connection, column: Column[int]) -> int:
    return (connection.execute(select(func.max(column))).scalar() or 0) + 1


def _populate(connection: Connection, loaded: Loaded, now_s: float) -> None:
    """The scenario's contacts into an empty table, and its accounts as far as they are missing."""
    scenario = loaded.scenario
    if contact_store.is_empty(connection):
        contact_store.load(connection, contacts_of(loaded)[: scenario.population.size])
        read_contacts.cache_clear()  # they are in the database now
    have = connection.execute(select(func.count()).select_from(accounts)).scalar_one()
    old = scenario.accounts.count - scenario.accounts.new_count
    since_s = now_s - scenario.accounts.age_months * DAYS_PER_MONTH * DAY_S
    missing: list[dict[str, Any]] = [
        {"id": index, "first_send_s": since_s if index < old else None}
        for index in range(have, scenario.accounts.count)
    ]
    if missing:
        connection.execute(insert(accounts), missing)


class Loops:
    """What runs as long as the server: `writer` and `dispatcher` until their end, and signs of life."""

    def __init__(self, writer: Coroutine[Any, Any, None], dispatcher: Coroutine[Any, Any, None]) -> None:
        self.writer = _watched(writer)
        self.dispatcher = _watched(dispatcher)
        self.beat: asyncio.Task[None] | None = None

    def beat_with(self, leases: Leases) -> None:
        """Others take over as soon as one of the loops has ended."""
        self.beat = _watched(leases.beat(lambda: self.are_running))

    @property
    def are_running(self) -> bool:
        return not (self.writer.done() or self.dispatcher.done())


async def _stop(service: Service) -> None:
    """The dispatcher first; then the writer, when all that waits is committed."""
    loops = service.loops
    loops.dispatcher.cancel()
    await asyncio.wait({loops.dispatcher})
    if loops.beat is not None:
        loops.beat.cancel()
        await asyncio.wait({loops.beat})
        with contextlib.suppress(StoreUnavailable):  # then the others find out by themselves
            await service.writer.submit(Leave())
    service.writer.stop()
    await asyncio.wait({loops.writer})


def _watched(running: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    loop = asyncio.create_task(running)
    loop.add_done_callback(_report_end)
    return loop


def _report_end(loop: asyncio.Task[None]) -> None:
    if not loop.cancelled() and (error := loop.exception()) is not None:
        logger.critical("a loop of the server ended; /healthz says so", exc_info=error)

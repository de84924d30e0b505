"""A running server without its HTTP: the database opened, the parts put together, the loops started."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, func, insert, select

from scenarios.contacts import contacts_of, read_contacts
from scenarios.loading import Loaded
from scenarios.schema import Scenario
from server import delivering, replying, searching, tagging
from server.audiences import Audiences
from server.auth import Tokens
from server.clock import Clock
from server.dispatch.routing import Teams
from server.dispatch.tag_rules import StandingRule
from server.dispatcher import Dispatcher
from server.events import Events, Happening
from server.holding import Cancel, Holding, Pause, Resume
from server.inbox import Close, Handle, Inbox, PassOn, SayDue
from server.indexing import Indexing
from server.network import emulated
from server.numbers import Numbers
from server.planning import Planner
from server.policy import reply_policy
from server.reading import latest_s
from server.scheduling import Release, Replan, Scheduling, Send
from server.searching import IndexTexts
from server.seen import Seen
from server.store import contacts as contact_store
from server.store import tables
from server.store.database import Database
from server.store.opening import Place, Stores, open_stores
from server.store.tables import accounts, inbound, messages
from server.store.tokens import IssueToken, issue, load_tokens
from server.store.writer import Step, Writer
from server.upkeep import Upkeep, standing_rules
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
    indexing: Indexing
    audiences: Audiences
    standing_rules: Sequence[StandingRule]
    teams: Teams
    watching: Watching
    seen: dict[tuple[str, str], Seen]  # by method and path of the route
    loops: Sequence[asyncio.Task[None]]

    @property
    def is_alive(self) -> bool:
        """Whether accepted messages will go out."""
        return not any(loop.done() for loop in self.loops)


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
        service = await _assemble(loaded.scenario, Clock(start_s, speed), stores, scopes_of)
        try:
            yield service
        finally:
            await _stop(service)


async def _assemble(
    scenario: Scenario,
    clock: Clock,
    stores: Stores,
    scopes_of: Mapping[bytes, Sequence[str]],
) -> Service:
    network = emulated.Network(stores.record, scenario.network, scenario.experiment.seed)
    planner = Planner(scenario.pacing, scenario.experiment.seed)
    known = await stores.readers.run(_known)
    indexing, rules = Indexing(stores.readers, clock.speed), standing_rules(scenario.tagging)
    policy = reply_policy(scenario.replies, lambda: indexing.index)
    writer = Writer(stores.writer, _steps(scenario, clock, planner, known, policy))
    dispatcher = Dispatcher(writer, network, planner, clock, stores.readers)
    upkeep = Upkeep(writer, stores.readers, indexing, clock, rules, scenario.replies.unread_timeout_s)
    loops = tuple(asyncio.create_task(one.run()) for one in (writer, dispatcher, upkeep))
    for loop in loops:
        loop.add_done_callback(_report_end)
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
        indexing,
        Audiences(indexing, stores.readers, clock),
        rules,
        policy.teams,
        Watching(),
        {},
        loops,
    )


class _Known(NamedTuple):
    """What a server that starts must know of what its database holds."""

    tokens: Mapping[bytes, Sequence[str]]
    next_inbound: int
    next_message: int


def _known(connection: Connection) -> _Known:
    return _Known(
        tokens=load_tokens(connection),
        next_inbound=_next_id(connection, inbound.c.id),
        next_message=_next_id(connection, messages.c.id),
    )


def _steps(
    scenario: Scenario, clock: Clock, planner: Planner, known: _Known, policy: replying.Policy
) -> list[Step]:
    """In the order that is right for a group: STOP and pauses, then plans, then bans, then claims."""
    answering = replying.Replying(policy, clock, known.next_inbound)
    inbox = Inbox(policy.teams, clock, scenario.replies.unread_timeout_s)
    scheduling = Scheduling(planner, clock, known.next_message)
    tags = tagging.Tagging(clock)
    settling = delivering.Settling(scenario.campaign.retry_after_h * 3600, scenario.campaign.retries)
    return [
        Step((delivering.Sent,), delivering.record_sent),
        Step((delivering.Settle,), settling.apply),
        Step((delivering.Recall,), delivering.recall),
        Step((Close,), inbox.close),
        Step((Handle,), inbox.handle),
        Step((replying.Inbound,), answering.apply),
        Step((PassOn,), inbox.pass_on),
        Step((SayDue,), inbox.say_due),
        Step((IndexTexts,), searching.index_texts),
        Step((tagging.ChangeTaxonomy,), tags.change_taxonomy),
        Step((tagging.Tag,), tags.tag),
        Step((tagging.Import,), tags.import_tags),
        Step((tagging.UseTags,), tags.use),
        Step((Happening,), Events(scenario.tagging.event_rules, clock).apply),
        Step((Pause, Resume, Cancel), Holding(clock).apply),
        Step((Send, Release, Replan), scheduling.apply),
        Step((delivering.Ban,), delivering.Banning(planner, clock).apply),
        Step((IssueToken,), issue),
        Step((delivering.Claim,), delivering.Claiming(clock).apply),
    ]


def _next_id(connection: Connection, column: Column[int]) -> int:
    return (connection.execute(select(func.max(column))).scalar() or 0) + 1


def _populate(connection: Connection, loaded: Loaded, now_s: float) -> None:
    """The scenario's contacts into an empty table, and its accounts as far as they are missing."""
    scenario = loaded.scenario
    if contact_store.is_empty(connection):
        contact_store.load(connection, contacts_of(loaded)[: scenario.population.size], now_s)
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


async def _stop(service: Service) -> None:
    """The others first; then the writer, when all that waits is committed."""
    writing, *others = service.loops
    for loop in others:
        loop.cancel()
    await asyncio.wait(others)
    service.writer.stop()
    await asyncio.wait({writing})


def _report_end(loop: asyncio.Task[None]) -> None:
    if not loop.cancelled() and (error := loop.exception()) is not None:
        logger.critical("a loop of the server ended; /healthz says so", exc_info=error)

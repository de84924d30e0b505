"""A running server without its HTTP: the database opened, the parts put together, the loops started."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection, func, insert, select

from scenarios.contacts import each_contact
from scenarios.loading import Loaded
from scenarios.schema import Scenario
from server.analytics.watching import Watching
from server.clock import Clock
from server.contacts import tagging
from server.contacts.audiences import Audiences
from server.contacts.events import Events, Happening
from server.contacts.indexing import Indexing
from server.contacts.numbers import Numbers
from server.conversations import replying, searching
from server.conversations.conveying import (
    Convey,
    Conveyed,
    Conveying,
    SettleAnswers,
    conveyed,
    settle_answers,
)
from server.conversations.inbox import Close, Handle, Inbox, PassOn, SayDue
from server.conversations.policy import reply_policy
from server.conversations.searching import IndexTexts
from server.dispatch.routing import Teams
from server.dispatch.tag_rules import StandingRule
from server.http.auth import Tokens
from server.http.problems import Problem
from server.http.seen import Seen
from server.network import emulated
from server.network.answers import Answers
from server.retention import Forget, Forgetting, Retention
from server.sending import delivering
from server.sending.dispatcher import Dispatcher
from server.sending.handing import StillDue, still_due
from server.sending.holding import Cancel, Holding, Pause, Resume
from server.sending.leases import Leases, Leave, Renew, Seat, join
from server.sending.planning import Planner
from server.sending.reading import latest_s
from server.sending.scheduling import PlanWith, Release, Scheduling, Send, Unplan
from server.store import contacts as contact_store
from server.store import tables
from server.store.database import Database, StoreUnavailable
from server.store.directory import Directory
from server.store.ids import Ids
from server.store.opening import Place, Stores, open_stores
from server.store.tables import accounts, inbound, messages
from server.store.tokens import IssueToken, RevokeToken, issue, load_tokens, revoke
from server.store.writer import Step, Writer
from server.upkeep import Upkeep, standing_rules

logger = logging.getLogger(__name__)

DAY_S = 86_400.0
DAYS_PER_MONTH = 30.44
# Who sends first is told when it will go; after a long stop they are answered sooner than planned.
RECOVERY_S = 1.0
TAKEN_BACK_S = 1.0  # real seconds between looks whether the token of an open stream still holds


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
    leases: Leases | None
    loops: "Loops"

    @property
    def is_alive(self) -> bool:
        """Whether accepted messages will go out."""
        return self.loops.are_running

    async def admit(self, headers: Sequence[tuple[bytes, bytes]], scope: str) -> frozenset[str]:
        """`Tokens.demand`, also for what another worker has just issued or revoked."""
        if self.leases is not None and (
            self.tokens.are_old(time.monotonic()) or self.tokens.unknown(headers) is not None
        ):
            await self._renew_tokens()
        return self.tokens.demand(headers, scope)

    async def taken_back(self, headers: Sequence[tuple[bytes, bytes]], scope: str) -> None:
        """Returns once `admit` would no longer let the caller in.

        TAKEN_BACK_S later at most if this worker took the token back, half a second more if another did. All
        open streams share the looks at the database; while it does not answer, they show nothing new.
        """
        with contextlib.suppress(Problem):
            while True:
                await asyncio.sleep(TAKEN_BACK_S)
                if self.leases is not None:
                    with contextlib.suppress(StoreUnavailable):
                        await self.watching.latest("tokens", self._renew_tokens)
                self.tokens.demand(headers, scope)

    async def _renew_tokens(self) -> None:
        seen_s = time.monotonic()
        self.tokens.renew(await self.readers.run(load_tokens), seen_s)


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
            await service.dispatcher.recovered(RECOVERY_S)
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
    leases = Leases(stores.beat, seat, planner) if stores.beat is not None and seat is not None else None
    indexing, rules = Indexing(stores.readers, clock.speed), standing_rules(scenario.tagging)
    policy = reply_policy(scenario.replies, lambda: indexing.index)
    directory = None
    if leases is None:
        directory = Directory()
        await stores.writer.run(directory.load)
    writer = Writer(stores.writer, _steps(scenario, clock, planner, policy, directory, leases))
    dispatcher = Dispatcher(writer, network, planner, clock, stores.readers, leases)
    writer.lost_track = dispatcher.lose_track
    answers = Answers(stores.record, scenario.network, scenario.experiment.seed)
    unread_s = scenario.replies.unread_timeout_s
    upkeep = Upkeep(writer, stores.readers, indexing, clock, rules, unread_s, answers, leases)
    if leases is not None:
        await leases.beat_once()
    keep_s = scenario.storage.keep_days * DAY_S
    retention = Retention(writer, (network, answers), clock, keep_s, leases)
    tokens = Tokens(scopes_of)
    tokens.renew(await stores.readers.run(load_tokens), time.monotonic())
    # The last: what fails from here on would leave them to a database that is closed.
    loops = Loops(writer.run(), dispatcher.run(), upkeep.run(), retention.run())
    if leases is not None:
        loops.beat_with(leases)
    return Service(
        scenario,
        clock,
        stores.readers,
        writer,
        planner,
        dispatcher,
        Numbers(None if directory is None else directory.has),
        tokens,
        indexing,
        Audiences(indexing, stores.readers, clock),
        rules,
        policy.teams,
        Watching(),
        {},
        leases,
        loops,
    )


def _steps(
    scenario: Scenario,
    clock: Clock,
    planner: Planner,
    policy: replying.Policy,
    directory: Directory | None,
    leases: Leases | None,
) -> list[Step]:
    """In the order that is right for a group: STOP and pauses, then plans, then bans, then claims."""
    is_shared = leases is not None
    answering = replying.Replying(policy, clock, Ids(inbound.c.id, is_shared))
    inbox = Inbox(policy.teams, clock, scenario.replies.unread_timeout_s)
    conveying = Conveying(policy.teams, clock)
    key_life_s = scenario.storage.key_life_h * 3600
    ids = Ids(messages.c.id, is_shared)
    scheduling = Scheduling(planner, clock, ids, key_life_s, directory, leases)
    tags = tagging.Tagging(clock, scenario.imports)
    settling = delivering.Settling(scenario.campaign.retry_after_h * 3600, scenario.campaign.retries)
    claiming = delivering.Claiming(clock, None if leases is None else leases.worker)
    return [
        *([] if leases is None else [Step((Renew, Leave), leases.apply)]),
        Step((delivering.Sent,), delivering.record_sent, brief=(delivering.Sent,)),
        Step((delivering.Settle,), settling.apply, brief=(delivering.Settle,)),
        Step((delivering.Recall,), delivering.recall),
        Step((Close,), inbox.close),
        Step((Handle,), inbox.handle),
        Step((replying.Inbound,), answering.apply, brief=(replying.Inbound,)),
        Step((PassOn,), inbox.pass_on),
        Step((SayDue,), inbox.say_due),
        Step((Conveyed,), conveyed),
        Step((SettleAnswers,), settle_answers),
        Step((Convey,), conveying.convey),
        Step((IndexTexts,), searching.index_texts),
        Step((tagging.ChangeTaxonomy,), tags.change_taxonomy),
        Step((tagging.Tag,), tags.tag),
        Step((tagging.Import,), tags.import_tags),
        Step((tagging.UseTags,), tags.use),
        Step((Happening,), Events(scenario.tagging.event_rules, clock).apply),
        Step((Pause, Resume, Cancel), Holding(clock).apply),
        Step((StillDue,), still_due),
        Step((Send, Release, Unplan, PlanWith), scheduling.apply, brief=(Send,), answers_first=True),
        Step((delivering.Ban,), delivering.Banning(planner, clock).apply),
        Step((IssueToken,), issue),
        Step((RevokeToken,), revoke),
        Step((Forget,), Forgetting(clock, scenario.storage.keep_days * DAY_S).apply),
        Step((delivering.Claim,), claiming.apply, brief=(delivering.Claim,)),
    ]


def _populate(connection: Connection, loaded: Loaded, now_s: float) -> None:
    """The scenario's contacts into an empty table, and its accounts as far as they are missing."""
    scenario = loaded.scenario
    if contact_store.is_empty(connection):
        listed = enumerate(each_contact(loaded))  # to the last, which may be malformed
        of_population = (row for place, row in listed if place < scenario.population.size)
        contact_store.load(connection, of_population, now_s)
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
    """What runs as long as the server; `beat` gives signs of life to others."""

    def __init__(
        self,
        writer: Coroutine[Any, Any, None],
        dispatcher: Coroutine[Any, Any, None],
        upkeep: Coroutine[Any, Any, None],
        retention: Coroutine[Any, Any, None],
    ) -> None:
        self.writer = _watched(writer)
        self.dispatcher = _watched(dispatcher)
        self.upkeep = _watched(upkeep)
        self.retention = _watched(retention)
        self.beat: asyncio.Task[None] | None = None

    def beat_with(self, leases: Leases) -> None:
        """Others take over as soon as one of the loops has ended."""
        self.beat = _watched(leases.beat(lambda: self.are_running))

    @property
    def are_running(self) -> bool:
        return not any(loop.done() for loop in (self.writer, self.dispatcher, self.upkeep, self.retention))


async def _stop(service: Service) -> None:
    """The others first; then the writer, when all that waits is committed."""
    loops = service.loops
    others = [loops.dispatcher, loops.upkeep, loops.retention]
    for loop in others:
        loop.cancel()
    await asyncio.wait(others)
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

"""The loop for what time brings: turns that pass on, guides and answers to say, tags by standing rules."""

import asyncio
import logging
from collections.abc import Sequence
from functools import partial

from sqlalchemy import Connection, select

from scenarios.errors import InputError
from scenarios.schema import Tagging
from server.clock import Clock
from server.contacts.indexing import Indexing
from server.contacts.tagging import Tag
from server.conversations.conveying import Convey, Conveyed, SettleAnswers, to_convey
from server.conversations.inbox import PassOn, SayDue
from server.conversations.searching import IndexTexts, not_indexed
from server.dispatch.contact_index import ContactIndex
from server.dispatch.filters import FilterError, parse
from server.dispatch.tag_rules import StandingRule, due_changes
from server.network.answers import Answers
from server.sending.leases import Leases
from server.store.database import Database, StoreUnavailable
from server.store.tables import conversations, said
from server.store.writer import Writer

logger = logging.getLogger(__name__)

ROUND_S = 60.0  # seconds of the clock between rounds: a fifth of the deadline of rules (T110)
SHORTEST_S = 0.5  # real seconds between rounds
LOOK_S = 0.2  # real seconds between looks for what is due
PAUSE_S = 1.0  # real seconds before asking a failing database again
CHUNK = 10_000  # contacts in one transaction


class Upkeep:
    def __init__(
        self,
        writer: Writer,
        readers: Database,
        indexing: Indexing,
        clock: Clock,
        rules: Sequence[StandingRule],
        unread_s: float,
        answers: Answers,
        leases: Leases | None = None,
    ) -> None:
        """`answers`: the network's side of them.

        `leases`: where several workers share the tags, one of them does this for all.
        """
        self._writer = writer
        self._readers = readers
        self._unread_s = unread_s
        self._indexing = indexing
        self._clock = clock
        self._answers = answers
        self._rules = rules
        self._leases = leases
        self._texts: dict[str, int] = {}  # the last ones not indexed at the last look

    async def run(self) -> None:
        """Until cancelled."""
        rules_s = 0.0
        while True:
            try:
                leads = self._leases is None or self._leases.leads
                if leads:
                    await self._look()
                    await self._convey()
                if self._clock.now() >= rules_s:
                    rules_s = self._clock.now() + max(ROUND_S, SHORTEST_S * self._clock.speed)
                    index = await self._indexing.fresh()  # answers by what customers did look at it too
                    if leads:
                        await self._retag_all(index)
            except StoreUnavailable as error:
                logger.error("upkeep stands still, trying again: %s", error)
                await asyncio.sleep(PAUSE_S)
            await asyncio.sleep(LOOK_S)

    async def _look(self) -> None:
        """What is due is looked for without a write."""
        look = partial(_due, now_s=self._clock.now(), unread_s=self._unread_s)
        due, texts = await self._readers.run(look)
        if texts and texts == self._texts:  # nobody writes at the moment
            due.append(IndexTexts())
        self._texts = texts
        await asyncio.gather(*(self._writer.submit(request) for request in due))

    async def _convey(self) -> None:
        """Hand over what was said, and ask what became of what was handed over before."""
        is_waiting, under_way = await self._readers.run(to_convey)
        if is_waiting:
            answers = await self._writer.submit(Convey())
            # No await between the commit and this call: no STOP can be answered in between.
            await self._answers.accept(answers)
            await self._writer.submit(Conveyed(answers))
        outcomes = await self._answers.outcomes(under_way, self._clock.now()) if under_way else []
        if outcomes:
            await self._writer.submit(SettleAnswers(outcomes))

    async def _retag_all(self, index: ContactIndex) -> None:
        for name, (gain, lose) in due_changes(index, self._rules, self._clock.now()).items():
            await self._retag(index.ids(gain).tolist(), [name], [])
            await self._retag(index.ids(lose).tolist(), [], [name])

    async def _retag(self, ids: Sequence[int], add: Sequence[str], remove: Sequence[str]) -> None:
        for start in range(0, len(ids), CHUNK):
            chunk = ids[start : start + CHUNK]
            request = Tag(None, chunk, (), add, remove, True, reason="standing rule", lenient=True)
            await self._writer.submit(request, weight=1 + len(chunk))


def _due(
    connection: Connection, now_s: float, unread_s: float
) -> tuple[list[PassOn | SayDue | IndexTexts], dict[str, int]]:
    """The requests that have something to do, and which texts are not indexed."""
    overdue = (conversations.c.closed_s.is_(None), conversations.c.unread_s.is_not(None))
    passing = select(conversations.c.id).where(*overdue, conversations.c.turn_s <= now_s - unread_s)
    promised = (said.c.said_s.is_(None), said.c.cancelled_s.is_(None))
    saying = select(said.c.id).where(*promised, said.c.due_s <= now_s)
    found: list[PassOn | SayDue | IndexTexts] = []
    found += [PassOn()] if connection.execute(passing.limit(1)).first() else []
    found += [SayDue()] if connection.execute(saying.limit(1)).first() else []
    return found, not_indexed(connection)


def standing_rules(tagging: Tagging) -> list[StandingRule]:
    """The scenario's rules; InputError names the first that cannot be read."""
    rules = []
    for place, rule in enumerate(tagging.standing_rules):
        try:
            rules.append(StandingRule(parse(rule.when), tuple(rule.add), tuple(rule.remove)))
        except FilterError as error:
            raise InputError(f"tagging.standing_rules[{place}].when: {error}") from None
    return rules

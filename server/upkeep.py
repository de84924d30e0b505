"""The loop for what time brings: tags that standing rules give and take."""

import asyncio
import logging
from collections.abc import Sequence

from scenarios.errors import InputError
from scenarios.schema import Tagging
from server.clock import Clock
from server.dispatch.filters import FilterError, parse
from server.dispatch.tag_rules import StandingRule, due_changes
from server.indexing import Indexing
from server.leases import Leases
from server.store.database import StoreUnavailable
from server.store.writer import Writer
from server.tagging import Tag

logger = logging.getLogger(__name__)

ROUND_S = 60.0  # seconds of the clock between rounds: a fifth of the deadline of rules (T110)
SHORTEST_S = 0.5  # real seconds
PAUSE_S = 1.0  # real seconds before asking a failing database again
CHUNK = 10_000  # contacts in one transaction


class Upkeep:
    def __init__(
        self,
        writer: Writer,
        indexing: Indexing,
        clock: Clock,
        rules: Sequence[StandingRule],
        leases: Leases | None = None,
    ) -> None:
        """`leases`: where several workers share the tags, one of them does this for all."""
        self._writer = writer
        self._indexing = indexing
        self._clock = clock
        self._rules = rules
        self._leases = leases

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                if self._leases is None or self._leases.leads:
                    await self._round()
            except StoreUnavailable as error:
                logger.error("upkeep stands still, trying again: %s", error)
                await asyncio.sleep(PAUSE_S)
            await asyncio.sleep(max(SHORTEST_S, ROUND_S / self._clock.speed))

    async def _round(self) -> None:
        index = await self._indexing.fresh()
        for name, (gain, lose) in due_changes(index, self._rules, self._clock.now()).items():
            await self._retag(index.ids(gain).tolist(), [name], [])
            await self._retag(index.ids(lose).tolist(), [], [name])

    async def _retag(self, ids: Sequence[int], add: Sequence[str], remove: Sequence[str]) -> None:
        for start in range(0, len(ids), CHUNK):
            chunk = ids[start : start + CHUNK]
            request = Tag(None, chunk, (), add, remove, True, reason="standing rule", lenient=True)
            await self._writer.submit(request, weight=1 + len(chunk))


def standing_rules(tagging: Tagging) -> list[StandingRule]:
    """The scenario's rules; InputError names the first that cannot be read."""
    rules = []
    for place, rule in enumerate(tagging.standing_rules):
        try:
            rules.append(StandingRule(parse(rule.when), tuple(rule.add), tuple(rule.remove)))
        except FilterError as error:
            raise InputError(f"tagging.standing_rules[{place}].when: {error}") from None
    return rules

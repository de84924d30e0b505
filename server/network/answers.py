"""The emulated network's side of what people and guides answer: taken once, and told what became of it.

It is asked for outcomes and does not tell them by itself: there are few, and whoever asks may be another
worker than the one that handed them over.
"""

from collections.abc import Collection, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection, bindparam, delete, select

from server.network.delivery import Settings, fates_of_answers
from server.network.emulated import answers
from server.store.bulk import Bulk
from server.store.database import Database
from server.store.dialects import InsertOr, among


class Answer(NamedTuple):
    """One text to a customer who wrote before. `sent_s` in Unix seconds."""

    answer_id: int
    account: int
    phone: str
    sent_s: float


class Outcome(NamedTuple):
    """What became of an answer; `reason` None: delivered."""

    answer_id: int
    settled_s: float
    reason: str | None


class Answers:
    """`database` is the network's own. Every call raises StoreUnavailable when it does not answer."""

    def __init__(self, database: Database, settings: Settings, seed: int) -> None:
        self._database = database
        self._settings = settings
        self._seed = seed

    async def accept(self, taken: Sequence[Answer]) -> None:
        """Take them; durable on return. One that is known is not taken twice."""
        if not taken:
            return
        answer_id, account, phone, sent_s = zip(*taken, strict=True)
        reason, delay_s = fates_of_answers(self._settings, self._seed, phone, answer_id)
        columns = {
            "answer_id": answer_id,
            "account": account,
            "phone": phone,
            "sent_s": sent_s,
            "settles_s": (np.array(sent_s) + delay_s).tolist(),
            "reason": reason,
        }
        await self._database.run(partial(_ACCEPT.execute_columns, **columns))

    async def outcomes(self, ids: Collection[int], now_s: float) -> list[Outcome]:
        """Of these answers, those whose outcome is known by now."""
        return await self._database.run(partial(_outcomes, ids=list(ids), now_s=now_s))

    async def forget(self, before_s: float, limit: int) -> bool:
        """Delete at most so many of the oldest that settled before; whether there may be more."""
        gone = await self._database.run(partial(_forget, before_s=before_s, limit=limit))
        return gone == limit


def _outcomes(connection: Connection, ids: Sequence[int], now_s: float) -> list[Outcome]:
    return [Outcome(*row) for row in connection.execute(_SETTLED, {"ids": ids, "now": now_s})]


def _forget(connection: Connection, before_s: float, limit: int) -> int:
    """How many; the oldest are those with the least ids."""
    oldest = connection.execute(_OLDEST, {"limit": limit}).all()
    gone = [row.answer_id for row in oldest if row.settles_s < before_s]
    connection.execute(_DELETE, {"ids": gone})
    return len(gone)


_NEW = ("answer_id", "account", "phone", "sent_s", "settles_s", "reason")
_ACCEPT = Bulk(
    InsertOr(answers, "(answer_id) DO UPDATE SET times = answers.times + 1").values(
        {name: bindparam(name) for name in _NEW}
    )
)
_SETTLED = select(answers.c.answer_id, answers.c.settles_s, answers.c.reason).where(
    among(answers.c.answer_id, "ids"), answers.c.settles_s <= bindparam("now")
)
_OLDEST = (
    select(answers.c.answer_id, answers.c.settles_s).order_by(answers.c.answer_id).limit(bindparam("limit"))
)
_DELETE = delete(answers).where(among(answers.c.answer_id, "ids"))

"""Who does what when several servers work on one PostgreSQL database.

Every worker accepts requests. Each account belongs to one worker, which alone sends for it; one worker plans
for all accounts, so that every rule of pacing is kept by one pacer. What a worker holds it holds while it
lives: it says so every BEAT_S, and one that has not for LEASE_S is taken for dead. The others share out what
it had; whoever gets an account asks the network about all that was under way on it.

Two clocks are kept apart: `alive_until_s` is Unix time by the database's own clock, the same for all workers.
That a worker still holds what it acts on is checked in the transaction that acts. Only the hand-over to the
network is outside of any: `is_fresh` says, by the worker's own clock, whether anybody could have taken over.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Float,
    bindparam,
    cast,
    delete,
    exists,
    extract,
    func,
    insert,
    literal,
    select,
    update,
)

from scenarios.errors import InputError
from server.clock import Clock
from server.sending.planning import Planner
from server.store.database import Database, StoreUnavailable
from server.store.dialects import among
from server.store.tables import accounts, workers
from server.store.writer import Applied

logger = logging.getLogger(__name__)

# Assumed: four beats may be missed (a stalled disk, a busy machine) before others take over, and a takeover
# still comes within seconds.
BEAT_S = 1.0
LEASE_S = 5.0
SPARE_S = 1.0  # of a lease: nothing is handed over so shortly before its end


@dataclass(frozen=True, slots=True)
class Renew:
    """Hold on to what is ours, take what is free, give back what is too much. Answer: Held."""


@dataclass(frozen=True, slots=True)
class Leave:
    """Give back all at once: this worker stops. Answer: None."""


class Held(NamedTuple):
    """What a worker holds. `anew`: it has to find out about all of it, since it was taken for dead before."""

    accounts: frozenset[int]
    plans: bool
    anew: bool
    plan_is_stale: bool  # it plans, and has to plan anew


class Seat(NamedTuple):
    """A worker: its number, which no other ever has, and how the clock that all share is worked out.

    The clock showed `clock_s` when the database's clock showed `real_s`.
    """

    id: int
    clock_s: float
    real_s: float
    speed: float


class Leases:
    """What one worker holds; `beat` has to run as long as it does."""

    def __init__(self, database: Database, seat: Seat, planner: Planner) -> None:
        self.worker = seat.id
        self._seat = seat
        self._database = database
        self._planner = planner
        self._fresh_until = 0.0
        self.leads = False  # it plans, as of the last renewal: what one of all should do is its to do

    @property
    def is_fresh(self) -> bool:
        """Whether nobody can have taken this worker for dead yet."""
        return time.monotonic() < self._fresh_until

    async def beat(self, is_alive: Callable[[], bool]) -> None:
        """Say every BEAT_S that this worker lives, until it does not."""
        while is_alive():
            try:
                await self.beat_once()
            except StoreUnavailable as error:
                logger.error("the lease is not renewed, trying again: %s", error)
            await asyncio.sleep(BEAT_S)

    async def beat_once(self) -> None:
        """Say that this worker lives. Raises StoreUnavailable."""
        said = time.monotonic()
        if await self._database.run(partial(_extend, worker=self.worker)):
            self._fresh_until = said + LEASE_S - SPARE_S

    def apply(self, connection: Connection, requests: Sequence[Renew | Leave]) -> Applied:
        """The step for Renew and Leave."""
        leaves = any(isinstance(request, Leave) for request in requests)
        if leaves:
            _bury(connection, workers.c.id == self.worker)
        held = None if leaves else self._renew(connection)
        return Applied([None if isinstance(one, Leave) else held for one in requests], self._forget(held))

    def may_plan(self, connection: Connection) -> bool:
        """Whether this worker still is the one that plans; true until the transaction's end."""
        return bool(connection.execute(_PLANS, {"worker": self.worker}).scalar())

    def _renew(self, connection: Connection) -> Held:
        now_s = _now_s(connection)
        lapsed = not _extend(connection, self.worker)
        if lapsed:
            _take_seat(connection, self._seat, now_s)
        _bury(connection, workers.c.alive_until_s < now_s)
        connection.execute(_TAKE_PLAN, {"worker": self.worker})
        plans, plan_is_stale = connection.execute(_PLAN, {"worker": self.worker}).one()
        if plan_is_stale:
            connection.execute(_PLAN_SEEN, {"worker": self.worker})
        return Held(_share(connection, self.worker), plans, lapsed, plan_is_stale)

    def _forget(self, held: Held | None) -> Callable[[], None]:
        """A plan of ours is worth nothing when somebody else may have planned since."""

        def committed() -> None:
            self.leads = held is not None and held.plans
            if held is None or not held.plans or held.plan_is_stale:
                self._planner.forget()

        return committed


def join(connection: Connection, *, start_s: float, speed: float) -> tuple[Seat, Clock]:
    """Become a worker. The first one's clock starts at `start_s`; the others go by the same clock.

    InputError if the others' clock runs at another speed.
    """
    now_s = _now_s(connection)
    _bury(connection, workers.c.alive_until_s < now_s)
    other = connection.execute(_CLOCK).first()
    if other is not None and other.speed != speed:
        raise InputError(f"--speed {speed:g}: the servers of this database run at {other.speed:g}; give that")
    worker: int = connection.execute(_NEXT_WORKER).scalar_one()
    seat = Seat(worker, start_s, now_s, speed) if other is None else Seat(worker, *other)
    _take_seat(connection, seat, now_s)
    return seat, Clock(seat.clock_s + (now_s - seat.real_s) * speed, speed)


def ask_for_plan(connection: Connection) -> None:
    """Whoever plans is to plan anew."""
    connection.execute(update(workers).where(workers.c.plans).values(plan_is_stale=True))


def _now_s(connection: Connection) -> float:
    return float(connection.execute(select(_NOW_S)).scalar_one())


def _take_seat(connection: Connection, seat: Seat, now_s: float) -> None:
    row = {**seat._asdict(), "alive_until_s": now_s + LEASE_S, "plans": False, "plan_is_stale": False}
    connection.execute(insert(workers), row)


def _extend(connection: Connection, worker: int) -> bool:
    """False if this worker was taken for dead."""
    return connection.execute(_EXTEND, {"worker": worker}).rowcount == 1


def _bury(connection: Connection, gone: ColumnElement[bool]) -> None:
    """What these workers held is free."""
    connection.execute(delete(workers).where(gone))
    connection.execute(_FREE_ACCOUNTS)


def _share(connection: Connection, worker: int) -> frozenset[int]:
    """An even share of the accounts; what is ours already stays ours as far as it goes."""
    owners = connection.execute(select(accounts.c.id, accounts.c.worker_id).order_by(accounts.c.id)).all()
    share = math.ceil(len(owners) / connection.execute(_COUNT_WORKERS).scalar_one())
    ours = [key for key, owner in owners if owner == worker]
    free = [key for key, owner in owners if owner is None][: max(0, share - len(ours))]
    for keys, owner in ((free, worker), (ours[share:], None)):
        if keys:
            connection.execute(_GIVE, {"keys": keys, "owner": owner})
    return frozenset((*ours[:share], *free))


_NOW_S = cast(extract("epoch", func.clock_timestamp()), Float)
_CLOCK = select(workers.c.clock_s, workers.c.real_s, workers.c.speed).order_by(workers.c.id).limit(1)
_NEXT_WORKER = select(func.nextval("worker_numbers"))
_EXTEND = (
    update(workers).where(workers.c.id == bindparam("worker")).values(alive_until_s=_NOW_S + literal(LEASE_S))
)
_FREE_ACCOUNTS = (
    update(accounts)
    .where(accounts.c.worker_id.is_not(None), accounts.c.worker_id.not_in(select(workers.c.id)))
    .values(worker_id=None)
)
_COUNT_WORKERS = select(func.count()).select_from(workers)
_GIVE = update(accounts).where(among(accounts.c.id, "keys")).values(worker_id=bindparam("owner"))
_THIS = workers.c.id == bindparam("worker")
_others = workers.alias()
_TAKE_PLAN = (
    update(workers).where(_THIS, ~exists().where(_others.c.plans)).values(plans=True, plan_is_stale=True)
)
_PLANS = select(workers.c.plans).where(_THIS)
_PLAN = select(workers.c.plans, workers.c.plan_is_stale).where(_THIS)
_PLAN_SEEN = update(workers).where(_THIS).values(plan_is_stale=False)

"""Planning anew goes by parts: others are answered meanwhile, and nothing is booked that is not known."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import msgspec
import pytest
from query_plans import query_plans
from sqlalchemy import Connection, func, select

from scenarios.loading import load
from server import service
from server.clock import Clock
from server.network import emulated
from server.sending import dispatcher
from server.sending.accepting import read_send
from server.sending.delivering import Ban
from server.sending.planning import fleet_from
from server.sending.scheduling import PlanWith, Release, Unplan
from server.sending.waiting import forget_plans, released
from server.service import Service, open_service
from server.store import tables
from server.store.opening import open_stores
from server.store.tables import QUEUED, WAITING, messages
from server.wire import Accepted, SendBody

LOADED = load("bulk_send", ["population.size=1", "accounts.count=3", "accounts.new_count=0"])
START_S = LOADED.scenario.experiment.start.timestamp()
PART = 10


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of a few messages, and a clock that stands: only what is due at once is sent."""
    monkeypatch.setattr(service, "Clock", partial(Clock, monotonic=lambda: 0.0))
    monkeypatch.setattr(dispatcher, "PART", PART)


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Service]:
    async with open_service(LOADED, folder / "w.db", start_s=START_S, speed=1.0, scopes_of={}) as server:
        yield server


@asynccontextmanager
async def without_dispatcher(folder: Path) -> AsyncIterator[Service]:
    async with opened(folder) as server:
        server.loops.dispatcher.cancel()
        await asyncio.wait({server.loops.dispatcher})
        yield server


async def send(server: Service, numbers: Sequence[int]) -> Accepted:
    to = [{"to": f"+12125{number:06}", "timezone": "UTC"} for number in numbers]
    body = msgspec.convert({"template": "Hi", "recipients": to}, SendBody)
    request = await read_send(body, None, server.numbers, server.audiences)
    return msgspec.json.decode(await server.writer.submit(request), type=Accepted)


async def count(server: Service, status: str) -> int:
    def look(connection: Connection) -> int:
        query = select(func.count()).where(messages.c.status == status)
        return int(connection.execute(query).scalar_one())

    return await server.readers.run(look)


async def accounts(server: Service) -> set[int | None]:
    """Of all messages; None: of one without a plan."""

    def look(connection: Connection) -> set[int | None]:
        return set(connection.execute(select(messages.c.account_id)).scalars())

    return await server.readers.run(look)


async def fresh_fleet(server: Service) -> PlanWith:
    make = partial(fleet_from, rules=server.planner.rules, seed=1, now_s=START_S)
    return PlanWith(await server.readers.run(make))


def test_who_sends_meanwhile_is_answered_between_two_parts(tmp_path: Path) -> None:
    many = 20 * PART

    async def run() -> list[int]:
        async with opened(tmp_path) as server:
            await send(server, range(many))
            server.dispatcher.plan_anew()
            waiting = [0]
            async with asyncio.timeout(60):
                while (left := await count(server, WAITING)) or not any(waiting):
                    await send(server, [many + len(waiting)])
                    waiting.append(left)
            assert None not in await accounts(server)
            return waiting

    seen = asyncio.run(run())
    assert len({left for left in seen if 0 < left < many}) > 1


def test_between_plan_and_plan_nothing_is_booked(tmp_path: Path) -> None:
    async def run() -> None:
        async with without_dispatcher(tmp_path) as server:
            assert (await send(server, range(15))).expected_finish is not None
            assert await server.writer.submit(Unplan(PART)) == PART
            assert (await count(server, QUEUED), await count(server, WAITING)) == (5, PART)
            assert (await send(server, [15])).expected_finish is None
            assert await server.writer.submit(Unplan(PART)) == 5
            await server.writer.submit(await fresh_fleet(server))
            assert (await send(server, [16])).expected_finish is not None
            assert [await server.writer.submit(Release(PART)) for _ in range(3)] == [PART, 6, 0]
            assert await count(server, QUEUED) == 17

    asyncio.run(run())


def test_an_account_banned_while_the_pacer_is_made_gets_nothing(tmp_path: Path) -> None:
    async def run() -> set[int | None]:
        async with without_dispatcher(tmp_path) as server:
            await server.writer.submit(Unplan(PART))
            made = await fresh_fleet(server)
            await server.writer.submit(Ban(0))
            await server.writer.submit(made)
            await send(server, range(15))
            return await accounts(server)

    assert asyncio.run(run()).isdisjoint({0, None})


def test_neither_a_part_nor_what_was_sent_is_looked_for_in_all_messages(tmp_path: Path) -> None:
    """At a million messages only the indexes made for it are read; SQLite's own plan says so."""

    def plan_anew(connection: Connection) -> None:
        forget_plans(connection, PART)
        released(connection, START_S, PART)
        fleet_from(connection, LOADED.scenario.pacing, 1, START_S)

    def plans(connection: Connection) -> list[str]:
        return query_plans(connection, partial(plan_anew, connection))

    with open_stores(tmp_path / "w.db", tables.SCHEMA, emulated.SCHEMA) as stores:
        found = asyncio.run(stores.writer.run(plans))
    assert any("messages" in line for line in found)
    scans = [line for line in found if line.startswith("SCAN messages")]
    assert [line for line in scans if "COVERING INDEX messages_queued" not in line] == []

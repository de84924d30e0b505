"""Accounts are shared out among the workers that live; what a dead one had goes to the others, whole."""

import asyncio
import contextlib
from collections.abc import Iterator
from functools import partial

import pytest
from postgres import new_database
from sqlalchemy import URL, Connection, insert, select, text, update

from scenarios.errors import InputError
from scenarios.schema import Pacing
from server.sending.leases import Held, Leases, Leave, Renew, ask_for_plan, join
from server.sending.planning import Planner
from server.store.database import Database
from server.store.opening import place_of
from server.store.postgres import open_writer
from server.store.tables import SCHEMA, accounts, workers

ACCOUNTS = frozenset(range(5))


class Crew:
    """Workers of one test, driven by hand."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def come(self, speed: float = 60.0) -> Leases:
        seat, _ = self.database.transact(partial(join, start_s=1_000.0, speed=speed))
        return Leases(self.database, seat, Planner(Pacing(), seed=1))

    def renew(self, leases: Leases) -> Held:
        applied = self.database.transact(partial(leases.apply, requests=[Renew()]))
        applied.committed()
        (held,) = applied.answers
        return held

    def leave(self, leases: Leases) -> None:
        self.database.transact(partial(leases.apply, requests=[Leave()]))

    def fall_silent(self, leases: Leases) -> None:
        """As if its last sign of life were long ago."""
        silent = update(workers).where(workers.c.id == leases.worker).values(alive_until_s=1.0)
        self.database.transact(lambda connection: connection.execute(silent))


@pytest.fixture
def crew() -> Iterator[Crew]:
    with new_database() as url:
        place = place_of(url)
        assert isinstance(place, URL)
        with contextlib.closing(open_writer(place, SCHEMA)) as database:
            database.transact(fill)
            yield Crew(database)


def fill(connection: Connection) -> None:
    connection.execute(insert(accounts), [{"id": key} for key in sorted(ACCOUNTS)])


def test_one_worker_has_it_all_and_plans_from_the_start(crew: Crew) -> None:
    one = crew.come()
    assert crew.renew(one) == Held(ACCOUNTS, plans=True, anew=False, plan_is_stale=True)
    assert crew.renew(one) == Held(ACCOUNTS, plans=True, anew=False, plan_is_stale=False)
    assert one.leads


def test_a_second_worker_gets_its_share_when_the_first_gives_it_up(crew: Crew) -> None:
    one, two = crew.come(), crew.come()
    crew.renew(one)
    assert crew.renew(two).accounts | crew.renew(one).accounts == ACCOUNTS
    first, second = crew.renew(one), crew.renew(two)
    assert first.accounts.isdisjoint(second.accounts)
    assert sorted([len(first.accounts), len(second.accounts)]) == [2, 3]
    assert (first.plans, second.plans) == (True, False)


def test_a_silent_worker_loses_all_to_the_others_and_knows_it_when_it_wakes(crew: Crew) -> None:
    one, two = crew.come(), crew.come()
    for leases in (one, two, one, two):
        crew.renew(leases)
    crew.fall_silent(one)
    assert crew.renew(two) == Held(ACCOUNTS, plans=True, anew=False, plan_is_stale=True)
    assert not crew.database.transact(one.may_plan)
    assert crew.database.transact(two.may_plan)
    woken = crew.renew(one)
    assert woken.anew
    assert not woken.plans
    assert not one.leads
    assert woken.accounts == frozenset()
    assert crew.renew(two).accounts | crew.renew(one).accounts == ACCOUNTS


def test_a_worker_that_leaves_is_replaced_at_once(crew: Crew) -> None:
    one, two = crew.come(), crew.come()
    crew.renew(one)
    crew.leave(one)
    assert crew.renew(two).accounts == ACCOUNTS
    assert two.leads


def test_a_new_plan_can_be_asked_for_by_anybody(crew: Crew) -> None:
    one, two = crew.come(), crew.come()
    crew.renew(one)
    crew.renew(one)
    crew.renew(two)
    crew.database.transact(ask_for_plan)
    assert not crew.renew(two).plan_is_stale
    assert crew.renew(one).plan_is_stale
    assert not crew.renew(one).plan_is_stale


def test_a_lease_is_fresh_from_a_sign_of_life_until_it_was_taken_for_dead(crew: Crew) -> None:
    one, two = crew.come(), crew.come()
    assert not one.is_fresh
    asyncio.run(one.beat_once())
    assert one.is_fresh
    crew.fall_silent(two)
    crew.renew(one)
    asyncio.run(two.beat_once())
    assert not two.is_fresh


def test_all_go_by_the_clock_of_the_first_and_no_number_is_given_twice(crew: Crew) -> None:
    database = crew.database
    _, first = database.transact(partial(join, start_s=1_000.0, speed=60.0))
    _, second = database.transact(partial(join, start_s=9_000.0, speed=60.0))
    assert abs(first.now() - second.now()) < 60.0  # a real second
    with pytest.raises(InputError, match="--speed 1: the servers of this database run at 60"):
        database.transact(partial(join, start_s=1_000.0, speed=1.0))
    database.transact(lambda connection: connection.execute(text("DELETE FROM workers")))
    third, _ = database.transact(partial(join, start_s=1_000.0, speed=1.0))
    assert third.id == 3
    assert database.transact(lambda c: c.execute(select(workers.c.speed)).scalars().all()) == [1.0]

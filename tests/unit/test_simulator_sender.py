import numpy as np
import pytest
from numpy.typing import NDArray

from scenarios.loading import load
from simulator.engine.sender import InColumns, OneByOne, Planned, Sender, sender_of
from simulator.sending.network import DAY_S, exceeds
from simulator.world import World, world_of

OLD_S = -1e7


def world(*settings: str) -> World:
    return world_of(load("bulk_send", ["population.size=2000", "pacing.rate_per_hour=100", *settings]))


@pytest.fixture(params=["in columns", "one by one"])
def base(request: pytest.FixtureRequest) -> World:
    return world() if request.param == "in columns" else world('campaign.template="Sale {name}!"')


def sender(base: World, accounts: int = 2, most: int = 1) -> Sender:
    return sender_of(base, np.full(accounts, OLD_S), 1, most)


def plan(line: Sender, base: World, first: int, last: int, now_s: float = 0.0) -> Planned:
    return line.plan(base.recipients[first:last], now_s)


def ready(line: Sender, who: NDArray[np.int32], now_s: float) -> tuple[list[int], dict[int, float]]:
    """Rows, and until when the others are held, if nobody leaves."""
    found = line.ready(who, np.full(who.max() + 1, np.inf), now_s)
    return found.rows.tolist(), dict(zip(found.held.tolist(), found.until_s.tolist(), strict=True))


def test_shared_texts_need_the_pacer_that_knows_contents() -> None:
    assert isinstance(sender(world()), InColumns)
    assert isinstance(sender(world('campaign.template="Sale!"')), OneByOne)


def test_plans_are_in_seconds_from_the_start(base: World) -> None:
    rows, customer, account, due_s = plan(sender(base), base, 0, 200, now_s=600.0)
    assert np.array_equal(np.sort(rows), np.arange(200))
    assert np.array_equal(customer, base.recipients[rows])
    assert np.all(np.diff(due_s) >= 0)
    assert 600.0 <= due_s.min() < 601.0
    assert due_s.max() < 2 * DAY_S
    assert set(account.tolist()) == {0, 1}


def test_rounding_never_puts_a_send_before_its_time(base: World) -> None:
    line = sender(base, 50)
    for turn in range(30):
        now_s = 4 * 3600 + 0.93210054 + turn * 3e-7
        due_s = plan(line, base, turn, turn + 1, now_s).due_s
        assert now_s <= due_s[0] < now_s + 16.0  # equal texts of two accounts are 15 s apart


def test_a_closed_account_gets_nothing(base: World) -> None:
    line = sender(base)
    line.close(0, 0.0)
    assert set(plan(line, base, 0, 50).account.tolist()) == {1}


def test_another_account_keeps_what_the_others_have_sent_and_planned(base: World) -> None:
    line = sender(base)
    before = plan(line, base, 0, 150)
    line.open(2, 0.0)
    after = plan(line, base, 150, 500)
    _, _, account, due_s = (np.concatenate(column) for column in zip(before, after, strict=True))
    assert set(account.tolist()) == {0, 1, 2}
    order = np.lexsort((due_s, account))
    assert not exceeds(account[order], due_s[order], 100, 3600.0).any()
    assert not exceeds(account[order], due_s[order], 12, 60.0).any()
    assert (account == 2).sum() <= 50  # new: warms up


def test_the_frequency_cap_holds_who_has_had_enough() -> None:
    base = world("pacing.customer_cap=2")
    line, who = sender(base, most=3), base.recipients[:5]
    assert ready(line, who, 0.0) == ([0, 1, 2, 3, 4], {})
    planned = line.plan(who, 0.0)
    first = np.empty(5)
    first[planned.rows] = planned.due_s
    line.plan(who[:3], DAY_S)
    assert ready(line, who, 2 * DAY_S) == ([3, 4], {row: first[row] + 7 * DAY_S for row in range(3)})


def test_what_is_moved_counts_no_more() -> None:
    base = world("pacing.customer_cap=1")
    line, who = sender(base, most=2), base.recipients[:2]
    planned = line.plan(who, 0.0)
    due_s = planned.due_s[np.argsort(planned.rows)]
    line.move(who[:1], due_s[:1])
    assert ready(line, who, 60.0) == ([0], {1: due_s[1] + 7 * DAY_S})


def test_a_cap_that_cannot_bind_is_not_counted() -> None:
    line, who = sender(world(), most=3), np.zeros(1, np.int32)
    for day in range(5):
        assert ready(line, who, day * DAY_S) == ([0], {})
        line.plan(who, day * DAY_S)


@pytest.mark.parametrize("most", [1, 9])
def test_who_has_left_is_neither_ready_nor_held(base: World, most: int) -> None:
    leaves_s = np.array([50.0, 60.0, np.inf])
    found = sender(base, most=most).ready(np.array([2, 0, 1], np.int32), leaves_s, 50.0)
    assert (found.rows.tolist(), found.held.tolist()) == ([0, 2], [])

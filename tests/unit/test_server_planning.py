from collections.abc import Sequence

import numpy as np

from scenarios.schema import Pacing
from server.dispatch import pacing
from server.sending.planning import ZONES, Fleet, columns, idle_until

NOON = 1_796_126_400.0  # 2026-12-01 12:00 UTC: Los Angeles sleeps until 16:00, London is awake


def fleet(accounts: int) -> Fleet:
    starts = [pacing.AccountStart(key=index, first_send_s=0.0) for index in range(accounts)]
    pacer = pacing.new_pacer(Pacing(), starts, ZONES, seed=1)
    return Fleet(pacer, set(range(accounts)))


def in_london(customers: Sequence[int], contents: Sequence[int]) -> pacing.Messages:
    return columns(customers, ["Europe/London"] * len(customers), contents)


def test_nothing_is_booked_behind_idle_hours() -> None:
    zones = ["America/Los_Angeles"] * 20 + ["Europe/London"] * 20  # the first asleep, the others awake
    one = fleet(2)
    plan = one.plan(columns(range(40), zones, range(40)), NOON)
    again_s = idle_until(one, plan, NOON)
    assert (again_s[20:] == 0).all()
    assert (again_s[:20] >= NOON + 4 * 3600).all()
    assert (again_s[:20] <= plan.due_s[:20]).all()


def test_the_pause_of_an_hourly_cap_is_no_idleness() -> None:
    one = fleet(1)
    wanted = in_london(range(500), range(500))
    plan = one.plan(wanted, NOON)
    assert np.diff(np.sort(plan.due_s)).max() > 1_800
    assert (idle_until(one, plan, NOON) == 0).all()


def test_idleness_counts_from_what_is_booked() -> None:
    one = fleet(1)
    wanted = in_london(range(1_000), range(1_000))
    first = one.plan(wanted, NOON)
    one.book(wanted, first, NOON)
    assert one.booked_until_s == {0: first.due_s.max()}
    more = in_london([5_000], [5_000])
    plan = one.plan(more, NOON)
    assert plan.due_s[0] > NOON + 7_200
    assert (idle_until(one, plan, NOON) == 0).all()


def test_a_closed_account_gets_nothing() -> None:
    one = fleet(2)
    one.close(0, NOON)
    one.close(0, NOON)
    assert one.open == {1}
    wanted = in_london(range(50), range(50))
    assert set(one.plan(wanted, NOON).account.tolist()) == {1}


def test_a_plan_of_few_heeds_all_that_was_booked_and_changes_nothing() -> None:
    """Small batches, one by one: some customers reach their cap, some contents repeat."""
    draw = np.random.default_rng(7)
    one, whole = fleet(3), fleet(3)
    for _ in range(40):
        batch = in_london(draw.integers(30, size=5).tolist(), draw.integers(20, size=5).tolist())
        plan, again = one.plan(batch, NOON), one.plan(batch, NOON)
        expected = pacing.plan(whole.pacer, batch, NOON)
        for found in (plan, again):
            assert found.account.tolist() == expected.account.tolist()
            assert found.due_s.tolist() == expected.due_s.tolist()
        one.book(batch, plan, NOON)
        whole.book(batch, expected, NOON)
    assert max(len(sends) for sends in one.pacer.customers.earlier.values()) >= Pacing().customer_cap

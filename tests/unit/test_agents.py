from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from scenarios.errors import InputError
from simulator.engine.agents import (
    Agents,
    Handled,
    Inbound,
    Roster,
    Shift,
    figures,
    hours,
    inbound_of,
    reading_of,
    roster_of,
    serve,
    since,
    waits_s,
)

MONDAY = datetime(2025, 3, 3, tzinfo=UTC)
DAY_S = 86_400.0
HORIZON_S = 10_000.0


def inbound(
    arrival_s: list[float],
    handling_s: float = 100.0,
    patience_s: float = np.inf,
    complaint: list[bool] | None = None,
) -> Inbound:
    size = len(arrival_s)
    return Inbound(
        arrival_s=np.array(arrival_s),
        complaint=np.array(complaint or [False] * size, bool),
        handling_s=np.full(size, handling_s),
        patience_s=np.full(size, patience_s),
        resolvable=np.ones(size, bool),
    )


def staff(*steps: tuple[float, int]) -> Roster:
    return Roster(np.array([at for at, _ in steps], float), np.array([agents for _, agents in steps]))


def run(
    roster: Roster, coming: Inbound, unread_s: list[list[float]] | None = None, failover_s: float = 120.0
) -> Handled:
    """`unread_s`: by offer, then by conversation; read at once without it."""

    def reading(offer: int) -> NDArray[np.float64]:
        return np.array(unread_s[offer]) if unread_s else np.zeros(len(coming.arrival_s))

    return serve(failover_s, roster, coming, reading, HORIZON_S)


# shifts


def test_roster_counts_the_agents_on_shift() -> None:
    agents = Agents(
        shifts=(Shift(start="09:00", end="17:00", agents=3), Shift(start="12:00", end="20:00", agents=2))
    )
    roster = roster_of(agents, MONDAY, DAY_S)
    assert (roster.at_s / 3600).tolist() == [0, 9, 12, 17, 20]
    assert roster.agents.tolist() == [0, 3, 5, 2, 0]


def test_a_shift_over_midnight_is_under_way_at_the_start() -> None:
    roster = roster_of(Agents(shifts=(Shift(start="22:00", end="06:00", agents=4),)), MONDAY, DAY_S)
    assert (roster.at_s / 3600).tolist() == [0, 6, 22]
    assert roster.agents.tolist() == [4, 0, 4]


def test_a_shift_begins_on_its_weekdays_only() -> None:
    agents = Agents(shifts=(Shift(start="09:00", end="17:00", agents=1, weekdays=(0, 1, 2, 3, 4)),))
    roster = roster_of(agents, MONDAY, 14 * DAY_S)
    on = roster.at_s[roster.agents == 1] // DAY_S
    assert on.tolist() == [0, 1, 2, 3, 4, 7, 8, 9, 10, 11]


def test_shifts_follow_the_clock_of_their_zone() -> None:
    agents = Agents(shifts=(Shift(start="09:00", end="17:00", agents=1),), zone="Europe/Berlin")
    before_the_change = datetime(2025, 3, 29, tzinfo=UTC)  # clocks go forward on the 30th
    roster = roster_of(agents, before_the_change, 2 * DAY_S)
    assert (roster.at_s / 3600).tolist() == [0, 8, 16, 24 + 7, 24 + 15]


def test_round_the_clock() -> None:
    roster = roster_of(Agents(shifts=(Shift(start="00:00", end="00:00", agents=7),)), MONDAY, DAY_S)
    assert roster.at_s.tolist() == [0.0]
    assert roster.agents.tolist() == [7]


@pytest.mark.parametrize(
    ("shift", "zone", "text"),
    [
        (Shift(start="09:00", end="09:00", agents=1), "UTC", "09:00"),
        (Shift(start="00:00", end="00:00", agents=1, weekdays=(0,)), "UTC", "weekdays"),
        (Shift(start="09:00", end="10:00", agents=1), "Atlantis", "Atlantis"),
    ],
)
def test_a_shift_that_cannot_be_is_named(shift: Shift, zone: str, text: str) -> None:
    with pytest.raises(InputError, match=text):
        roster_of(Agents(shifts=(shift,), zone=zone), MONDAY, DAY_S)


def test_conversations_at_night_wait_for_the_morning() -> None:
    handled = run(staff((0, 0), (500, 1)), inbound([10.0, 20.0]))
    assert handled.read_s.tolist() == [500.0, 600.0]


def test_whose_shift_ends_finishes_the_conversation_and_is_paid_for_it() -> None:
    handled = run(staff((0, 1), (50, 0)), inbound([10.0, 20.0]))
    assert handled.read_s.tolist() == [10.0, np.inf]
    assert handled.paid_h == pytest.approx(110 / 3600)
    assert handled.busy_h == pytest.approx(100 / 3600)


@pytest.mark.parametrize("cut_s", [0.0, 30.0, 50.0, 70.0, 110.0, 5000.0])
def test_hours_of_two_stretches_add_up_to_those_of_both(cut_s: float) -> None:
    roster, coming = staff((0, 1), (50, 0), (4000, 2)), inbound([10.0, 20.0, 4500.0])
    handled = run(roster, coming)
    parts = [hours(roster, handled, *part) for part in ((0.0, cut_s), (cut_s, HORIZON_S))]
    assert np.sum(parts, axis=0) == pytest.approx((handled.busy_h, handled.paid_h))


def test_since_a_moment_only_later_arrivals_and_hours_count() -> None:
    roster, coming = staff((0, 1)), inbound([10.0, 20.0, 4500.0])
    late, handled = since(150.0, roster, coming, run(roster, coming), HORIZON_S)
    assert late.arrival_s.tolist() == [4500.0]
    assert (handled.read_s.tolist(), handled.moves.tolist()) == ([4500.0], [0])
    assert handled.busy_h == pytest.approx(160 / 3600)  # 60 s of those before, and the late one
    assert handled.paid_h == pytest.approx((HORIZON_S - 150) / 3600)


def test_an_agent_still_busy_when_the_next_shift_begins_stays_on() -> None:
    handled = run(staff((0, 1), (50, 0), (60, 1)), inbound([10.0, 20.0]))
    assert handled.read_s.tolist() == [10.0, 110.0]
    assert handled.paid_h == pytest.approx(HORIZON_S / 3600)  # busy through the gap


def test_later_shifts_have_their_own_numbers() -> None:
    handled = run(staff((0, 3), (150, 1)), inbound([0.0, 0.0, 0.0, 200.0, 200.0]))
    assert handled.read_s.tolist() == [0.0, 0.0, 0.0, 200.0, 300.0]


# queue


def test_arrivals_at_the_same_odd_moment_are_no_step_back_in_time() -> None:
    before_s, odd_s = 0.19289389951672198, 2.6510715974262804
    assert before_s + (odd_s - before_s) > odd_s
    handled = run(staff((0, 2)), inbound([before_s, odd_s, odd_s], handling_s=0.0))
    assert handled.read_s == pytest.approx([before_s, odd_s, odd_s])


def test_complaints_go_first_but_interrupt_nobody() -> None:
    handled = run(staff((0, 1)), inbound([0.0, 1.0, 2.0], complaint=[False, False, True]))
    assert handled.read_s.tolist() == [0.0, 200.0, 100.0]


def test_customers_leave_when_their_patience_ends() -> None:
    handled = run(staff((0, 1)), inbound([0.0, 1.0, 60.0], patience_s=50.0))
    assert handled.left_s.tolist() == [np.inf, 51.0, np.inf]
    assert handled.read_s.tolist() == [0.0, np.inf, 100.0]


def test_failover_to_a_colleague_after_two_minutes() -> None:
    away = [[1000.0], [5.0]]
    assert run(staff((0, 2)), inbound([10.0]), away).read_s.tolist() == [135.0]
    assert run(staff((0, 2)), inbound([10.0]), away, failover_s=1e9).read_s.tolist() == [1010.0]


def test_failover_never_returns_to_the_agent_who_is_away() -> None:
    handled = run(staff((0, 1)), inbound([10.0]), [[1000.0], [0.0]])
    assert handled.read_s.tolist() == [1010.0]  # nobody else: once the agent is back
    assert handled.moves.tolist() == [1]


def test_a_moved_conversation_keeps_its_place() -> None:
    unread = [[200.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    handled = run(staff((0, 2)), inbound([0.0, 1.0, 2.0], handling_s=150.0), unread)
    assert handled.read_s.tolist() == [151.0, 1.0, 200.0]


def test_customers_leave_while_nobody_reads() -> None:
    handled = run(staff((0, 2)), inbound([0.0], patience_s=50.0), [[60.0]])
    assert handled.left_s.tolist() == [50.0]
    assert handled.busy_h == 0.0


@given(
    seed=st.integers(0, 1_000),
    size=st.integers(0, 40),
    steps=st.lists(st.tuples(st.integers(1, 2_000), st.integers(0, 4)), max_size=5),
    failover_s=st.sampled_from([30.0, 120.0, 1e9]),
)
@settings(max_examples=60)
def test_every_conversation_has_one_end_and_every_agent_one_conversation(
    seed: int, size: int, steps: list[tuple[int, int]], failover_s: float
) -> None:
    agents = Agents(handling_mean_s=150.0, patience_mean_s=400.0, away_mean_s=300.0)
    draw = np.random.default_rng(seed)
    coming = inbound_of(agents, np.sort(draw.uniform(0, 3_000, size)), draw.random(size) < 0.3, seed, 1)
    at_s = np.cumsum([0, *(after for after, _ in steps)])
    roster = Roster(at_s.astype(float), np.array([2, *(number for _, number in steps)]))
    handled = serve(failover_s, roster, coming, reading_of(agents, size, seed, 1), HORIZON_S)

    read, left = np.isfinite(handled.read_s), np.isfinite(handled.left_s)
    assert not np.any(read & left)
    assert np.allclose(handled.left_s[left], (coming.arrival_s + coming.patience_s)[left])
    assert np.all(handled.read_s[read] <= (coming.arrival_s + coming.patience_s)[read] + 1e-6)
    ended = np.isfinite(handled.ended_s)
    assert np.allclose(handled.ended_s[ended] - handled.read_s[ended], coming.handling_s[ended])
    at_work = [
        np.count_nonzero((handled.read_s <= begin) & (handled.ended_s > begin))
        for begin in handled.read_s[read]
    ]
    assert max(at_work, default=0) <= roster.agents.max()
    on_shift_s = np.diff(np.minimum([*roster.at_s, HORIZON_S], HORIZON_S)) @ roster.agents
    assert handled.paid_h >= on_shift_s / 3600 - 1e-9
    assert handled.busy_h <= handled.paid_h + 1e-9


def test_figures_count_every_conversation() -> None:
    coming = inbound([0.0, 1.0, 2.0, 9_990.0], handling_s=400.0, patience_s=500.0)
    handled = run(staff((0, 1)), coming)
    seen = figures(Agents(), coming, handled, HORIZON_S)
    assert seen["wait_s_mean"] == pytest.approx((0 + 399 + 500 + 0) / 4)
    assert seen["wait_s_p95"] == pytest.approx(500)
    assert seen["long_wait_rate"] == 0.5
    assert seen["abandoned_rate"] == 0.25
    assert seen["resolution_rate"] == 0.5  # the last is under way at the horizon
    assert seen["agent_utilisation"] == pytest.approx(810 / 10_000)
    assert seen["agent_hours"] == pytest.approx(10_000 / 3600)


def test_who_still_waits_at_the_horizon_has_waited() -> None:
    coming = inbound([9_000.0])
    assert waits_s(coming, run(staff((0, 0)), coming), HORIZON_S).tolist() == [1000.0]


def test_no_conversation_has_no_rates() -> None:
    coming = inbound([])
    seen = figures(Agents(), coming, run(staff((0, 2)), coming), HORIZON_S)
    assert np.isnan(seen["wait_s_mean"])
    assert seen["agent_utilisation"] == 0.0
    assert seen["agent_hours"] == pytest.approx(2 * HORIZON_S / 3600)


# luck


def test_drawn_times_have_their_means() -> None:
    agents, size = Agents(patience_shape=2.0), 200_000
    drawn = inbound_of(agents, np.arange(size, dtype=float), np.zeros(size, bool), seed=1, replication=1)
    for values, mean in ((drawn.handling_s, 320.0), (drawn.patience_s, 3600.0), (drawn.resolvable, 0.9)):
        assert values.mean() == pytest.approx(mean, abs=4 * values.std() / size**0.5)


def test_luck_is_the_same_however_many_follow_and_differs_by_replication() -> None:
    agents = Agents()

    def drawn(size: int, replication: int = 1) -> tuple[list[float], list[float]]:
        coming = inbound_of(agents, np.zeros(size), np.zeros(size, bool), 7, replication)
        return coming.handling_s[:5].tolist(), coming.patience_s[:5].tolist()

    assert drawn(5) == drawn(5000)
    assert drawn(5) != drawn(5, replication=2)


def test_each_offer_is_read_by_its_own_luck() -> None:
    reading = reading_of(Agents(), 10, seed=1, replication=1)
    assert not np.array_equal(reading(0), reading(1))
    assert np.array_equal(reading(1), reading_of(Agents(), 10, seed=1, replication=1)(1))


@pytest.mark.parametrize(
    ("coming", "text"),
    [
        (inbound([5.0, 1.0]), "arrival_s"),
        (inbound([-1.0]), "arrival_s"),
        (inbound([HORIZON_S + 1]), "arrival_s"),
        (inbound([float("nan")]), "arrival_s"),
        (inbound([1.0], handling_s=-1.0), "handling_s"),
        (inbound([1.0], patience_s=float("nan")), "patience_s"),
    ],
)
def test_times_that_cannot_be_are_refused(coming: Inbound, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        run(staff((0, 1)), coming)

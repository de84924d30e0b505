import numpy as np
import pytest

from scenarios.loading import load
from simulator.customers.funnel import Event, Funnel, delay_of
from simulator.engine.exposures import Exposures, exposures_of
from simulator.engine.tally import HISTOGRAM_BINS, Tally, edges_of
from simulator.sending.network import BIN_S, DAY_S
from simulator.sending.waves import Wave
from simulator.world import world_of

SCENARIO = load("bulk_send", ["experiment.horizon_days=1.5"]).scenario
DELIVER, READ = delay_of(2.0, 2.0), delay_of(900.0, 1.8)
EVENTS = ("delivered", "read", "clicked", "replied", "ordered", "opted_out", "blocked", "complained")


def event(*pairs: tuple[int, float]) -> Event:
    return Event(np.array([row for row, _ in pairs], np.intp), np.array([at for _, at in pairs], float))


def funnel(cells: int = 8000, **events: Event) -> Funnel:
    """What is not given never happens; every delay stands in one cell."""
    none = np.empty(0, np.intp)
    found = {name: events.get(name, event()) for name in EVENTS}
    return Funnel(
        **found,
        delivered_cell=np.full(len(found["delivered"].rows), cells, np.int32),
        read_cell=np.full(len(found["read"].rows), cells, np.int32),
        seen=none,
        bought=none,
        order_value=np.empty(0, np.float32),
    )


def exposures() -> Exposures:
    """A campaign with one retry, and daily posts."""
    settings = [
        "population.size=50",
        "campaign.retries=1",
        'groups.post_times=["20:00"]',
        "groups.joined_fraction=1",
    ]
    return exposures_of(world_of(load("bulk_send", [*settings, "experiment.horizon_days=1.5"])))


KNOWN = exposures()
FIRST, RETRY = KNOWN.first_try[0], int(KNOWN.next_try[KNOWN.first_try[0]])
POST = int(np.flatnonzero(KNOWN.is_post)[0])


def wave(account: list[int], due_s: list[float], exposure: int = FIRST) -> Wave:
    size = len(account)
    return Wave(
        np.arange(size, dtype=np.int32),
        np.array(account, np.int32),
        np.array(due_s),
        np.full(size, exposure, np.int32),
        np.zeros(size, np.int32),
    )


def counted() -> Tally:
    tally = Tally(SCENARIO, 2, DELIVER, READ)
    horizon_s = 1.5 * DAY_S
    sends = wave([1, 0, 0], [5.0, DAY_S, horizon_s - 1])
    happened = funnel(
        delivered=event((0, 10.0), (1, DAY_S + 5), (2, horizon_s)),
        read=event((0, 20.0), (1, horizon_s + 1)),
        clicked=event((0, 30.0)),
        ordered=event((0, 2 * BIN_S)),
        complained=event((0, 40.0)),
        blocked=event((1, DAY_S + 9)),
    )
    tally.send(sends, KNOWN)
    tally.count(sends, happened)
    tally.orders(np.array([1], np.int32), happened.ordered.at_s, np.array([4321]))
    return tally


def test_what_happens_at_the_horizon_or_later_does_not_count() -> None:
    total = counted().total
    assert total["messages_sent"] == 3
    assert total["messages_delivered"] == 2
    assert total["in_transit"] == 1
    assert total["messages_read"] == 1
    assert total["orders"] == 1


def test_counts_fall_into_their_bins_and_days() -> None:
    tally = counted()
    assert tally.bins == 144
    assert np.argwhere(tally.tables.sends).tolist() == [[0, 0, 1], [96, 0, 0], [143, 0, 0]]
    assert np.flatnonzero(tally.tables.deliveries).tolist() == [0, 96]
    assert tally.revenue_cents[2].tolist() == [0, 4321]
    assert tally.tables.day_delivered.tolist() == [[0, 1], [1, 0]]
    assert tally.tables.day_complaints.tolist() == [[0, 0], [1, 0]]
    assert tally.tables.day_blocks.tolist() == [[0, 1], [0, 0]]
    assert tally.tables.first_try_s.tolist() == [5.0, 1.5 * DAY_S - 1]


def test_retries_are_counted_apart() -> None:
    tally = counted()
    tally.send(wave([0, 0, 0], [0.0, 0.0, 0.0], RETRY), KNOWN)
    assert tally.tables.sends.sum(axis=(0, 2)).tolist() == [3, 3]
    assert tally.tables.first_try_s[0] == 5.0


def test_a_post_is_one_message_of_its_account_and_as_many_exposures_as_members() -> None:
    tally = counted()
    tally.post(np.array([100.0]), np.array([0], np.int32))
    tally.send(wave([0] * 5, [100.0] * 5, POST), KNOWN)
    assert tally.tables.sends[0, 0].tolist() == [1, 1]
    assert tally.total["messages_sent"] == 8


def test_an_added_account_has_room() -> None:
    tally = counted()
    tally.add_account()
    sends = wave([2, 2, 2], [0.0, 0.0, 0.0])
    tally.send(sends, KNOWN)
    tally.count(sends, funnel(delivered=event((0, 1.0), (1, 2.0), (2, 3.0))))
    assert tally.tables.sends[0, 0].tolist() == [0, 1, 3]
    assert tally.tables.day_delivered[2].tolist() == [3, 0]


def test_delays_are_counted_in_the_bin_of_their_cell() -> None:
    tally = Tally(SCENARIO, 1, DELIVER, READ)
    sends = wave([0, 0], [0.0, 0.0])
    for cell in (0, 8192, 16383):
        happened = funnel(cell, delivered=event((0, 1.0), (1, 2.0)))
        tally.count(sends, happened)
        delay, edges = DELIVER.table_s[cell], tally.edges.delivery_delay_s
        assert tally.histograms["delivery_delay_s"][np.searchsorted(edges, delay) - 1] == 2


def test_edges_surround_the_median_even_without_spread() -> None:
    edges = edges_of(load("bulk_send", ["funnel.read_delay_log_sd=0"]).scenario)
    for column, median in ((edges.delivery_delay_s, 2.0), (edges.read_delay_s, 900.0)):
        assert len(column) == HISTOGRAM_BINS + 1
        assert column[0] < median < column[-1]
        assert np.sqrt(column[0] * column[-1]) == pytest.approx(median)

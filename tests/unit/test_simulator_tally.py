import numpy as np
import pytest

from scenarios.loading import load
from simulator.funnel import Outcomes
from simulator.network import DAY_S
from simulator.tally import BIN_S, HISTOGRAM_BINS, Tally, edges_of

SCENARIO = load("bulk_send", ["experiment.horizon_days=1.5"]).scenario
NEVER = np.inf


def outcomes(**columns: list[float]) -> Outcomes:
    """Three sends; what is not given never happens."""
    never = dict.fromkeys(Outcomes._fields, [NEVER] * 3) | {"order_cents": [0, 0, 0]}
    return Outcomes(**{name: np.array(value) for name, value in {**never, **columns}.items()})


def counted() -> Tally:
    tally = Tally(SCENARIO, 2)
    horizon_s = 1.5 * DAY_S
    happened = outcomes(
        delivered_s=[10.0, DAY_S + 5, horizon_s],
        read_s=[20.0, horizon_s + 1, NEVER],
        clicked_s=[30.0, NEVER, NEVER],
        ordered_s=[2 * BIN_S, NEVER, NEVER],
        complained_s=[40.0, NEVER, NEVER],
        order_cents=[4321, 0, 0],
    )
    tally.add(np.array([1, 0, 0], np.int32), np.array([5.0, DAY_S, horizon_s - 1]), 0, happened)
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
    assert np.argwhere(tally.sends).tolist() == [[0, 0, 1], [96, 0, 0], [143, 0, 0]]
    assert np.flatnonzero(tally.deliveries).tolist() == [0, 96]
    assert tally.revenue_cents[2].tolist() == [0, 4321]
    assert tally.day_delivered.tolist() == [[0, 1], [1, 0]]
    assert tally.day_complaints.tolist() == [[0, 0], [1, 0]]
    assert tally.first_try_s == (5.0, 1.5 * DAY_S - 1)


def test_retries_are_counted_apart() -> None:
    tally = counted()
    tally.add(np.zeros(3, np.int32), np.zeros(3), 2, outcomes())
    assert tally.sends.sum(axis=(0, 2)).tolist() == [3, 3]
    assert tally.first_try_s[0] == 5.0


def test_an_added_account_has_room() -> None:
    tally = counted()
    tally.add_account()
    tally.add(np.full(3, 2, np.int32), np.zeros(3), 0, outcomes(delivered_s=[1.0, 2.0, 3.0]))
    assert tally.sends[0, 0].tolist() == [0, 1, 3]
    assert tally.day_delivered[2].tolist() == [3, 0]


def test_values_beyond_the_edges_are_counted_in_the_outermost_bins() -> None:
    tally = Tally(SCENARIO, 1)
    tally.add(np.zeros(3, np.int32), np.zeros(3), 0, outcomes(delivered_s=[1e-9, 2.0, 1.2 * DAY_S]))
    counts = tally.histograms["delivery_delay_s"]
    assert counts[0] == counts[-1] == 1
    assert counts.sum() == 3


def test_edges_surround_the_median_even_without_spread() -> None:
    edges = edges_of(load("bulk_send", ["funnel.read_delay_log_sd=0"]).scenario)
    for column, median in ((edges.delivery_delay_s, 2.0), (edges.read_delay_s, 900.0)):
        assert len(column) == HISTOGRAM_BINS + 1
        assert column[0] < median < column[-1]
        assert np.sqrt(column[0] * column[-1]) == pytest.approx(median)

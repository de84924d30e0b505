from dataclasses import replace

import numpy as np
import pytest

from scenarios.loading import load
from simulator.sending.network import BIN_S, DAY_S
from simulator.world import capacity, first_sends_s, permitted, world_of

DAY = round(DAY_S / BIN_S)
PACING = load("bulk_send").scenario.pacing  # 12 a minute, 200 an hour, 2800 a day, 50 while warming up


def capacities(is_open: np.ndarray, warm_until_s: float = -1.0, closed_s: float = np.inf) -> np.ndarray:
    return capacity(PACING, is_open, np.zeros(1), np.array([closed_s]), np.array([warm_until_s]))


def test_capacity_keeps_the_caps_in_every_window() -> None:
    room = capacities(np.ones(3 * DAY, bool))
    assert room.max() == 12 * 15
    for bins, cap in ((4, 200), (DAY, 2800)):
        assert np.convolve(room, np.ones(bins), "valid").max() == cap
    assert room[:DAY].sum() == 2800


def test_capacity_is_nothing_while_all_customers_sleep() -> None:
    is_open = np.arange(2 * DAY) % DAY < 20
    room = capacities(is_open)
    assert not room[~is_open].any()
    assert room[:20].sum() == 5 * 200


def test_a_new_account_adds_its_warm_up_cap_only() -> None:
    room = capacities(np.ones(4 * DAY, bool), warm_until_s=3 * DAY_S)
    assert [room[day * DAY : (day + 1) * DAY].sum() for day in range(4)] == [50, 50, 50, 2800]


def test_a_banned_account_adds_nothing() -> None:
    room = capacities(np.ones(DAY, bool), closed_s=6 * 3600.0)
    assert room[:24].sum() == 6 * 200
    assert not room[24:].any()


def test_accounts_add_up() -> None:
    both = capacity(
        PACING, np.ones(DAY, bool), np.zeros(3), np.full(3, np.inf), np.array([-1.0, -1.0, np.inf])
    )
    assert both.sum() == 2 * 2800 + 50


def test_permitted_follows_the_customers_zones() -> None:
    world = world_of(load("bulk_send", ["population.size=50", "experiment.horizon_days=1"]))
    # from 14:00 UTC: Los Angeles closes last (22:00 is 06:00 UTC), Paris opens first (08:00 is 07:00 UTC)
    hours = permitted(world).reshape(24, 4).all(axis=1)
    assert hours.tolist() == [True] * 16 + [False] + [True] * 7


def test_a_run_that_ends_before_any_window_opens_permits_nothing() -> None:
    at_night = "2026-12-01T11:00:00Z"  # in Los Angeles
    settings = [f"experiment.start={at_night}", f"campaign.start={at_night}", "experiment.horizon_days=0.01"]
    world = world_of(load("bulk_send", ["population.size=50", *settings]))
    los_angeles = replace(world, customers=world.customers._replace(zones=("America/Los_Angeles",)))
    assert permitted(los_angeles).tolist() == [False]


def test_new_accounts_come_last() -> None:
    first = first_sends_s(load("bulk_send").scenario.accounts)
    assert np.isinf(first).tolist() == [False] * 8 + [True] * 2
    assert first[0] == pytest.approx(-4 * 30 * DAY_S)


def test_recipients_are_the_audience_without_the_rejected() -> None:
    world = world_of(load("bulk_send", ["campaign.with_tags=['newsletter']"]))
    people = world.customers
    chosen = np.zeros(people.size, bool)
    chosen[world.recipients] = True
    assert np.array_equal(chosen, people.audience & ~people.malformed & people.consent)
    assert 0 < chosen.sum() < people.audience.sum() < people.size

"""The curve against a published one; which accounts count, and from when."""

import numpy as np
import pytest

from scenarios.loading import load
from simulator.engine.replication import Replication
from simulator.results.survival import Lives, kaplan_meier, lives_of
from simulator.sending.network import DAY_S
from simulator.world import world_of

FREIREICH = Lives(  # remission on 6-mercaptopurine, weeks, of 21 patients
    np.array([6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35], float),
    np.array([1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0], bool),
)


def test_it_agrees_with_a_textbook_example() -> None:
    """Freireich et al. (1963), as printed with Greenwood errors and log-log intervals by Stata's `sts list`."""
    curve = kaplan_meier(FREIREICH, 0.95)
    assert curve.days.tolist() == [6, 7, 10, 13, 16, 22, 23]
    assert curve.at_risk.tolist() == [21, 17, 15, 12, 11, 7, 6]
    printed = {
        "share": [0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482],
        "error": [0.0764, 0.0869, 0.0963, 0.1068, 0.1141, 0.1282, 0.1346],
        "low": [0.6197, 0.5631, 0.5032, 0.4316, 0.3675, 0.2678, 0.1881],
        "high": [0.9516, 0.9228, 0.8894, 0.8491, 0.8049, 0.7468, 0.6801],
    }
    for column, figures in printed.items():
        assert getattr(curve, column) == pytest.approx(figures, abs=6e-5), column


def test_a_higher_confidence_widens_the_interval() -> None:
    usual, wide = (kaplan_meier(FREIREICH, confidence) for confidence in (0.95, 0.99))
    assert np.all(wide.low < usual.low)
    assert np.all(wide.high > usual.high)


def test_the_order_of_accounts_does_not_matter() -> None:
    order = np.random.default_rng(1).permutation(len(FREIREICH.days))
    shuffled = Lives(*(column[order] for column in FREIREICH))
    for one, other in zip(kaplan_meier(FREIREICH, 0.95), kaplan_meier(shuffled, 0.95), strict=True):
        assert np.array_equal(one, other)


def test_when_the_last_is_banned_nothing_is_left() -> None:
    curve = kaplan_meier(Lives(np.array([1.0, 2.0]), np.array([True, True])), 0.95)
    assert curve.share.tolist() == [0.5, 0.0]
    assert (curve.low[-1], curve.high[-1]) == (0.0, 0.0)
    assert 0 < curve.low[0] < 0.5 < curve.high[0] < 1


def test_without_a_ban_there_is_no_step() -> None:
    curve = kaplan_meier(Lives(np.array([1.0, 2.0]), np.array([False, False])), 0.95)
    assert [len(column) for column in curve] == [0] * 6


def run_of(*settings: str) -> Replication:
    run = Replication(world_of(load("bulk_send", ["population.size=600", *settings])), 1)
    run.run()
    return run


def test_accounts_are_watched_from_the_day_of_their_first_send_to_their_ban_or_the_horizon() -> None:
    run = run_of("network.ban_per_30_days=0.99", "campaign.start=2026-12-03T15:00:00Z")
    lives, closed_s = lives_of(run), run.fleet.closed_s
    replaced = run.fleet.bought
    assert lives.banned.sum() == run.tally.total["accounts_banned"] > 0
    old = ~replaced[run.risk.sending.any(axis=1)]
    first_day = 2.0  # the campaign starts 49 h after the clock
    expected = np.minimum(closed_s[~replaced], run.world.horizon_s) / DAY_S - first_day
    assert lives.days[old] == pytest.approx(expected)
    bought = np.flatnonzero(replaced & run.risk.sending.any(axis=1))
    assert np.all(lives.days[~old] <= (run.world.horizon_s - run.fleet.opened_s[bought]) / DAY_S)


def test_an_account_that_is_never_used_is_not_counted() -> None:
    run = run_of("accounts.count=40", "accounts.new_count=40", "population.size=20")
    used = np.count_nonzero(np.isfinite(run.fleet.first_send_s))
    assert 0 < used < 40
    assert len(lives_of(run).days) == used

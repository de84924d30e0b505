"""The fast engine against the same world written plainly, one process a customer."""

import numpy as np
import pytest
from scipy import stats
from verification_table import Table

from scenarios.loading import load
from simulator.results.summary import simulate_once
from simulator.world import World, world_of
from tests.reference_model import Reference

RUNS = 8
NOT_SHARED = (
    "accounts_banned",  # the reference knows no bans,
    "account_ban_rate",
    "send_duration_s",  # sends every message in its own time, so that nothing is left,
    "messages_unsent",
    "contacts_rejected",  # and draws nothing there;
    "payback_days",  # a bin of 15 minutes
    "ltv_usd",  # and BG/NBD's conditional expectation have tests of their own
    "organic_revenue_usd",
)


@pytest.fixture(scope="module")
def world() -> World:
    return world_of(
        load(
            "daily_programme",
            [
                "population.size=2000",
                "experiment.horizon_days=9",
                "network.ban_per_30_days=0",
                "accounts.count=2",
                "accounts.new_count=0",
                "campaign.discount=0.25",
                "funnel.opt_out=0.02",
                "funnel.block=0.01",
                "funnel.complaint=0.005",
                "funnel.order=0.3",
                "groups.leave=0.01",
                "groups.size=40",
                "groups.post_times=['09:30','20:00']",
                "programme.follow_ups=[{when='no_order',after_h=2.0,order_odds=2.0,pause_days=1.0},"
                "{when='unread',after_h=30.0,pause_days=2.0}]",
                "agents.shifts=[]",
            ],
        )
    )


def test_every_kpi_agrees_with_one_process_a_customer(world: World, table: Table) -> None:
    fast = [simulate_once(world, number).kpis for number in range(1, RUNS + 1)]
    plain = [Reference(world, number).run() for number in range(1, RUNS + 1)]
    assert set(plain[0]) == set(fast[0]) - set(NOT_SHARED)
    for name in plain[0]:
        one, other = (np.array([run[name] for run in runs]) for runs in (plain, fast))
        error = float(np.hypot(stats.sem(one), stats.sem(other)))
        table.estimate(
            f"The engine against one SimPy process a customer ({RUNS} runs of 2,000 customers each)",
            name,
            float(one.mean()),
            float(other.mean()),
            error,
        )

"""Simulated bans against the hazard put in, by the curve that results show."""

import numpy as np
from verification_table import Table

from scenarios.loading import load
from simulator.engine.replication import Replication
from simulator.results.survival import Lives, kaplan_meier, lives_of
from simulator.sending.network import DAY_S
from simulator.world import world_of

BAN_PER_30_DAYS = 0.99
HAZARD_PER_DAY = -np.log(1 - BAN_PER_30_DAYS) / 30
ACCOUNTS, DAILY = 400, 5


def observed(horizon_days: int, number: int) -> Lives:
    """Days until the ban or the horizon of accounts that send daily and keep every rule."""
    world = world_of(
        load(
            "bulk_send",
            [
                f"network.ban_per_30_days={BAN_PER_30_DAYS}",
                "network.complaint_hazard_ratio=1",
                f"accounts.count={ACCOUNTS}",
                "accounts.new_count=0",
                "accounts.replacement_delay_h=720",
                f"pacing.rate_per_day={DAILY}",
                f"pacing.warm_up_per_day={DAILY}",
                f"experiment.horizon_days={horizon_days}",
            ],
        )
    )
    run = Replication(world, number)
    run.run()
    closed_s = run.fleet.closed_s
    days = np.ceil(np.minimum(closed_s, world.horizon_s) / DAY_S).astype(int)
    lived = np.arange(horizon_days) < days[:, None]
    assert run.risk.sending[lived].all(), "an account paused: its hazard was not constant"
    return lives_of(run)


def test_bans_follow_the_hazard_put_in(table: Table) -> None:
    runs = [observed(days, number) for number, days in enumerate([2, 3, 4], start=1)]
    curve = kaplan_meier(Lives(*map(np.concatenate, zip(*runs, strict=True))), 0.95)
    for day in (0.5, 1.0, 2.0, 3.0, 4.0):
        row = int(np.searchsorted(curve.days, day, side="right")) - 1
        table.estimate(
            "Bans: Kaplan-Meier against the hazard",
            f"share of accounts open after {day:g} days, hazard {HAZARD_PER_DAY:.4f} a day",
            float(np.exp(-HAZARD_PER_DAY * day)),
            float(curve.share[row]),
            float(curve.error[row]),
        )

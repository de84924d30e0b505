"""Simulated bans against the hazard put in, by Kaplan-Meier (1958) with Greenwood's standard error (1926).

Written out here: the usual library brings a data-frame library and an automatic-differentiation one for ten lines.
"""

from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from verification_table import Table

from scenarios.loading import load
from simulator.network import DAY_S
from simulator.replication import Replication
from simulator.world import world_of

Floats = NDArray[np.float64]
BAN_PER_30_DAYS = 0.99
HAZARD_PER_DAY = -np.log(1 - BAN_PER_30_DAYS) / 30
ACCOUNTS, DAILY = 400, 5


class Survival(NamedTuple):
    """After each time, ascending: the share that survives and its standard error."""

    at: Floats
    share: Floats
    error: Floats


def kaplan_meier(until: Floats, died: NDArray[np.bool_]) -> Survival:
    """`until`: when each was last seen; censored there unless it died."""
    at, deaths = np.unique(until[died], return_counts=True)
    at_risk = (until[:, None] >= at).sum(axis=0)
    share = np.cumprod(1 - deaths / at_risk)
    return Survival(at, share, share * np.sqrt(np.cumsum(deaths / (at_risk * (at_risk - deaths)))))


def observed(horizon_days: int, number: int) -> tuple[Floats, NDArray[np.bool_]]:
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
    return np.minimum(closed_s, world.horizon_s) / DAY_S, closed_s < np.inf


def test_kaplan_meier_agrees_with_a_textbook_example() -> None:
    """Remission on 6-mercaptopurine, Freireich et al. (1963): .857, .807, .753, .690, .627, .538, .448."""
    until = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
    died = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
    survival = kaplan_meier(np.array(until, float), np.array(died, bool))
    assert survival.at.tolist() == [6, 7, 10, 13, 16, 22, 23]
    assert survival.share == pytest.approx([0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448], abs=6e-4)
    assert survival.error == pytest.approx([0.076, 0.087, 0.096, 0.107, 0.114, 0.128, 0.135], abs=6e-4)


def test_bans_follow_the_hazard_put_in(table: Table) -> None:
    runs = [observed(days, number) for number, days in enumerate([2, 3, 4], start=1)]
    until, died = (np.concatenate(column) for column in zip(*runs, strict=True))
    survival = kaplan_meier(until, died)
    for day in (0.5, 1.0, 2.0, 3.0, 4.0):
        row = int(np.searchsorted(survival.at, day, side="right")) - 1
        table.estimate(
            "Bans: Kaplan-Meier against the hazard",
            f"share of accounts open after {day:g} days, hazard {HAZARD_PER_DAY:.4f} a day",
            float(np.exp(-HAZARD_PER_DAY * day)),
            float(survival.share[row]),
            float(survival.error[row]),
        )

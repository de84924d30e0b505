"""Figures of a state that lasts, without the days in which a run still remembers its empty start.

Which KPIs these are is stated here and in docs/simulator.md. How many days to leave out is stated by the
scenario, or found by MSER-5 (`simulator.statistics.warm_up`) in the daily series, replications averaged.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from scenarios.errors import InputError
from simulator.engine.agents import figures, hours, since, waits_s
from simulator.engine.inbox import KPI_OF, Served
from simulator.engine.replication import Replication
from simulator.sending.network import BIN_S, DAY_S
from simulator.statistics import warm_up

HOUR_S = 3600.0
OF_AGENTS = (
    "agent_wait_s_mean",
    "agent_wait_s_p95",
    "long_wait_rate",
    "abandoned_rate",
    "resolution_rate",
    "agent_utilisation",
)
STEADY = ("sends_per_day", "group_daily_active_rate", "conversations_per_day", *OF_AGENTS)

Floats = NDArray[np.float64]


def steady_kpis(run: Replication, served: Served | None, days: int) -> dict[str, float]:
    """KPIs by name, without the first `days` days."""
    found = {"sends_per_day": _sends(run)[days:].mean()}
    if run.world.posts:
        active, members = (_by_day(column)[days:].sum() for column in _group_days(run))
        found["group_daily_active_rate"] = active / members if members else np.nan
    if served is not None:
        found["conversations_per_day"] = _begun(run, served)[days:].mean()
        horizon_s = run.world.horizon_s
        late = since(days * DAY_S, served.roster, served.inbound, served.handled, horizon_s)
        of_agents = figures(run.world.scenario.agents, *late, horizon_s)
        named = {KPI_OF.get(name, name): value for name, value in of_agents.items()}
        found |= {name: named[name] for name in OF_AGENTS}
    return {name: float(value) for name, value in found.items()}


def daily(run: Replication, served: Served | None) -> dict[str, Floats]:
    """What MSER-5 looks at, by whole day: always finite, since a day may pass without any conversation.

    Messages sent, the share of members active; conversations begun, hours that those of the day waited, hours
    that agents dealt with some.
    """
    found = {"sends": _sends(run)}
    if run.world.posts:
        active, members = (_by_day(column) for column in _group_days(run))
        found["members_active"] = active / np.maximum(members, 1)
    if served is not None:
        days = _days(run)
        arrived = (served.inbound.arrival_s // DAY_S).astype(np.int64)
        waits_h = waits_s(served.inbound, served.handled, run.world.horizon_s) / HOUR_S
        found["conversations"] = _begun(run, served)
        found["waiting_h"] = np.bincount(arrived, weights=waits_h, minlength=days)[:days].astype(np.float64)
        found["busy_h"] = np.array(
            [hours(served.roster, served.handled, day * DAY_S, (day + 1) * DAY_S)[0] for day in range(days)]
        )
    return found


def found_in(series: Sequence[Mapping[str, Floats]]) -> dict[str, int]:
    """How many days MSER-5 leaves out of each daily series, of which each replication gives one.

    Raises InputError if one of them does not settle.
    """
    days = {}
    for name in series[0]:
        drop = warm_up.length(np.array([of_one[name] for of_one in series]))
        if drop is None:
            raise InputError(
                f"experiment.warm_up_days: auto: daily {name} do not settle within "
                f"{len(series[0][name])} days; lengthen experiment.horizon_days, or state a number"
            )
        days[name] = drop
    return days


def _days(run: Replication) -> int:
    """Whole ones."""
    return int(run.world.horizon_s // DAY_S)


def _sends(run: Replication) -> Floats:
    bins, days = round(DAY_S / BIN_S), _days(run)
    by_bin = run.tally.tables.sends.sum(axis=(1, 2), dtype=np.float64)
    return np.asarray(by_bin[: days * bins].reshape(days, bins).sum(axis=1))


def _begun(run: Replication, served: Served) -> Floats:
    days = _days(run)
    day = (served.conversations.at_s // DAY_S).astype(np.int64)
    return np.bincount(day, minlength=days)[:days].astype(np.float64)


def _group_days(run: Replication) -> tuple[Floats, Floats]:
    """Members active and members written to, so far at the end of each whole day."""
    days = _days(run)
    active, members = run.tally.active_days[:days], run.tally.members_days[:days]
    return np.array(active, np.float64), np.array(members, np.float64)


def _by_day(so_far: Floats) -> Floats:
    return np.diff(so_far, prepend=0.0)

"""Figures of a lasting state without the start: by hand, found by MSER-5, and where that cannot be."""

import numpy as np
import pytest

from scenarios.checks import LEAST_DAYS
from scenarios.errors import InputError
from scenarios.loading import Loaded, load
from scenarios.result import WarmUp
from scenarios.variants import variants_of
from simulator.compare import compare
from simulator.engine.agents import waits_s
from simulator.engine.replication import Replication
from simulator.results.steady import OF_AGENTS, STEADY, found_in
from simulator.results.summary import simulate_once
from simulator.run import simulate
from simulator.sending.network import BIN_S, DAY_S
from simulator.statistics import warm_up
from simulator.world import world_of


def programme(*settings: str) -> Loaded:
    own = ["population.size=300", "experiment.replications=2", "experiment.horizon_days=14.5", *settings]
    return load("daily_programme", own)


def test_a_stated_warm_up_leaves_the_days_out_of_these_figures_and_of_no_other() -> None:
    world = world_of(programme())
    run = Replication(world, 1)
    run.run()
    served = run.inbox.served()
    assert served is not None
    whole, late = (
        simulate_once(world_of(programme(f"experiment.warm_up_days={days}")), 1).kpis for days in (0, 5)
    )
    after = served.inbound.arrival_s >= 5 * DAY_S
    wait_s = waits_s(served.inbound, served.handled, world.horizon_s)[after]
    assert late["agent_wait_s_mean"] == pytest.approx(wait_s.mean())
    assert late["abandoned_rate"] == pytest.approx(np.isfinite(served.handled.left_s)[after].mean())
    day = round(DAY_S / BIN_S)
    assert late["sends_per_day"] == run.tally.tables.sends[5 * day : 14 * day].sum() / 9
    begun = served.conversations.at_s // DAY_S
    assert late["conversations_per_day"] == np.count_nonzero((begun >= 5) & (begun < 14)) / 9
    active, members = run.tally.active_days, run.tally.members_days
    assert late["group_daily_active_rate"] == (active[13] - active[4]) / (members[13] - members[4])
    assert members[-1] == run.tally.total["members_days"]
    assert set(late) - set(whole) == {"sends_per_day", "conversations_per_day"}
    changed = {name for name in whole if not np.array_equal(late[name], whole[name], equal_nan=True)}
    assert changed <= set(STEADY)
    assert {"agent_utilisation", "group_daily_active_rate"} <= changed


def test_the_document_names_what_was_left_out() -> None:
    assert not isinstance(simulate(programme()).warm_up, WarmUp)
    found = simulate(programme("experiment.warm_up_days=5")).warm_up
    assert found == WarmUp(5, list(STEADY), {})
    alone = load("bulk_send", ["population.size=50", "experiment.warm_up_days=2"])
    assert simulate(alone).warm_up == WarmUp(2, ["sends_per_day"], {})  # neither groups nor agents


def test_auto_leaves_out_what_mser_5_finds_in_the_daily_series() -> None:
    settings = ("population.size=1000", "experiment.horizon_days=50")
    auto = simulate(programme(*settings, "experiment.warm_up_days=auto"))
    found = auto.warm_up
    assert isinstance(found, WarmUp)
    assert set(found.by_series) == {"sends", "members_active", "conversations", "waiting_h", "busy_h"}
    assert found.days == max(found.by_series.values()) > 0  # the campaign's week is no other's
    assert set(found.kpis) == set(STEADY)
    stated = simulate(programme(*settings, f"experiment.warm_up_days={found.days}"))
    assert auto.kpis == stated.kpis


def test_a_series_that_does_not_settle_is_one_line() -> None:
    rising = {"sends": np.arange(200.0) ** 2}
    with pytest.raises(InputError, match="daily sends do not settle within 200 days; lengthen"):
        found_in([rising, rising])


def test_each_variant_would_find_another_so_compare_wants_a_number() -> None:
    settings = ["experiment.horizon_days=60", "experiment.warm_up_days=auto"]
    base = programme(*settings)
    variants = variants_of(base, ["a:pacing.rate_per_min=9"], [], [*settings, "experiment.replications=2"])
    with pytest.raises(InputError, match="auto may find another number in each variant"):
        compare(base, variants)


def test_the_schema_asks_for_as_many_days_as_mser_5_does() -> None:
    assert LEAST_DAYS == warm_up.BATCH * warm_up.LEAST


def test_agents_figures_are_named_as_kpis() -> None:
    assert set(OF_AGENTS) <= set(simulate_once(world_of(programme()), 1).kpis)

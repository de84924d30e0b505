"""C106 with C107, and C089 with C090: each pair comes out of the same two strategies under its own parameters."""

import re
from pathlib import Path

import pytest

from scenarios.loading import load
from simulator.results.summary import simulate_once
from simulator.world import world_of

PAGE = Path(__file__).parents[2] / "docs" / "scenarios.md"


def by_the_month() -> list[str]:
    """What the documentation says that makes it C089 and C090."""
    section = (
        PAGE.read_text(encoding="utf-8").partition("### Two readings of the bans")[2].partition("\n#")[0]
    )
    settings = re.findall(r"--set (network\.\w+=[\d.]+)", section)
    assert [setting.partition("=")[0] for setting in settings] == [
        "network.ban_per_30_days",
        "network.broken_rule_hazard_ratio",
    ]
    return settings


def banned(scenario: str, *settings: str) -> float:
    """Share of accounts banned in 30 sending days, of old accounts."""
    world = world_of(load(scenario, ["accounts.new_count=0", *settings]))
    rates = [simulate_once(world, number).kpis["account_ban_rate"] for number in (2, 3)]
    assert rates[0] == rates[1], "complaints or bans have changed the hazard too: take other replications"
    return rates[0]


@pytest.mark.parametrize(
    ("scenario", "claimed"), [("bulk_send", 0.012), ("careless", 0.27)], ids=["C106", "C107"]
)
def test_by_default_what_rules_kept_and_broken_are_claimed_to_cost_comes_out(
    scenario: str, claimed: float
) -> None:
    assert banned(scenario) == pytest.approx(claimed, rel=0.01)


@pytest.mark.parametrize(
    ("scenario", "claimed"), [("bulk_send", 0.02), ("careless", 0.15)], ids=["C090", "C089"]
)
def test_the_other_claims_come_out_with_the_settings_of_the_documentation(
    scenario: str, claimed: float
) -> None:
    assert banned(scenario, *by_the_month()) == pytest.approx(claimed, rel=0.01)


def test_the_claimed_change_between_them_follows() -> None:
    kept, broken = (banned(scenario, *by_the_month()) for scenario in ("bulk_send", "careless"))
    assert kept / broken - 1 == pytest.approx(-0.86, abs=0.01)  # C091


def test_every_rule_that_old_accounts_can_break_is_broken() -> None:
    """The risky rate and three rules of the hour, the day and equal content: nothing else acts on the hazard."""
    network = load("careless").scenario.network
    times = network.risky_rate_hazard_ratio * network.broken_rule_hazard_ratio**3
    assert banned("careless") == pytest.approx(1 - (1 - network.ban_per_30_days) ** times, rel=1e-9)

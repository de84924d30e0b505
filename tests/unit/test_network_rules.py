from datetime import UTC, date, datetime

import pytest

from server.network.rules import rules_at, rules_on


@pytest.mark.parametrize(
    ("day", "second_tier", "model", "utility_free", "service_free"),
    [
        (date(2025, 6, 30), 1_000, "CBP", False, float("inf")),
        (date(2025, 7, 1), 1_000, "PMP", True, float("inf")),
        (date(2025, 9, 30), 1_000, "PMP", True, float("inf")),
        (date(2025, 10, 1), 2_000, "PMP", True, float("inf")),
        (date(2026, 9, 30), 2_000, "PMP", True, float("inf")),
        (date(2026, 10, 1), 2_000, "PMP", False, 1_000),
    ],
)
def test_rules_change_on_their_day(
    day: date, second_tier: int, model: str, utility_free: bool, service_free: float
) -> None:
    limits, pricing = rules_on(day)
    assert limits.tiers[1] == second_tier
    assert pricing.model == model
    assert pricing.utility_free_in_window is utility_free
    assert pricing.service_free_a_month == service_free


def test_rules_at_a_time_are_those_of_its_day_in_utc() -> None:
    midnight = datetime(2025, 10, 1, tzinfo=UTC).timestamp()
    assert rules_at(midnight - 1).limits.tier_scope == "number"
    assert rules_at(midnight).limits.tier_scope == "portfolio"

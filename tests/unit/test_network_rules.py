from datetime import UTC, date, datetime

import pytest

from server.network.rules import business_account, next_limits, rules_at, rules_on


@pytest.mark.parametrize(
    ("day", "second_tier", "model", "utility_free", "service_free"),
    [
        (date(2025, 6, 30), 1_000, "CBP", False, float("inf")),
        (date(2025, 7, 1), 1_000, "PMP", True, float("inf")),
        (date(2025, 10, 6), 1_000, "PMP", True, float("inf")),
        (date(2025, 10, 7), 2_000, "PMP", True, float("inf")),
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
    midnight = datetime(2025, 10, 7, tzinfo=UTC).timestamp()
    assert rules_at(midnight - 1).limits.tier_scope == "number"
    assert rules_at(midnight).limits.tier_scope == "portfolio"


def test_the_next_limits_are_known_with_their_midnight() -> None:
    midnight = datetime(2025, 10, 7, tzinfo=UTC).timestamp()
    assert next_limits(midnight - 1) == (midnight, rules_at(midnight).limits)
    assert next_limits(midnight - 5 * 365 * 86_400) == (midnight, rules_at(midnight).limits)
    assert next_limits(midnight) is None


def test_a_business_account_is_what_its_day_throughput_and_level_grant() -> None:
    account = business_account(date(2026, 11, 1), "upgraded", level=1)
    assert (account.messages_per_s, account.users_per_day) == (1_000, 2_000)
    assert account.rules == rules_on(date(2026, 11, 1))


@pytest.mark.parametrize("level", [-1, 5])
def test_a_level_that_is_none_is_refused(level: int) -> None:
    with pytest.raises(ValueError, match=f"level {level}: must be 0 to 4"):
        business_account(date(2026, 11, 1), level=level)

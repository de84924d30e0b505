from datetime import UTC, date, datetime

import pytest

from server.network.pricing import (
    OTHER,
    RATES,
    Charge,
    Conversations,
    MonthlyCount,
    charge,
    price_usd,
    pricing_object,
)
from server.network.rules import CATEGORIES, PRICING, Category, rules_on
from server.network.windows import Window

BY_CONVERSATION, BY_MESSAGE, SINCE_OCTOBER = (
    rules_on(day).pricing for day in (date(2025, 6, 1), date(2026, 1, 1), date(2026, 11, 1))
)
OUTSIDE, INSIDE, FREE_ENTRY = Window(False, False), Window(True, False), Window(True, True)


@pytest.mark.parametrize(
    ("category", "outside", "inside"),
    [("marketing", True, True), ("authentication", True, True), ("utility", True, False)],
)
def test_templates_are_charged_by_message_and_utility_is_free_in_the_window(
    category: Category, outside: bool, inside: bool
) -> None:
    assert charge(BY_MESSAGE, category, OUTSIDE).billable is outside
    assert charge(BY_MESSAGE, category, INSIDE).billable is inside


def test_since_october_utility_is_charged_in_the_window_too() -> None:
    assert charge(SINCE_OCTOBER, "utility", INSIDE) == Charge(True, "PMP", "regular", "utility")


def test_service_is_free_up_to_a_thousand_a_month_since_october() -> None:
    assert charge(BY_MESSAGE, "service", INSIDE, 10_000).type == "free_customer_service"
    assert not charge(SINCE_OCTOBER, "service", INSIDE, 999).billable
    assert charge(SINCE_OCTOBER, "service", INSIDE, 1_000) == Charge(True, "PMP", "regular", "service")


@pytest.mark.parametrize("rules", PRICING)
@pytest.mark.parametrize("category", CATEGORIES)
def test_all_is_free_after_an_ad(rules: object, category: Category) -> None:
    free = charge(rules, category, FREE_ENTRY, 5_000)  # type: ignore[arg-type]
    assert not free.billable
    assert free.type == "free_entry_point"
    assert price_usd(free, "DE", date(2026, 11, 1)) == 0.0


def test_the_pricing_object_of_a_status() -> None:
    assert pricing_object(charge(BY_MESSAGE, "utility", INSIDE)) == {
        "billable": False,
        "pricing_model": "PMP",
        "type": "free_customer_service",
        "category": "utility",
    }
    assert pricing_object(charge(BY_CONVERSATION, "marketing", OUTSIDE)) == {
        "billable": True,
        "pricing_model": "CBP",
        "category": "marketing",
    }


def test_prices_follow_market_category_and_day() -> None:
    marketing, service = (
        charge(BY_MESSAGE, "marketing", OUTSIDE),
        charge(SINCE_OCTOBER, "service", INSIDE, 1_000),
    )
    assert price_usd(marketing, "IN", date(2025, 12, 31)) == 0.0107
    assert price_usd(marketing, "IN", date(2026, 1, 1)) == 0.0118
    assert (
        price_usd(marketing, "XX", date(2026, 1, 1))
        == price_usd(marketing, OTHER, date(2026, 1, 1))
        == 0.0604
    )
    assert price_usd(service, "BR", date(2026, 11, 1)) == 0.0068  # the utility rate


def test_rates_are_in_order_of_time_and_the_rest_of_the_world_always_has_one() -> None:
    assert list(RATES) == sorted(RATES, key=lambda rate: rate.since)
    assert min(rate.since for rate in RATES if rate.market == OTHER) == date.min


def test_the_monthly_count_starts_anew_each_month() -> None:
    count = MonthlyCount()
    november = datetime(2026, 11, 30, 23, 59, tzinfo=UTC).timestamp()
    assert [count.add(november), count.add(november), count.add(november + 60)] == [0, 1, 0]


def test_a_conversation_is_charged_once_a_day_and_category() -> None:
    conversations = Conversations()
    assert conversations.opens(0.0, "a", "marketing")
    assert not conversations.opens(86_399.0, "a", "marketing")
    assert conversations.opens(86_399.0, "a", "utility")
    assert conversations.opens(86_400.0, "a", "marketing")
    assert len(conversations._open) == 2
    assert conversations.opens(400_000.0, "b", "utility")
    assert len(conversations._open) == 1

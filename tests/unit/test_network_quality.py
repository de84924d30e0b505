from datetime import date

import pytest

from server.network import errors
from server.network.enforcement import ANSWERS, FORGIVEN_S, INITIATED, NEW_NUMBERS
from server.network.limits import Limits, Number
from server.network.quality import Account, Event, Ladder, Parameters, Ratings, Template, limit_name
from server.network.rules import rules_on
from server.network.spam import BLOCKED, DELIVERED, REPORTED

T0 = 1_780_000_000.0
HOUR, DAY = 3_600.0, 86_400.0
NOW_RULES = rules_on(date(2026, 11, 1)).limits
OLD_RULES = rules_on(date(2025, 9, 1)).limits
PHONE = "15550001111"


def ratings_of(delivered: int, blocked: int = 0, reported: int = 0) -> Ratings:
    ratings = Ratings(Parameters())
    for kind, count in ((DELIVERED, delivered), (BLOCKED, blocked), (REPORTED, reported)):
        for _ in range(count):
            ratings.count(T0, kind)
    return ratings


@pytest.mark.parametrize(
    ("delivered", "blocked", "reported", "rating"),
    [
        (99, 50, 50, "UNKNOWN"),
        (100, 1, 2, "GREEN"),
        (100, 0, 5, "RED"),
        (1000, 9, 0, "GREEN"),
        (1000, 10, 0, "YELLOW"),
        (1000, 20, 0, "RED"),
        (1000, 0, 5, "RED"),
        (1000, 6, 1, "YELLOW"),
    ],
)
def test_a_rating_follows_the_share_of_blocks_and_reports(
    delivered: int, blocked: int, reported: int, rating: str
) -> None:
    ratings = ratings_of(delivered, blocked, reported)
    ratings.review(T0)
    assert ratings.rating == rating


def test_a_rating_forgets_what_is_older_than_a_week() -> None:
    ratings = ratings_of(1000, 20)
    assert ratings.review(T0) == "UNKNOWN"
    for _ in range(200):
        ratings.count(T0 + 7 * DAY, DELIVERED)
    assert ratings.review(T0 + 7 * DAY) == "RED"
    assert ratings.rating == "GREEN"


def test_late_complaints_of_a_week_ago_are_not_held_against_what_came_since() -> None:
    ratings = ratings_of(100_000, 200)
    for _ in range(200):
        ratings.count(T0 + 6 * DAY, BLOCKED, delivered_s=T0)
    assert ratings.review(T0 + 6 * DAY) == "UNKNOWN"
    ratings.count(T0 + 7 * DAY, DELIVERED, 1_000)
    ratings.count(T0 + 7 * DAY, BLOCKED, 50, delivered_s=T0)
    ratings.review(T0 + 7 * DAY)
    assert ratings.rating == "GREEN"


def new_template() -> Template:
    return Template(
        {"message_template_id": 7, "message_template_name": "sale", "message_template_language": "en"}
    )


def spoil(template: Template, now_s: float) -> list[Event]:
    for kind, count in ((DELIVERED, 100), (BLOCKED, 20)):
        template.ratings.count(now_s, kind, count)
    return template.review(now_s)


def test_what_came_before_a_pause_is_not_held_against_a_template_after_it() -> None:
    template = new_template()
    spoil(template, T0)
    template.review(T0 + 3 * HOUR)
    template.ratings.count(T0 + 4 * HOUR, DELIVERED, 100)
    template.ratings.count(T0 + 4 * HOUR, BLOCKED, 30, delivered_s=T0)
    template.review(T0 + 4 * HOUR)
    assert (template.status, template.ratings.rating) == ("APPROVED", "GREEN")


def test_a_template_is_paused_for_three_hours_then_six_then_disabled() -> None:
    template, now = new_template(), T0
    for hours, title in ((3, "FIRST_PAUSE"), (6, "SECOND_PAUSE")):
        quality, status = spoil(template, now)
        assert quality.field == "message_template_quality_update"
        assert quality.value["new_quality_score"] == "RED"
        assert status.value["event"] == "PAUSED"
        assert status.value["other_info"] == {"title": title}
        assert template.refusal(now + hours * HOUR - 1) == 132015
        assert template.review(now + hours * HOUR - 1) == []
        now += hours * HOUR
        assert template.refusal(now) is None
        (let_go,) = template.review(now)
        assert let_go.value["event"] == "APPROVED"
    disabled = spoil(template, now)[-1].value
    assert (disabled["event"], "other_info" in disabled) == ("DISABLED", False)
    assert abs(int(disabled["disable_info"]["disable_date"]) - now) < DAY
    assert template.refusal(now + 1000 * DAY) == 132016
    assert template.review(now + 1000 * DAY) == []


def test_a_pause_while_messages_are_held_ends_by_hand_alone() -> None:
    template = new_template()
    for kind, count in ((DELIVERED, 100), (BLOCKED, 20)):
        template.ratings.count(T0, kind, count)
    paused = template.review(T0, is_held=True)[-1]
    assert (paused.value["event"], template.status) == ("PAUSED", "PAUSED")
    assert template.review(T0 + 1000 * DAY) == []
    assert template.refusal(T0 + 1000 * DAY) == 132015
    template.unpause(T0 + 1000 * DAY)
    assert (template.status, template.ratings.rating) == ("APPROVED", "UNKNOWN")
    assert template.refusal(T0 + 1000 * DAY) is None


def test_a_template_that_users_like_gets_a_green_score_and_stays() -> None:
    template = new_template()
    for _ in range(100):
        template.ratings.count(T0, DELIVERED)
    (event,) = template.review(T0)
    assert event.value == {
        "previous_quality_score": "UNKNOWN",
        "new_quality_score": "GREEN",
        "message_template_id": 7,
        "message_template_name": "sale",
        "message_template_language": "en",
    }
    assert template.review(T0 + 1) == []


def test_the_ladder_warns_restricts_and_disables() -> None:
    limits = Limits(NOW_RULES)
    portfolio = limits.portfolio(4)
    number = limits.number(portfolio)
    limits.heard(T0, number, "asks")
    ladder = Ladder(portfolio)
    assert [event.value["event"] for event in ladder.violate(T0)] == ["ACCOUNT_VIOLATION"]
    assert limits.decide(T0, number, "a", "utility").code is None
    for days, restricted in (
        (1, {INITIATED, NEW_NUMBERS}),
        (3, {INITIATED, NEW_NUMBERS}),
        (5, None),
        (7, None),
    ):
        violation, restriction = ladder.violate(T0)
        assert violation.value["violation_info"] == {"violation_type": "SPAM"}
        info = restriction.value["restriction_info"]
        assert {entry["restriction_type"] for entry in info} == (
            restricted or {INITIATED, ANSWERS, NEW_NUMBERS}
        )
        assert {entry["expiration"] for entry in info} == {int(T0 + days * DAY)}
        assert limits.decide(T0 + 10, number, "b", "utility").code == errors.RESTRICTED
        answers = limits.decide(T0 + 10 + 6 * days, number, "asks", "service").code
        assert answers == (errors.RESTRICTED if restricted is None else None)
    disabled = ladder.violate(T0)[-1]
    assert disabled.value["ban_info"] == {"waba_ban_state": "DISABLE", "waba_ban_date": "May 28, 2026"}
    assert limits.decide(T0 + 99 * DAY, number, "a", "utility").code == errors.LOCKED
    assert ladder.violate(T0) == []


def test_the_ladder_forgives_after_a_time() -> None:
    ladder = Ladder(Limits(NOW_RULES).portfolio())
    ladder.violate(T0)
    assert len(ladder.violate(T0 + FORGIVEN_S)) == 1  # a warning again
    assert len(ladder.violate(T0 + FORGIVEN_S + DAY)) == 2


def test_numbers_that_the_spam_rate_limit_strikes_on_one_day_are_one_violation() -> None:
    ladder = Ladder(Limits(NOW_RULES).portfolio())
    told = [ladder.spam_limit_bound(T0 + minute * 60) for minute in range(20)]
    assert [len(events) for events in told] == [1] + [0] * 19
    assert len(ladder.spam_limit_bound(T0 + DAY)) == 2


def account_of(limits: Limits, level: int) -> tuple[Account, Number]:
    account = Account(limits, limits.portfolio(level))
    number = limits.number(account.portfolio)
    account.watch(PHONE, number)
    return account, number


def deliver(account: Account, number: Number, count: int, now_s: float) -> None:
    """To `count` users, one a second, from `now_s`."""
    for user in range(count):
        decision = account.limits.decide(now_s + user, number, user, "utility")
        if decision.code is None:
            account.limits.delivered(now_s + user, number, user, "utility", decision.window)
        account.delivered(now_s + user, PHONE)


def test_spam_is_a_violation() -> None:
    account, number = account_of(Limits(NOW_RULES), 4)
    deliver(account, number, 200, T0)
    assert account.blocked(T0 + 200, PHONE) == []
    told = [event for _ in range(5) for event in account.reported(T0 + 200, PHONE)]
    assert [event.value["event"] for event in told] == ["ACCOUNT_VIOLATION"]


def test_a_limit_that_rises_is_told() -> None:
    account, number = account_of(Limits(NOW_RULES), 1)
    deliver(account, number, 1000, T0)
    assert account.review(T0 + HOUR) == []
    quality, capability = account.review(T0 + 7 * HOUR)
    assert quality.value == {
        "display_phone_number": PHONE,
        "event": "UPGRADE",
        "old_limit": "TIER_2K",
        "current_limit": "TIER_10K",
        "max_daily_conversations_per_business": "TIER_10K",
    }
    assert capability == Event(
        "business_capability_update",
        {"max_daily_conversations_per_business": 10_000, "max_phone_numbers_per_waba": 25},
    )


def test_a_bad_number_holds_back_the_limit_of_its_business_but_an_idle_one_does_not() -> None:
    for blocks, events in ((0, 3), (30, 0)):
        account, number = account_of(Limits(NOW_RULES), 1)
        other = account.watch("15550002222", account.limits.number(account.portfolio))
        deliver(account, number, 1000, T0)
        for _ in range(100 if blocks else 0):
            other.count(T0, DELIVERED)
        for _ in range(blocks):
            other.count(T0, BLOCKED)
        account.review(T0 + HOUR)
        assert len(account.review(T0 + 7 * HOUR)) == events


def test_the_older_rules_flag_a_number_and_lower_its_limit() -> None:
    account, number = account_of(Limits(OLD_RULES), 2)
    deliver(account, number, 200, T0)
    for _ in range(20):
        account.blocked(T0 + 200, PHONE)
    (flagged,) = account.review(T0 + 200)
    assert flagged.value["event"] == "FLAGGED"
    lowered = account.review(T0 + 200 + 7 * DAY)
    assert [event.value.get("event") for event in lowered] == ["DOWNGRADE", None]
    assert number.tier.limit == 1_000


def test_under_the_new_rules_a_bad_rating_is_only_a_rating() -> None:
    account, number = account_of(Limits(NOW_RULES), 2)
    deliver(account, number, 200, T0)
    for _ in range(20):
        account.blocked(T0 + 200, PHONE)
    assert account.review(T0 + 200) == []
    assert account.review(T0 + 200 + 7 * DAY) == []
    assert number.tier.limit == 10_000


def test_an_unlimited_number_of_good_quality_is_upgraded_to_a_thousand_a_second() -> None:
    account, number = account_of(Limits(NOW_RULES), 4)
    assert account.review(T0) == []  # not before its quality is known
    deliver(account, number, 100, T0)
    (event,) = account.review(T0 + 100)
    assert event.value["event"] == "THROUGHPUT_UPGRADE"
    assert number.meter.kind == "upgraded"
    assert account.review(T0 + 200) == []


@pytest.mark.parametrize(
    ("limit", "name"),
    [(250, "TIER_250"), (2_000, "TIER_2K"), (100_000, "TIER_100K"), (float("inf"), "TIER_UNLIMITED")],
)
def test_limits_have_names(limit: float, name: str) -> None:
    assert limit_name(limit) == name


def test_the_first_limit_allows_two_numbers() -> None:
    account, number = account_of(Limits(OLD_RULES), 1)
    deliver(account, number, 200, T0)
    for _ in range(20):
        account.blocked(T0 + 200, PHONE)
    account.review(T0 + 200)
    assert account.review(T0 + 200 + 7 * DAY)[-1].value == {
        "max_daily_conversations_per_business": 250,
        "max_phone_numbers_per_business": 2,
    }

"""Each limit by itself, through the one call that the emulator and the simulator make."""

from dataclasses import replace
from datetime import date

import pytest

from server.network import errors, marketing_cap, spam
from server.network.limits import OUTSIDE, Assumed, Limits, Number, Reading
from server.network.rules import Category, Throughput, rules_on
from server.network.tiers import Tier

T0 = 1_780_000_000.0
HOUR, DAY = 3_600.0, 86_400.0
NOW_RULES = rules_on(date(2026, 11, 1)).limits
OLD_RULES = rules_on(date(2025, 9, 1)).limits


def number_of(limits: Limits, level: int = 4, throughput: Throughput = "standard") -> Number:
    return limits.number(limits.portfolio(level), throughput)


def send(
    limits: Limits, number: Number, at_s: float, user: int | str, category: Category = "utility"
) -> int | None:
    """The code; an accepted message is delivered at once."""
    decision = limits.decide(at_s, number, user, category)
    if decision.code is None:
        limits.delivered(at_s, number, user, category, decision.window)
    return decision.code


@pytest.mark.parametrize(("kind", "mps"), [("standard", 80), ("upgraded", 1000), ("coexistence", 20)])
def test_throughput_refuses_what_does_not_fit_into_a_second(kind: Throughput, mps: int) -> None:
    limits = Limits(NOW_RULES)
    number = number_of(limits, throughput=kind)
    assert [send(limits, number, T0, user) for user in range(mps)] == [None] * mps
    assert send(limits, number, T0 + 0.5, "one more") == errors.THROUGHPUT
    assert send(limits, number, T0 + 1.0, "one more") is None


def test_inbound_messages_use_the_same_throughput() -> None:
    limits = Limits(NOW_RULES)
    number = number_of(limits, throughput="coexistence")
    for user in range(25):
        limits.heard(T0, number, user)
    assert send(limits, number, T0 + 0.9, "a") == errors.THROUGHPUT
    assert send(limits, number, T0 + 1.0, "a") is None


def test_a_number_is_unusable_while_it_is_upgraded() -> None:
    limits = Limits(NOW_RULES)
    number = number_of(limits)
    number.meter.change(T0, "upgraded")
    assert send(limits, number, T0 + 59, "a") == errors.MAINTENANCE
    assert [send(limits, number, T0 + 60, user) for user in range(1001)].count(None) == 1000


def test_a_lower_throughput_remembers_the_last_second() -> None:
    limits = Limits(NOW_RULES)
    number = number_of(limits)
    for user in range(50):
        send(limits, number, T0, user)
    number.meter.change(T0, "coexistence")
    number.meter.unusable_until_s = T0
    assert send(limits, number, T0 + 0.5, "a") == errors.THROUGHPUT


def test_the_two_readings_of_the_pair_rate_differ_at_the_21st_message_after_a_burst_of_20() -> None:
    def codes(reading: str, *times: float) -> list[int | None]:
        limits = Limits(NOW_RULES, Assumed(pair_reading=reading))  # type: ignore[arg-type]
        number = number_of(limits)
        for _ in range(20):
            assert send(limits, number, T0, "a") is None
        return [send(limits, number, T0 + after, "a") for after in times]

    assert codes("literal", 6, 119.9, 120) == [errors.PAIR_RATE, errors.PAIR_RATE, None]
    assert codes("bucket", 6, 119.9, 120) == [None, None, None]


@pytest.mark.parametrize("reading", ["literal", "bucket"])
def test_both_readings_take_45_in_a_burst_and_no_more(reading: str) -> None:
    limits = Limits(NOW_RULES, Assumed(pair_reading=reading))  # type: ignore[arg-type]
    number = number_of(limits)
    assert [send(limits, number, T0, "a") for _ in range(46)] == [None] * 45 + [errors.PAIR_RATE]
    assert send(limits, number, T0, "b") is None


def test_an_unknown_reading_is_refused() -> None:
    limits = Limits(NOW_RULES, Assumed(pair_reading="third"))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="'third': must be 'literal' or 'bucket'"):
        number_of(limits)


def test_the_tier_counts_unique_users_of_a_moving_day() -> None:
    limits = Limits(NOW_RULES)
    number = number_of(limits, level=0)
    for user in range(250):
        assert send(limits, number, T0 + user, user) is None
    assert send(limits, number, T0 + 300, "new") == errors.SPAM_RATE
    assert send(limits, number, T0 + 300, 7) is None  # has a slot
    assert send(limits, number, T0 + DAY, "new") is None  # user 0's slot is free
    assert send(limits, number, T0 + DAY, "newer") == errors.SPAM_RATE


def test_the_tier_is_shared_by_a_portfolio_and_was_a_numbers_own() -> None:
    for rules, second in ((NOW_RULES, errors.SPAM_RATE), (OLD_RULES, None)):
        limits = Limits(rules)
        portfolio = limits.portfolio(0)
        first, other = limits.number(portfolio), limits.number(portfolio)
        for user in range(250):
            send(limits, first, T0 + user, user)
        assert send(limits, other, T0 + 250, "new") == second


def test_an_answer_in_the_service_window_takes_no_slot() -> None:
    limits = Limits(NOW_RULES)
    number = number_of(limits, level=0)
    limits.heard(T0, number, "asks")
    send(limits, number, T0, "asks")
    assert number.tier.used(T0) == 0


def test_a_lost_message_gives_its_slot_back_and_one_under_way_holds_it() -> None:
    limits = Limits(NOW_RULES)
    number = number_of(limits, level=0)
    window = limits.decide(T0, number, "a", "utility").window
    assert number.tier.used(T0) == 1
    limits.failed(T0, number, "a", "utility", window)
    assert number.tier.used(T0) == 0


def test_a_message_under_way_for_a_day_gives_its_slot_back_whoever_else_is_waiting() -> None:
    tier = Tier(NOW_RULES)
    for at_s, user in ((0.0, "a"), (3600.0, "b"), (7200.0, "a")):
        tier.accepted(T0 + at_s, user)
    assert tier.used(T0 + DAY + 3599) == 2
    assert tier.used(T0 + DAY + 3600) == 1
    assert tier.used(T0 + DAY + 7200) == 0


def test_a_message_lost_is_marketing_not_got() -> None:
    limits = Limits(NOW_RULES)
    number = number_of(limits)
    for _ in range(5):
        decision = limits.decide(T0, number, "a", "marketing")
        assert decision.code is None
        limits.failed(T0, number, "a", "marketing", decision.window)


def test_reading_lets_a_user_get_more_marketing() -> None:
    limits = Limits(NOW_RULES)
    number = number_of(limits)
    for _ in range(2):
        send(limits, number, T0, "a", "marketing")
        for _ in range(3):
            limits.read(T0, "a", "marketing")
    assert send(limits, number, T0, "a", "marketing") is None


def test_a_tier_rises_when_half_of_it_is_used() -> None:
    limits = Limits(NOW_RULES)
    number = number_of(limits, level=1)
    for user in range(999):
        send(limits, number, T0 + user, user)
    assert not number.tier.review(T0 + 1000, "GREEN")
    assert not number.tier.review(T0 + 1000 + 6 * 3600, "GREEN")
    send(limits, number, T0 + 1000, "the thousandth")
    assert not number.tier.review(T0 + 1000, "GREEN")
    assert not number.tier.review(T0 + 1000 + 5 * 3600, "GREEN")
    assert number.tier.review(T0 + 1000 + 6 * 3600, "GREEN")
    assert number.tier.limit == 10_000


def test_the_first_tier_rises_by_verification_or_by_volume() -> None:
    limits = Limits(NOW_RULES)
    verified, busy = number_of(limits, level=0), number_of(limits, level=0)
    verified.tier.review(T0, "UNKNOWN", verified=True)
    assert verified.tier.review(T0 + 6 * 3600, "UNKNOWN", verified=True)
    assert verified.tier.limit == 2_000
    for user in range(2000):
        assert send(limits, busy, T0 + user // 250 * DAY + user % 250, user) is None
    then = T0 + 8 * DAY
    assert not busy.tier.review(then, "GREEN")
    assert busy.tier.review(then + 6 * 3600, "GREEN")


def test_users_of_different_days_do_not_add_up_to_half_of_the_limit() -> None:
    limits = Limits(NOW_RULES)
    number = number_of(limits, level=1)
    for user in range(1200):
        send(limits, number, T0 + user // 600 * 2 * DAY + user % 600, user)
    number.tier.review(T0 + 3 * DAY, "GREEN")
    assert not number.tier.review(T0 + 4 * DAY, "GREEN")


def test_the_volume_of_the_first_tier_counts_the_users_of_a_month() -> None:
    def rises(*sent: tuple[str, float]) -> bool:
        tier = Tier(replace(NOW_RULES, first_rise_users=2))
        for user, day in sent:
            tier.accepted(T0 + day * DAY, user)
            tier.delivered(T0 + day * DAY, user)
        tier.review(T0 + 31 * DAY, "GREEN")
        return tier.review(T0 + 31.25 * DAY, "GREEN")

    assert not rises(("a", 0), ("b", 0.5), ("a", 29))
    assert rises(("a", 0), ("b", 2), ("a", 29))
    assert not rises(("a", 2), ("a", 3))
    assert not rises(("a", 1), ("b", 2))  # thirty days ago is not within them


@pytest.mark.parametrize("level", [0, 1])
def test_a_tier_told_how_many_users_it_has_moves_as_one_that_counts_them(level: int) -> None:
    """Level 0: by a month's users; above: by half of the limit in a day."""
    counting, told = Tier(NOW_RULES, level), Tier(NOW_RULES, level)
    for user in range(2_000):
        at_s = T0 + user * (300 if level == 0 else 1)
        counting.accepted(at_s, user)
        counting.delivered(at_s, user)
        told.counted(at_s, counting.used(at_s))
    for hour in range(5, 16):
        now_s = T0 + 600_000 + hour * 3600 if level == 0 else T0 + hour * 3600
        moved = counting.review(now_s, "GREEN")
        assert told.move(now_s, "GREEN", 2_000 if level == 0 else 0) is moved
        assert told.level == counting.level
    assert told.level == level + 1


def test_a_user_with_a_message_got_and_one_under_way_holds_one_slot() -> None:
    tier = Tier(NOW_RULES)
    tier.limit = 2
    for at_s, user in ((0.0, "gone"), (3600.0, "a")):
        tier.accepted(T0 + at_s, user)
        tier.delivered(T0 + at_s, user)
    tier.accepted(T0 + 7200, "a")
    assert tier.full(T0 + DAY - 1, "b")
    assert not tier.full(T0 + DAY, "b")


def test_quality_lowers_the_tier_only_under_the_older_rules() -> None:
    for rules, level in ((NOW_RULES, 2), (OLD_RULES, 1)):
        number = number_of(Limits(rules), level=2)
        number.tier.review(T0, "RED")
        number.tier.review(T0 + 7 * DAY, "RED")
        assert number.tier.level == level


def test_the_first_tier_cannot_fall() -> None:
    number = number_of(Limits(OLD_RULES), level=0)
    number.tier.review(T0, "RED")
    assert not number.tier.review(T0 + 8 * DAY, "RED")


def test_a_use_of_a_week_ago_lifts_no_tier() -> None:
    tier = Tier(replace(NOW_RULES, tiers=(1, 2, 4), rise_after_s=0.0), level=1)
    tier.accepted(T0, "a")
    tier.delivered(T0, "a")
    assert not tier.review(T0 + 7 * DAY, "GREEN")
    assert tier.review(T0 + 7 * DAY - 1, "GREEN")


def test_free_text_needs_an_open_service_window() -> None:
    limits = Limits(NOW_RULES)
    number = number_of(limits)
    assert send(limits, number, T0, "a", "service") == errors.RE_ENGAGEMENT
    limits.heard(T0 + 10, number, "a")
    assert send(limits, number, T0 + 10 + DAY - 1, "a", "service") is None
    assert send(limits, number, T0 + 10 + DAY, "a", "service") == errors.RE_ENGAGEMENT


def test_an_answer_to_an_ad_opens_free_entry_for_72_hours() -> None:
    limits = Limits(NOW_RULES)
    number = number_of(limits)
    limits.heard(T0, number, "a", from_ad=True)
    assert limits.decide(T0 + 100, number, "a", "service").window == (True, False)
    assert limits.decide(T0 + 200, number, "a", "service").window == (True, True)
    assert limits.decide(T0 + 2 * DAY, number, "a", "utility").window == (False, True)
    assert limits.decide(T0 + 100 + 3 * DAY, number, "a", "utility").window == (False, False)


def test_an_answer_a_day_after_the_ad_opens_nothing() -> None:
    limits = Limits(NOW_RULES)
    number = number_of(limits)
    limits.heard(T0, number, "a", from_ad=True)
    limits.decide(T0 + DAY, number, "a", "utility")
    assert limits.decide(T0 + DAY + 6, number, "a", "utility").window == (False, False)


def test_a_user_gets_two_marketing_messages_a_day_from_all_businesses_together() -> None:
    limits = Limits(NOW_RULES)
    one, other = number_of(limits), number_of(limits)
    assert send(limits, one, T0, "a", "marketing") is None
    assert send(limits, other, T0, "a", "marketing") is None
    assert send(limits, one, T0 + 60, "a", "marketing") == errors.MARKETING_CAPPED
    assert send(limits, one, T0 + 60, "b", "marketing") is None
    assert send(limits, one, T0 + 120, "a", "utility") is None


def test_after_a_refusal_a_sender_waits_a_day_and_hammering_makes_it_longer() -> None:
    limits = Limits(NOW_RULES)
    number = number_of(limits)
    for _ in range(2):
        send(limits, number, T0, "a", "marketing")
    assert send(limits, number, T0 + 60, "a", "marketing") == errors.MARKETING_CAPPED
    assert send(limits, number, T0 + DAY, "a", "marketing") == errors.MARKETING_CAPPED  # the wait: a try
    assert send(limits, number, T0 + DAY + 60, "a", "marketing") is None
    hammered = number_of(limits)
    for _ in range(2):
        send(limits, hammered, T0 + 3 * DAY, "b", "marketing")
    for minute in range(1, 5):
        assert send(limits, hammered, T0 + 3 * DAY + 60 * minute, "b", "marketing") == errors.MARKETING_CAPPED
    assert send(limits, hammered, T0 + 4 * DAY + 239, "b", "marketing") == errors.MARKETING_CAPPED
    assert send(limits, hammered, T0 + 4 * DAY + 250, "b", "marketing") is None


def test_a_cap_may_have_no_wait() -> None:
    cap = marketing_cap.MarketingCap(marketing_cap.CapParameters(least=0, most=0, wait_s=0.0, forget_s=0.0))
    assert not cap.take(T0, 1, "a")
    assert not cap.take(T0, 1, "a")
    cap.read(T0, "a")


def test_a_reply_opens_a_day_in_which_marketing_does_not_count() -> None:
    limits = Limits(NOW_RULES)
    number = number_of(limits)
    for _ in range(2):
        send(limits, number, T0, "a", "marketing")
    limits.heard(T0, number, "a")
    assert send(limits, number, T0 + 12, "a", "marketing") is None


def test_a_reader_gets_more_marketing_than_one_who_ignores_it() -> None:
    cap = marketing_cap.MarketingCap()
    for day in range(10):
        for user in ("reads", "ignores"):
            cap.delivered(T0 + day * DAY, user)
        cap.read(T0 + day * DAY, "reads")
    assert (cap.allowance("reads"), cap.allowance("ignores"), cap.allowance("unknown")) == (3, 1, 2)


def test_marketing_is_paused_in_the_us() -> None:
    limits = Limits(NOW_RULES)
    number = number_of(limits)
    assert limits.decide(T0, number, "a", "marketing", "US").code == errors.MARKETING_CAPPED
    assert limits.decide(T0, number, "b", "utility", "US").code is None
    assert limits.decide(T0, number, "c", "marketing", "DE").code is None


def test_a_user_who_stopped_marketing_still_gets_the_rest() -> None:
    limits = Limits(NOW_RULES)
    number, other = number_of(limits), number_of(limits)
    number.stopped.add("a")
    assert send(limits, number, T0, "a", "marketing") == errors.MARKETING_STOPPED
    assert send(limits, number, T0 + 6, "a", "utility") is None
    assert send(limits, other, T0, "a", "marketing") is None
    number.stopped.discard("a")
    assert send(limits, number, T0 + 12, "a", "marketing") is None


@pytest.mark.parametrize(
    ("blocks", "reports", "binds"), [(19, 0, False), (20, 0, True), (0, 4, False), (0, 5, True)]
)
def test_blocks_and_reports_make_the_spam_limit_bind_for_a_day(
    blocks: int, reports: int, binds: bool
) -> None:
    limits = Limits(NOW_RULES)
    number = number_of(limits)
    for user in range(1_000):
        send(limits, number, T0 + user, user)
    told = [limits.blocked(T0 + 1_000, number) for _ in range(blocks)]
    told += [limits.reported(T0 + 1_000, number) for _ in range(reports)]
    assert told[-1] is binds
    assert send(limits, number, T0 + 1_100, "a") == (errors.SPAM_RATE if binds else None)
    limits.heard(T0 + 1_100, number, "b")
    assert send(limits, number, T0 + 1_100, "b", "service") is None  # answers are not held
    assert send(limits, number, T0 + 1_000 + DAY, "c") is None


def test_a_report_of_a_hundred_deliveries_is_chance_and_five_are_not() -> None:
    guard = spam.SpamGuard()
    guard.delivered(T0, 100)
    assert [guard.complained(T0, spam.REPORTED) for _ in range(5)] == [False] * 4 + [True]


def test_complaints_are_forgotten_after_a_day() -> None:
    guard = spam.SpamGuard()
    guard.delivered(T0, 1_000)
    for _ in range(19):
        guard.complained(T0, spam.BLOCKED)
    guard.delivered(T0 + DAY, 1_000)
    assert not guard.complained(T0 + DAY, spam.BLOCKED)


def test_late_complaints_of_a_large_campaign_do_not_fall_on_the_few_messages_of_the_next_day() -> None:
    """A block is held against the deliveries of its own hour, and leaves with them."""
    guard = spam.SpamGuard()
    guard.delivered(T0, 100_000)
    told = [guard.complained(T0 + 23 * HOUR, spam.BLOCKED, T0) for _ in range(200)]
    guard.delivered(T0 + DAY + HOUR, 1_000)
    told += [guard.complained(T0 + DAY + HOUR, spam.BLOCKED, T0) for _ in range(50)]
    told += [guard.complained(T0 + DAY + HOUR, spam.BLOCKED, T0 + DAY + HOUR) for _ in range(20)]
    assert told == [False] * 269 + [True]


def test_restrictions_of_a_portfolio_stop_what_they_name() -> None:
    limits = Limits(NOW_RULES)
    number = number_of(limits)
    limits.heard(T0, number, "asks")
    number.portfolio.initiated_restricted_until_s = T0 + 100
    assert send(limits, number, T0, "a") == errors.RESTRICTED
    assert send(limits, number, T0, "asks", "service") is None
    number.portfolio.all_restricted_until_s = T0 + 50
    assert send(limits, number, T0 + 49, "asks", "service") == errors.RESTRICTED
    assert send(limits, number, T0 + 100, "a") is None
    number.portfolio.disabled = True
    assert send(limits, number, T0 + 106, "a") == errors.LOCKED


def test_an_unlimited_portfolio_holds_no_slots() -> None:
    limits = Limits(NOW_RULES)
    number = number_of(limits, level=4)
    decision = limits.decide(T0, number, "a", "utility")
    limits.delivered(T0, number, "a", "utility", decision.window)
    limits.failed(T0, number, "b", "utility", decision.window)
    assert number.tier.used(T0) == 0
    assert not number.tier.review(T0, "GREEN", verified=True)


def test_a_rise_to_unlimited_forgets_the_slots() -> None:
    limits = Limits(NOW_RULES)
    number = number_of(limits, level=3)
    send(limits, number, T0, "a")
    number.tier.set_level(4)
    assert number.tier.used(T0) == 0


@pytest.mark.parametrize("reading", ["literal", "bucket"])
def test_memory_is_bounded_by_what_the_windows_hold(reading: Reading) -> None:
    limits = Limits(NOW_RULES, Assumed(pair_reading=reading))
    number = number_of(limits, level=2)
    for user in range(5_000):
        at_s = T0 + 60.0 * user
        limits.heard(at_s, number, user)
        send(limits, number, at_s + 1, -user, "marketing")
    assert len(number.pairs) < 10
    assert number.tier.used(T0 + 60.0 * 5_000) <= 1440
    assert len(number.windows._service) <= 1442
    assert len(limits.cap._sent) <= 1442


def test_numbers_that_come_to_share_a_limit_keep_their_level_and_their_users() -> None:
    """As in 2025-10: of several limits the highest stays, and nobody is forgotten."""
    limits = Limits(OLD_RULES)
    business = limits.portfolio(1)
    first, second, third = (limits.number(business) for _ in range(3))
    second.tier.set_level(2)
    for user in range(800):
        assert send(limits, first, T0 + user, user) is None
        assert send(limits, third, T0 + user, 400 + user) is None
    waiting = limits.decide(T0 + 900, first, "late", "utility")
    limits.change_rules(NOW_RULES, [first, second, third])
    assert first.tier is second.tier is third.tier is business.tier
    assert (business.tier.level, business.tier.limit) == (2, 10_000)
    assert business.tier.used(T0 + 900) == 1_201
    limits.failed(T0 + 900, first, "late", "utility", waiting.window)
    assert business.tier.used(T0 + 901) == 1_200
    assert business.tier.used(T0 + 799 + DAY) == 0


def test_a_changed_limit_binds_at_once_and_a_user_counts_once() -> None:
    limits = Limits(OLD_RULES)
    business = limits.portfolio(1)
    first, second = limits.number(business), limits.number(business)
    for user in range(1_000):
        assert send(limits, first, T0 + user, user) is None
        assert send(limits, second, T0 + user, user + 900) is None
    assert send(limits, first, T0 + 1_000, "new") == errors.SPAM_RATE
    limits.change_rules(NOW_RULES, [first, second])
    for user in range(100):
        assert send(limits, first, T0 + 1_010 + user, 5_000 + user) is None
    assert send(limits, second, T0 + 1_200, "new") == errors.SPAM_RATE
    assert send(limits, first, T0 + 1_200, 1_899) is None


def test_a_message_under_way_while_the_rules_change_is_still_counted_once() -> None:
    limits = Limits(OLD_RULES)
    business = limits.portfolio(0)
    first, second = limits.number(business), limits.number(business)
    for number in (first, second):
        limits.decide(T0, number, "a", "utility")
    limits.change_rules(NOW_RULES, [first, second])
    assert business.tier.used(T0) == 1
    limits.delivered(T0 + 1, first, "a", "utility", OUTSIDE)
    limits.failed(T0, second, "a", "utility", OUTSIDE)
    assert business.tier.used(T0 + DAY) == 1
    assert business.tier.used(T0 + 1 + DAY) == 0


def test_no_limit_stays_none() -> None:
    limits = Limits(OLD_RULES)
    number = number_of(limits)
    limits.change_rules(NOW_RULES, [number])
    assert number.tier.limit == float("inf")
    assert number.tier.used(T0) == 0

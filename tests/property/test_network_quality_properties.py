"""What must hold of quality, enforcement and prices for any behaviour of users."""

from datetime import date, timedelta
from math import inf

from hypothesis import given
from hypothesis import strategies as st

from server.network.enforcement import ANSWERS, STEPS
from server.network.limits import Limits
from server.network.pricing import Conversations, charge, price_usd, pricing_object
from server.network.quality import PAUSES_S, Account, Event, Ladder, Template
from server.network.rules import CATEGORIES, rules_on
from server.network.spam import BLOCKED, DELIVERED, REPORTED
from server.network.windows import Window

T0, DAY = 1_780_000_000.0, 86_400.0
gaps = st.sampled_from([0.0, 60.0, 3_600.0, 3 * 3_600.0, 6 * 3_600.0, DAY, 8 * DAY])
counts = st.tuples(st.integers(0, 300), st.integers(0, 6), st.integers(0, 2))
days = st.integers(0, 800).map(lambda count: date(2025, 1, 1) + timedelta(count))
windows = st.builds(Window, service=st.booleans(), free_entry=st.booleans())


@given(st.lists(st.tuples(gaps, counts), max_size=25))
def test_a_template_goes_only_along_its_path(steps: list[tuple[float, tuple[int, int, int]]]) -> None:
    template, now, path = Template({"message_template_id": 1}), T0, ["APPROVED"]
    for gap, (delivered, blocked, reported) in steps:
        now += gap
        for kind, count in ((DELIVERED, delivered), (BLOCKED, blocked), (REPORTED, reported)):
            for _ in range(count):
                template.ratings.count(now, kind)
        events = template.review(now)
        path += [e.value["event"] for e in events if e.field == "message_template_status_update"]
        assert path[-1] == template.status
        assert (template.refusal(now) is None) == (template.status == "APPROVED")
        assert template.review(now) == []
    whole = ["APPROVED", "PAUSED"] * len(PAUSES_S) + ["APPROVED", "DISABLED"]
    assert path == whole[: len(path)]


def restrictions(events: list[Event]) -> dict[str, float]:
    """Until when each is announced."""
    return {
        info["restriction_type"]: info["expiration"]
        for event in events
        for info in event.value.get("restriction_info", ())
    }


@given(st.lists(st.sampled_from([0.0, 3_600.0, DAY, 4 * DAY, 30 * DAY, 89 * DAY, 90 * DAY]), max_size=15))
def test_the_ladder_never_shortens_a_restriction_and_announces_what_it_does(steps: list[float]) -> None:
    portfolio = Limits(rules_on(date(2026, 11, 1)).limits).portfolio()
    ladder, now, in_a_row = Ladder(portfolio), T0, 0
    for gap in steps:
        now += gap
        before = (portfolio.initiated_restricted_until_s, portfolio.all_restricted_until_s)
        was_disabled = portfolio.disabled
        events = ladder.violate(now)
        if was_disabled:
            assert events == []
            continue
        in_a_row = 1 if gap >= 90 * DAY else in_a_row + 1
        after = (portfolio.initiated_restricted_until_s, portfolio.all_restricted_until_s)
        assert after >= before
        assert portfolio.disabled == (in_a_row > len(STEPS))
        announced = restrictions(events)
        assert all(until <= after[0] for until in announced.values())
        assert announced.get(ANSWERS, -inf) <= after[1]
        assert bool(announced) == (1 < in_a_row <= len(STEPS))


@given(days, st.sampled_from(CATEGORIES), windows, st.integers(0, 2_000), st.sampled_from(["DE", "IN", "XX"]))
def test_only_what_is_billed_has_a_price(
    day: date, category: str, window: Window, service_sent: int, market: str
) -> None:
    rules = rules_on(day).pricing
    told = charge(rules, category, window, service_sent)  # type: ignore[arg-type]
    price = price_usd(told, market, day)
    assert (price > 0) == told.billable
    assert not (window.free_entry and told.billable)
    assert (told.type == "regular") == told.billable
    assert ("type" in pricing_object(told)) == (day >= date(2025, 7, 1))


@given(st.lists(st.tuples(st.sampled_from([0.0, 3_600.0, DAY]), st.integers(0, 3)), max_size=60))
def test_a_day_holds_one_conversation_a_user_and_category(steps: list[tuple[float, int]]) -> None:
    conversations, now, opened = Conversations(), 0.0, dict[int, list[float]]()
    for gap, user in steps:
        now += gap
        last = opened.setdefault(user, [])
        assert conversations.opens(now, user, "marketing") == (not last or now >= last[-1] + DAY)
        if not last or now >= last[-1] + DAY:
            last.append(now)


@given(st.lists(st.tuples(gaps, counts), max_size=12), st.sampled_from([date(2025, 9, 1), date(2026, 11, 1)]))
def test_a_review_tells_each_change_once(steps: list[tuple[float, tuple[int, int, int]]], day: date) -> None:
    limits = Limits(rules_on(day).limits)
    account = Account(limits, limits.portfolio(1))
    number = limits.number(account.portfolio)
    ratings = account.watch("1555", number)
    now = T0
    for gap, (delivered, blocked, reported) in steps:
        now += gap
        for _ in range(delivered):
            account.delivered(now, "1555")
        for _ in range(blocked):
            account.blocked(now, "1555")
        for _ in range(reported):
            account.reported(now, "1555")
        before = ratings.rating, number.tier.level, number.meter.kind
        events = account.review(now)
        after = ratings.rating, number.tier.level, number.meter.kind
        if before == after:
            assert events == []
        assert account.review(now) == []

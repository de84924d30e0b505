"""Pacing rule by rule; the forms against each other and against force are in tests/property."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import example_rules
import numpy as np
import pytest

from server.dispatch import pacing, pacing_admit
from server.dispatch.pacing import HELD, HELD_BY_CONTENT, AccountStart, Messages, Pacer, Plan
from server.dispatch.pacing_state import Sends, gap_table

NOON_S = datetime(2025, 1, 15, 12, tzinfo=UTC).timestamp()
NOON_US = round(NOON_S * 1e6)
DAY_S = 86_400.0


@dataclass(frozen=True)
class Rules(example_rules.Rules):
    """Without jitter and quiet hours, so that times can be worked out by hand."""

    spacing_jitter: float = 0.0
    quiet_from: str = "00:00"
    quiet_until: str = "00:00"


WARMED = AccountStart(key=1, first_send_s=NOON_S - 10 * DAY_S, sent=100)


def pacer_of(
    *accounts: AccountStart, zones: tuple[str, ...] = ("UTC",), seed: int = 1, **rules: Any
) -> Pacer:
    return pacing.new_pacer(replace(Rules(), **rules), accounts or [WARMED], zones, seed)


def batch(count: int, **columns: Any) -> Messages:
    """Different customers and contents in one zone, at once, unless columns say otherwise."""
    filled: dict[str, Any] = {
        "customer": np.arange(count),
        "zone": np.zeros(count, np.int32),
        "content": np.arange(count) + 1_000_000,
        "consent": np.ones(count, np.bool_),
        "release_s": np.zeros(count),
    }
    return Messages(**(filled | columns))


def same(one: Plan, other: Plan) -> bool:
    return np.array_equal(one.account, other.account) and np.array_equal(
        one.due_s, other.due_s, equal_nan=True
    )


def fleet(count: int, new_every: int = 4) -> list[AccountStart]:
    return [
        AccountStart(key) if key % new_every == 0 else WARMED._replace(key=key, sent=37 * key)
        for key in range(count)
    ]


def after_noon(plan: Plan) -> list[float]:
    return [float(due_s) for due_s in plan.due_s - NOON_S]


def test_messages_of_an_account_are_spaced_by_the_rate() -> None:
    assert after_noon(pacing.plan(pacer_of(), batch(4), NOON_S)) == [0, 4, 8, 12]


def test_messages_go_to_the_account_that_has_been_free_longest() -> None:
    rested = WARMED._replace(key=2, recent_s=[NOON_S - 500])
    tired = WARMED._replace(key=1, recent_s=[NOON_S - 10])
    plan = pacing.plan(pacer_of(tired, rested, WARMED._replace(key=3)), batch(4), NOON_S)
    assert plan.account.tolist() == [2, 1, 0, 0]


def test_jitter_stays_in_its_range_and_keeps_the_cap_of_a_minute_around_the_ring() -> None:
    gaps = np.array(gap_table(rate_per_min=15, jitter=0.25, seed=7))
    assert gaps.min() >= 3_000_000
    assert gaps.max() <= 5_000_000
    ring = np.concatenate((gaps, gaps[:15]))
    in_a_row = np.convolve(ring, np.ones(15, np.int64), mode="valid")
    assert in_a_row.min() >= 60_000_000
    assert gaps.std() > 400_000


@pytest.mark.parametrize("rate_per_min", [16_385, 60_000])
def test_a_minute_of_more_gaps_than_the_ring_keeps_its_cap_without_jitter(rate_per_min: int) -> None:
    due = np.cumsum(np.tile(gap_table(rate_per_min, 0.0, seed=7), 5))
    assert np.min(due[rate_per_min:] - due[:-rate_per_min]) >= 60_000_000
    assert due[rate_per_min] <= 60_100_000


def test_jitter_continues_with_the_messages_ever_sent() -> None:
    whole = pacing.plan(pacer_of(spacing_jitter=0.25), batch(30), NOON_S)
    rest = WARMED._replace(sent=WARMED.sent + 20, recent_s=whole.due_s[:20].tolist())
    resumed = pacing.plan(pacer_of(rest, spacing_jitter=0.25), batch(10), NOON_S)
    assert resumed.due_s.tolist() == whole.due_s[20:].tolist()


def test_jitter_depends_on_seed_and_account() -> None:
    plans = [
        pacing.plan(pacer_of(WARMED._replace(key=key), seed=seed, spacing_jitter=0.25), batch(9), NOON_S)
        for key, seed in [(1, 1), (1, 1), (2, 1), (1, 2)]
    ]
    assert same(plans[0], plans[1])
    assert not same(plans[0], plans[2])
    assert not same(plans[0], plans[3])


def test_the_hour_cap_slides() -> None:
    due = after_noon(pacing.plan(pacer_of(rate_per_hour=3), batch(7), NOON_S))
    assert due == [0, 4, 8, 3_600, 3_604, 3_608, 7_200]


def test_a_used_up_day_waits_for_its_earliest_send_to_leave_the_window() -> None:
    recent = [NOON_S - 5_000 - age for age in (300, 200, 100)]
    used_up = WARMED._replace(recent_s=recent)
    due = after_noon(pacing.plan(pacer_of(used_up, rate_per_day=3), batch(2), NOON_S))
    assert due == [DAY_S - 5_300, DAY_S - 5_200]


def test_earlier_sends_that_were_spaced_closer_count_for_the_minute() -> None:
    crowded = WARMED._replace(recent_s=[NOON_S - 20 + second for second in range(15)])
    assert after_noon(pacing.plan(pacer_of(crowded), batch(3), NOON_S)) == [40, 44, 48]


def test_a_new_account_warms_up_from_its_first_send_on() -> None:
    rules = {"warm_up_per_day": 2, "warm_up_days": 1.5, "rate_per_day": 5}
    due = after_noon(pacing.plan(pacer_of(AccountStart(key=1), **rules), batch(7), NOON_S))
    # Two at once, two a day later; 1.5 days after the first the cap is five in 24 h.
    assert due == [0, 4, DAY_S, DAY_S + 4, 1.5 * DAY_S, 1.5 * DAY_S + 4, 1.5 * DAY_S + 8]


def test_equal_content_stays_on_its_account_or_waits_for_the_gap() -> None:
    pacer = pacer_of(*fleet(2, new_every=9), rate_per_hour=2)
    plan = pacing.plan(pacer, batch(4, content=np.zeros(4, np.int64)), NOON_S)
    assert after_noon(plan) == [0, 4, 19, 23]
    assert plan.account.tolist() == [0, 0, 1, 1]


def test_a_message_that_waits_for_its_content_blocks_nobody() -> None:
    pacer = pacer_of(*fleet(2, new_every=9), rate_per_hour=1)
    plan = pacing.plan(pacer, batch(3, content=np.array([5, 5, 6])), NOON_S)
    assert plan.account.tolist() == [0, 0, 1]
    assert after_noon(plan) == [0, 3_600, 0]


def test_equal_content_of_earlier_plans_counts() -> None:
    pacer = pacing.new_pacer(Rules(), fleet(2, new_every=9), ["UTC"], 1, content_sends={5: [(1, NOON_S - 1)]})
    assert pacing.admit(pacer, (1, 0, 5, True), NOON_US) == (1, NOON_US)
    assert pacing.admit(pacer, (2, 0, 5, True), NOON_US) == (1, NOON_US + 4_000_000)
    pacing.close_account(pacer, 1, NOON_S + 4)
    assert pacing.admit(pacer, (3, 0, 5, True), NOON_US) == (HELD_BY_CONTENT, NOON_US + 19_000_000)


def test_messages_are_held_until_the_window_of_their_zone_opens() -> None:
    pacer = pacer_of(zones=("UTC", "Asia/Tokyo"), quiet_from="20:00", quiet_until="08:00")
    plan = pacing.plan(pacer, batch(3, zone=np.array([1, 0, 1], np.int32)), NOON_S)
    # It is 21:00 in Tokyo: both wait for 08:00 there, which is 23:00 UTC.
    assert after_noon(plan) == [11 * 3_600, 0, 11 * 3_600 + 4]


def test_a_backlog_stops_at_the_closing_and_goes_on_at_the_opening() -> None:
    pacer = pacer_of(quiet_from="12:01", quiet_until="11:00")
    due = after_noon(pacing.plan(pacer, batch(17), NOON_S))
    assert due == [4.0 * turn for turn in range(15)] + [23 * 3_600, 23 * 3_600 + 4]


def test_the_frequency_cap_holds_within_a_batch_and_with_earlier_sends() -> None:
    pacer = pacing.new_pacer(replace(Rules(), customer_cap=2), [WARMED], ["UTC"], 1, {7: [NOON_S - 3_600]})
    plan = pacing.plan(pacer, batch(3, customer=np.array([7, 7, 7])), NOON_S)
    assert after_noon(plan) == [0, DAY_S - 3_600, DAY_S]


def test_many_messages_to_one_customer_wait_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    offers = []

    def admit(pacer: Pacer, message: tuple[int, int, int, bool], now_us: int) -> tuple[int, int]:
        offers.append(now_us)
        return pacing.admit(pacer, message, now_us)

    monkeypatch.setattr(pacing_admit, "admit", admit)
    count = 500
    rules = replace(Rules(), customer_cap=2, quiet_from="20:00", quiet_until="08:00")
    pacer = pacing.new_pacer(rules, [WARMED], ["UTC"], 1)
    due = after_noon(pacing.plan(pacer, batch(count, customer=np.full(count, 7)), NOON_S))
    assert due[:6] == [0, 4, DAY_S, DAY_S + 4, 2 * DAY_S, 2 * DAY_S + 4]
    assert due[-1] == (count / 2 - 1) * DAY_S + 4
    assert len(offers) < 3 * count  # not each of them again each day


def test_a_send_planned_far_ahead_leaves_room_before_it() -> None:
    rules = replace(Rules(), customer_cap_window_s=3_600.0)
    pacer = pacing.new_pacer(rules, [WARMED], ["UTC"], 1, {7: [NOON_S + 9_000]})
    plan = pacing.plan(pacer, batch(3, customer=np.array([7, 7, 7])), NOON_S)
    assert after_noon(plan) == [0, 3_600, 12_600]


def test_releases_are_kept_and_order_the_queue() -> None:
    releases = np.array([NOON_S + 100, 0, NOON_S + 50, NOON_S - 50])
    plan = pacing.plan(pacer_of(), batch(4, release_s=releases), NOON_S)
    assert after_noon(plan) == [100, 0, 50, 4]


def test_without_consent_a_message_is_refused_in_both_forms() -> None:
    pacer = pacer_of()
    pacing.opt_out(pacer, 2)
    plan = pacing.plan(pacer, batch(3, consent=np.array([True, False, True])), NOON_S)
    assert plan.account.tolist() == [0, -1, -1]
    assert np.isnan(plan.due_s[1:]).all()
    assert pacing.admit(pacer, (2, 0, 5, True), NOON_US) == (pacing.REFUSED, 0)
    assert pacing.admit(pacer, (3, 0, 5, False), NOON_US) == (pacing.REFUSED, 0)
    assert pacing.admit(pacer, (3, 0, 5, True), NOON_US) == (0, NOON_US)


def test_admit_holds_a_customer_and_books_no_account() -> None:
    pacer = pacer_of(quiet_from="11:00", quiet_until="13:00")
    held = pacing.admit(pacer, (1, 0, 5, True), NOON_US)
    assert held == (HELD, NOON_US + 3_600_000_000)
    assert pacing.admit(pacer, (1, 0, 5, True), held[1]) == (0, held[1])


def test_a_closed_account_gets_nothing_and_its_planned_sends_are_forgotten() -> None:
    pacer = pacer_of(*fleet(2, new_every=9))
    messages = batch(6)
    first = pacing.plan(pacer, messages, NOON_S)
    pacing.commit(pacer, messages, first, NOON_S)
    pacing.close_account(pacer, 0, NOON_S + 1)
    again = np.flatnonzero((first.account == 0) & (first.due_s > NOON_S + 1))
    assert len(again) == 2
    redone = pacing.plan(
        pacer, batch(2, customer=messages.customer[again], content=messages.content[again]), NOON_S
    )
    assert redone.account.tolist() == [1, 1]
    assert after_noon(redone) == [12, 16]
    kept = pacing.plan(pacer, batch(1, customer=messages.customer[:1]), NOON_S)
    assert after_noon(kept) == [DAY_S]


def test_a_plan_does_not_change_the_pacer() -> None:
    pacer = pacer_of(*fleet(5), spacing_jitter=0.25)
    messages = batch(3_000, content=np.arange(3_000) // 2)
    assert same(pacing.plan(pacer, messages, NOON_S), pacing.plan(pacer, messages, NOON_S))


@pytest.mark.parametrize("accounts", [1, 50, 500])
@pytest.mark.parametrize("shared", [0, 900], ids=["personalised", "partly equal"])
def test_batch_and_one_at_a_time_agree_on_many_messages(accounts: int, shared: int) -> None:
    count = 4_000
    random = np.random.default_rng(accounts)
    content = np.arange(count)
    content[1_500 : 1_500 + shared] = 3
    zones = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC")
    messages = batch(
        count,
        content=content,
        zone=random.integers(0, len(zones), count).astype(np.int32),
        consent=random.random(count) < 0.95,
        release_s=np.where(np.arange(count) < 3_000, 0, NOON_S + 9_000.5),
    )
    pacer = pacer_of(
        *fleet(accounts), zones=zones, spacing_jitter=0.25, quiet_from="22:00", quiet_until="08:00"
    )
    plan = pacing.plan(pacer, messages, NOON_S)
    assert same(plan, pacing.plan_one_by_one(pacer, messages, NOON_S))
    pacing.commit(pacer, messages, plan, NOON_S)
    later = batch(2_000, customer=np.arange(2_000) + 9_000, content=np.arange(2_000) + 9_000)
    assert same(pacing.plan(pacer, later, NOON_S), pacing.plan_one_by_one(pacer, later, NOON_S))


def test_an_equal_content_broadcast_offers_no_message_again_and_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    count, offers = 3_000, []
    monkeypatch.setattr(pacing_admit, "admit", lambda *args: offers.append(args) or pacing.admit(*args))
    pacer = pacer_of(*fleet(50, new_every=99))
    plan = pacing.plan(pacer, batch(count, content=np.zeros(count, np.int64)), NOON_S)
    assert len(offers) < 3 * count
    assert len(np.unique(plan.account)) > 10


def test_an_empty_batch_has_an_empty_plan() -> None:
    plan = pacing.plan(pacer_of(), batch(0), NOON_S)
    assert len(plan.account) == len(plan.due_s) == 0


def test_long_use_keeps_state_small() -> None:
    pacer = pacer_of(rate_per_day=30, rate_per_hour=10, customer_cap_window_s=60.0)
    now_us = NOON_US
    for customer in range(40_000):
        account, due_us = pacing.admit(pacer, (customer, 0, customer, True), now_us)
        assert account == 0
        now_us = due_us
    assert len(pacer.accounts[0].history) <= 2 * pacer.depth + 1
    assert len(pacer.customers.last) < 20_000
    assert len(pacer.contents.last) < 20_000


def test_a_pacer_that_is_only_committed_to_forgets_too() -> None:
    """As a server's is: batches planned on drafts, at a rate that its accounts can carry."""
    pacer = pacer_of(rate_per_day=30, rate_per_hour=10, customer_cap_window_s=60.0)
    for batch_number in range(800):
        now_s = NOON_S + batch_number * 2 * DAY_S
        customers = np.arange(50) + 50 * batch_number
        messages = batch(50, customer=customers, content=np.full(50, 7))  # one text: one key, many sends
        pacing.commit(pacer, messages, pacing.plan(pacer, messages, now_s), now_s)
    assert len(pacer.customers.last) < 20_000
    assert sum(map(len, pacer.contents.earlier.values())) < 20_000


def test_forgetting_comes_in_parts() -> None:
    """All at once would hold up whoever waits for a decision."""
    sends = Sends()
    parts = []
    for first in range(0, 100_000, 50):
        sends.record(range(first, first + 50), [(0, number) for number in range(first, first + 50)])
        parts.append(len(sends.prune(first - 1_000)))
    assert sum(parts) > 80_000
    assert max(parts) <= 400
    assert len(sends.last) == 100_000 - sum(parts)


def test_an_opt_out_outlives_forgetting() -> None:
    pacer = pacer_of(rate_per_day=10_000, rate_per_hour=1_000, customer_cap_window_s=60.0)
    pacing.opt_out(pacer, 7)
    now_us = NOON_US
    for customer in range(100, 20_100):
        _, now_us = pacing.admit(pacer, (customer, 0, customer, True), now_us)
    assert len(pacer.customers.last) < 20_000
    assert pacing.admit(pacer, (7, 0, -1, True), now_us) == (pacing.REFUSED, 0)


def test_turns_left_behind_are_dropped() -> None:
    pacer = pacer_of(*fleet(3, new_every=99))
    for number in range(5_000):  # one text: mostly by the account that sent it last, out of turn
        messages = batch(1, customer=np.array([number]), content=np.zeros(1, np.int64))
        pacing.commit(pacer, messages, pacing.plan(pacer, messages, NOON_S), NOON_S)
    assert len(pacer.queue) < 100


@pytest.mark.parametrize("count", [1, 2_000])
def test_no_open_account_is_said_clearly(count: int) -> None:
    with pytest.raises(ValueError, match="no account is open"):
        pacing.plan(pacer_of(WARMED._replace(open=False)), batch(count), NOON_S)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"rate_per_min": 0}, "pacing.rate_per_min is 0: it must be at least 1"),
        ({"rate_per_min": 60_001}, "rate_per_min is 60001: it must be at most 60,000"),
        (
            {"rate_per_min": 10_001, "spacing_jitter": 0.1},
            "spacing_jitter is 0.1: it must be 0 above 10,000 messages a minute",
        ),
        ({"rate_per_day": 0}, "pacing.rate_per_day is 0"),
        ({"customer_cap": 0}, "pacing.customer_cap is 0"),
        ({"spacing_jitter": 1.0}, "pacing.spacing_jitter is 1.0: it must be 0 <= j < 1"),
        ({"warm_up_days": -1.0}, "pacing.warm_up_days is -1.0: it must be 0 or more"),
        ({"equal_content_gap_s": np.nan}, "pacing.equal_content_gap_s is nan"),
        ({"quiet_from": "07:00", "quiet_until": "07:00"}, "leaves no time to send"),
    ],
)
def test_impossible_rules_are_one_clear_line(rules: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        pacer_of(**rules)
    assert "\n" not in str(caught.value)


def test_sends_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match=r"accounts\[0\].recent_s: give ascending"):
        pacer_of(WARMED._replace(recent_s=[NOON_S, NOON_S - 1]))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"zone": np.array([0, 5], np.int32)}, "an index is not in 0..0"),
        ({"content": np.array([1])}, "the columns differ in length"),
        ({"release_s": np.array([0, np.nan])}, "a value is not finite"),
    ],
)
def test_malformed_batches_are_refused(columns: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        pacing.plan(pacer_of(), batch(2, **columns), NOON_S)


def test_a_batch_without_any_consent_is_refused_whole() -> None:
    plan = pacing.plan(pacer_of(), batch(600, consent=np.zeros(600, np.bool_)), NOON_S)
    assert np.all(plan.account == -1)
    assert np.all(np.isnan(plan.due_s))

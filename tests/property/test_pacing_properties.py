"""Pacing over random rules, accounts and batches: both forms agree, every rule holds, no waste.

The checker is written from the text of the rules. It takes nothing from the code under test but
the plan: windows are read from the local wall clock, caps are counted send by send.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from heapq import heapify, heappop, heappush
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
from example_rules import Rules
from hypothesis import given, settings
from hypothesis import strategies as st

from server.dispatch import pacing, quiet_hours
from server.dispatch.pacing import AccountStart, Messages, Pacer, Plan
from server.dispatch.pacing_admit import Counter, message_rows, releases_us

SECOND = 1_000_000
MINUTE, HOUR, DAY = 60 * SECOND, 3_600 * SECOND, 86_400 * SECOND
STARTS = {
    "winter": datetime(2025, 1, 15, 11, tzinfo=UTC),
    "Berlin springs forward": datetime(2025, 3, 29, 20, 30, tzinfo=UTC),
    "Berlin falls back": datetime(2025, 10, 25, 20, 15, tzinfo=UTC),
    "New York falls back": datetime(2025, 11, 2, 3, tzinfo=UTC),
    "Lord Howe falls back half an hour": datetime(2025, 4, 5, 9, tzinfo=UTC),
}
ZONES = ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC"]


@dataclass(frozen=True)
class World:
    rules: Rules
    accounts: list[AccountStart]
    customer_sends: dict[int, list[float]]
    seed: int
    start_s: float
    messages: Messages

    def pacer(self) -> Pacer:
        return pacing.new_pacer(self.rules, self.accounts, ZONES, self.seed, self.customer_sends)


hours = st.tuples(
    st.sampled_from(["22:00", "01:30", "02:30", "12:00", "23:59"]),
    st.sampled_from(["08:00", "02:15", "06:00", "13:00"]),
) | st.just(("00:00", "00:00"))


@st.composite
def rules_of(draw: st.DrawFn, jitters: st.SearchStrategy[float]) -> Rules:
    quiet_from, quiet_until = draw(hours)
    return Rules(
        rate_per_min=draw(st.sampled_from([1, 2, 7, 15])),
        rate_per_hour=draw(st.sampled_from([2, 5, 9, 200])),
        rate_per_day=draw(st.sampled_from([3, 8, 20, 2_800])),
        spacing_jitter=draw(jitters),
        warm_up_days=draw(st.sampled_from([0.0, 0.04, 1.0, 3.0])),
        warm_up_per_day=draw(st.sampled_from([1, 3, 50])),
        equal_content_gap_s=draw(st.sampled_from([0.0, 15.0, 300.0])),
        quiet_from=quiet_from,
        quiet_until=quiet_until,
        customer_cap=draw(st.integers(1, 3)),
        customer_cap_window_s=draw(st.sampled_from([0.0, 600.0, 86_400.0])),
    )


@st.composite
def account_of(draw: st.DrawFn, key: int, start_s: float, booked_s: int) -> AccountStart:
    ages = draw(st.lists(st.integers(-booked_s, 90_000), max_size=8))
    recent = sorted(start_s - age for age in ages)
    first = draw(st.sampled_from([None, 40_000.0, 100_000.0, 1e7]))
    return AccountStart(
        key=key,
        first_send_s=None if first is None else min([start_s - first, *recent]),
        recent_s=recent,
        sent=draw(st.integers(0, 40_000)) if first or recent else 0,
        open=draw(st.integers(0, 4)) > 0,
    )


@st.composite
def worlds(
    draw: st.DrawFn,
    most: int = 60,
    accounts: int = 4,
    booked_s: int = 1_800,
    starts: tuple[str, ...] = tuple(STARTS),
    jitters: st.SearchStrategy[float] = st.sampled_from([0.0, 0.25, 0.9]),  # noqa: B008
) -> World:
    start_s = STARTS[draw(st.sampled_from(starts))].timestamp() + draw(st.integers(0, 40_000))
    fleet = [draw(account_of(key, start_s, booked_s)) for key in range(draw(st.integers(1, accounts)))]
    if not any(account.open for account in fleet):
        fleet[0] = fleet[0]._replace(open=True)
    customers = draw(st.sampled_from([5, 40, 10**9]))
    return World(
        rules=draw(rules_of(jitters)),
        accounts=fleet,
        customer_sends={
            customer: sorted(start_s - age for age in ages)
            for customer, ages in draw(
                st.dictionaries(
                    st.integers(0, 40), st.lists(st.integers(-900, 90_000), max_size=3), max_size=12
                )
            ).items()
        },
        seed=draw(st.integers(0, 2)),
        start_s=start_s,
        messages=draw(batches(start_s, most, customers, draw(st.sampled_from([2, 20, 10**9])))),
    )


@st.composite
def batches(draw: st.DrawFn, start_s: float, most: int, customers: int, contents: int) -> Messages:
    count = draw(st.integers(0, most))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    spread = draw(st.sampled_from([0.0, 0.0, 0.3]))
    release = np.where(random.random(count) < spread, start_s + random.integers(-100, 50_000, count), 0.0)
    return Messages(
        customer=random.integers(0, customers, count),
        zone=random.integers(0, len(ZONES), count).astype(np.int32),
        content=random.integers(0, contents, count),
        consent=random.random(count) < draw(st.sampled_from([0.8, 1.0])),
        release_s=release + draw(st.sampled_from([0.0, 1e-6])),
    )


def micros(seconds: float) -> int:
    return round(seconds * SECOND)


def same(one: Plan, other: Plan) -> bool:
    return np.array_equal(one.account, other.account) and np.array_equal(
        one.due_s, other.due_s, equal_nan=True
    )


def admit_all(pacer: Pacer, messages: Messages, start_s: float) -> dict[int, tuple[int, int]]:
    """Drives a pacer by `admit`; the decisions are in the order in which they were made."""
    rows = message_rows(messages)
    queue = list(zip(releases_us(messages, start_s).tolist(), range(len(rows)), strict=True))
    heapify(queue)
    counter = Counter(pacer, lambda until_us, position: heappush(queue, (until_us, position)))
    while queue:
        now_us, position = heappop(queue)
        counter.offer(position, rows[position], now_us)
    return counter.decisions


# The rules, counted send by send


@dataclass(frozen=True)
class Sent:
    at: int  # Unix microseconds
    account: int
    customer: int = -1
    content: int = -1
    zone: int = -1
    planned: bool = True


def sends_of(world: World, decisions: dict[int, tuple[int, int]]) -> list[Sent]:
    batch = world.messages
    known = [
        Sent(micros(at_s), index, planned=False)
        for index, account in enumerate(world.accounts)
        for at_s in account.recent_s
    ]
    known += [
        Sent(micros(at_s), -1, customer, planned=False)
        for customer, times in world.customer_sends.items()
        for at_s in times
    ]
    return known + [
        Sent(due, account, int(batch.customer[i]), int(batch.content[i]), int(batch.zone[i]))
        for i, (account, due) in decisions.items()
        if account >= 0
    ]


def crowded(sends: list[Sent], cap: int, span: int) -> bool:
    """Whether some window of `span` that holds a planned send holds more than `cap`."""
    ordered = sorted(sends, key=lambda send: send.at)
    return any(
        last.at - first.at < span and any(send.planned for send in ordered[at : at + cap + 1])
        for at, (first, last) in enumerate(zip(ordered, ordered[cap:], strict=False))
    )


def too_close(sends: list[Sent], gap: float) -> bool:
    ordered = sorted(sends, key=lambda send: send.at)
    return any(
        (one.planned or other.planned) and other.at - one.at < gap
        for one, other in pairwise(ordered)
        if other.planned
    )


def too_warm(sends: list[Sent], first: int, rules: Rules) -> bool:
    until = first + micros(rules.warm_up_days * 86_400)
    return any(
        sum(send.at - DAY < other.at <= send.at for other in sends) > rules.warm_up_per_day
        for send in sends
        if send.planned and send.at < until
    )


def wall_clock(at: int, zone: int) -> time:
    instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)
    return instant.astimezone(ZoneInfo(ZONES[zone])).time()


def quiet(send: Sent, rules: Rules) -> bool:
    shut, opened = time.fromisoformat(rules.quiet_from), time.fromisoformat(rules.quiet_until)
    clock = wall_clock(send.at, send.zone)
    if opened == shut:
        return False
    allowed = opened <= clock < shut if opened < shut else clock >= opened or clock < shut
    return not allowed


def broken_rules(world: World, sends: list[Sent]) -> list[str]:
    rules = world.rules
    by_account, by_customer, by_content = defaultdict(list), defaultdict(list), defaultdict(list)
    for send in sends:
        by_account[send.account].append(send)
        by_customer[send.customer].append(send)
        by_content[send.content].append(send)
    broken = []
    for index, account in enumerate(world.accounts):
        own = by_account[index]
        first = account.first_send_s
        for name, cap, span in (
            ("minute", rules.rate_per_min, MINUTE),
            ("hour", rules.rate_per_hour, HOUR),
            ("day", rules.rate_per_day, DAY),
        ):
            broken += [f"{name} of {index}"] * crowded(own, cap, span)
        least_gap = 60 * SECOND / rules.rate_per_min * (1 - rules.spacing_jitter)
        broken += [f"gap of {index}"] * too_close(own, least_gap)
        if own:
            began = min(send.at for send in own) if first is None else micros(first)
            broken += [f"warm-up of {index}"] * too_warm(own, began, rules)
        broken += [f"{index} is closed"] * (not account.open and any(s.planned for s in own))
    for customer in set(by_customer) - {-1}:
        window = micros(rules.customer_cap_window_s)
        over = crowded(by_customer[customer], rules.customer_cap, window)
        broken += [f"customer {customer}"] * over
    for content in set(by_content) - {-1}:
        broken += [
            f"content {content}"
            for one in by_content[content]
            for other in by_content[content]
            if one.account != other.account and abs(one.at - other.at) < micros(rules.equal_content_gap_s)
        ]
    return broken + [f"quiet: {send}" for send in sends if send.zone >= 0 and quiet(send, rules)]


def decisions_of(plan: Plan) -> dict[int, tuple[int, int]]:
    return {
        i: (account, micros(due_s) if account >= 0 else 0)
        for i, (account, due_s) in enumerate(zip(plan.account.tolist(), plan.due_s.tolist(), strict=True))
    }


def draft_of(pacer: pacing.Pacer, messages: pacing.Messages, start_s: float) -> pacing.Draft:
    return pacing.draft_plan(pacer, message_rows(messages), releases_us(messages, start_s).tolist())


@settings(max_examples=300)
@given(worlds(), st.sampled_from([1, 2, 5]))
def test_plan_equals_one_at_a_time(world: World, least_run: int) -> None:
    pacer = world.pacer()
    one_by_one = pacing.plan_one_by_one(pacer, world.messages, world.start_s)
    assert same(pacing.plan(pacer, world.messages, world.start_s, least_run), one_by_one)


@settings(max_examples=150)
@given(worlds())
def test_every_rule_holds_in_every_window(world: World) -> None:
    plan = pacing.plan(world.pacer(), world.messages, world.start_s, least_run=1)
    assert broken_rules(world, sends_of(world, decisions_of(plan))) == []
    assert np.array_equal(plan.account >= 0, world.messages.consent)
    placed = plan.account >= 0
    earliest = np.maximum(world.messages.release_s, world.start_s)
    assert np.all(plan.due_s[placed] >= np.round(earliest[placed], 6))
    assert np.all(np.isnan(plan.due_s[~placed]))


@settings(max_examples=40)
@given(worlds(most=30), st.data())
def test_commit_leaves_the_pacer_that_admit_leaves(world: World, data: st.DataObject) -> None:
    planned, driven = world.pacer(), world.pacer()
    plan = pacing.plan(planned, world.messages, world.start_s, least_run=1)
    pacing.commit(planned, world.messages, plan, world.start_s)
    decisions = admit_all(driven, world.messages, world.start_s)
    assert decisions == decisions_of(plan)
    later_s = world.start_s + data.draw(st.sampled_from([0, 500, 20_000, 200_000]))
    batch = data.draw(batches(later_s, 30, 5, 20))
    after_commit = pacing.plan(planned, batch, later_s, least_run=1)
    assert same(after_commit, pacing.plan_one_by_one(driven, batch, later_s))
    assert decisions_of(after_commit) == admit_all(driven, batch, later_s)


@settings(max_examples=60)
@given(worlds(most=30), st.data())
def test_a_draft_adopted_leaves_the_pacer_that_admit_leaves(world: World, data: st.DataObject) -> None:
    adopting, driven = world.pacer(), world.pacer()
    untouched = pacing.plan_one_by_one(adopting, world.messages, world.start_s)
    draft = draft_of(adopting, world.messages, world.start_s)
    assert same(pacing.plan_of_draft(draft), untouched)
    assert same(pacing.plan_one_by_one(adopting, world.messages, world.start_s), untouched)
    pacing.adopt(adopting, draft, world.start_s)
    assert admit_all(driven, world.messages, world.start_s) == decisions_of(untouched)
    later_s = world.start_s + data.draw(st.sampled_from([0, 500, 20_000, 200_000]))
    batch = data.draw(batches(later_s, 30, 5, 20))
    next_draft = draft_of(adopting, batch, later_s)
    assert decisions_of(pacing.plan_of_draft(next_draft)) == admit_all(driven, batch, later_s)


@settings(max_examples=40)
@given(worlds(most=9, accounts=3, booked_s=0, starts=("winter",), jitters=st.just(0.0)))
def test_no_message_could_have_left_earlier(world: World) -> None:
    # Two things are given up on purpose: an account's sends keep their order, so what it has
    # planned before the batch stays first; and an hour that occurs twice is quiet the second time.
    decisions = admit_all(world.pacer(), world.messages, world.start_s)
    before: dict[int, tuple[int, int]] = {}
    for position, (account, due) in decisions.items():
        if account >= 0:
            assert earliest_by_force(world, before, position, due) is None
            before[position] = account, due


def earliest_by_force(
    world: World, before: dict[int, tuple[int, int]], position: int, due: int
) -> tuple[int, int] | None:
    """A feasible time before `due` for a message beside those placed before it, if there is one."""
    release = max(micros(world.messages.release_s[position]), micros(world.start_s))
    for at in sorted(critical_times(world, before, position)):
        if not release <= at < due:
            continue
        for account, start in enumerate(world.accounts):
            sends = sends_of(world, before | {position: (account, at)})
            if start.open and not broken_rules(world, sends):
                return account, at
    return None


def critical_times(world: World, before: dict[int, tuple[int, int]], position: int) -> set[int]:
    """All times at which some rule may begin to allow a send."""
    rules = world.rules
    gap = -(-MINUTE // rules.rate_per_min)
    window = micros(rules.customer_cap_window_s)
    spans = (0, gap, MINUTE, HOUR, DAY, micros(rules.equal_content_gap_s), window)
    sends = [send.at for send in sends_of(world, before)]
    warm = micros(rules.warm_up_days * 86_400)
    firsts = [micros(a.first_send_s) for a in world.accounts if a.first_send_s is not None]
    opens, _ = quiet_hours.windows(
        ZONES[world.messages.zone[position]],
        rules.quiet_from,
        rules.quiet_until,
        world.start_s,
        world.start_s + 40 * 86_400,
    )
    return {
        micros(world.start_s),
        micros(world.messages.release_s[position]),
        *(at + span for at in sends for span in spans),
        *(at + warm for at in (*firsts, *sends)),
        *(micros(at) for at in opens.tolist() if np.isfinite(at)),
    }

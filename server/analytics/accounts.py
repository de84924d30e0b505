"""The read of accounts: what each did, how it stands, and which numbers to replace."""

from collections.abc import Mapping, Sequence

from msgspec import Struct
from sqlalchemy import Connection, func, select

from server.dispatch import pacing
from server.dispatch.account_health import (
    AGES_MONTHS,
    FLEET_OPEN_RATE,
    MONTH_DAYS,
    NUMBER_COST_USD,
    PANEL,
    Advice,
    Record,
    State,
    advice,
    fleet_open_rate,
    health,
    open_rate,
)
from server.sending.reading import AccountState, account_states
from server.store.hourly import hour_of
from server.store.tables import accounts, events, hourly_sends

DAY_S = 86_400.0
WEEK_S = 7 * DAY_S
NEAR_CAP = 0.9  # of the hourly cap: an alarm (ours)


class AccountReport(AccountState, frozen=True):
    """`score` and its `causes` are of the last seven days; `expected_open_rate` follows from the age."""

    panel: int
    age_days: float | None
    attempts: int
    delivered: int
    failed: int
    blocks: int
    score: int
    state: State
    causes: list[str]
    expected_open_rate: float
    advice: Advice
    capacity_per_day: int


class Panel(Struct, frozen=True):
    """Fifty accounts (C092)."""

    panel: int
    accounts: int
    open: int


class FleetReport(Struct, frozen=True):
    """`replace`: indexes of the numbers to replace now; `replace_cost_usd`: the least and the most (C139)."""

    accounts: int
    open: int
    warming_up: int
    panels: list[Panel]
    capacity_per_day: int
    expected_open_rate: float | None
    expected_open_rate_after: float | None
    replace: list[int]
    replace_cost_usd: tuple[float, float]
    alarms: list[str]


class AccountReports(Struct, frozen=True):
    accounts: list[AccountReport]
    fleet: FleetReport


def account_reports(connection: Connection, rules: pacing.Rules, now_s: float) -> AccountReports:
    """Every account and the fleet at `now_s` (Unix seconds)."""
    states = account_states(connection, rules, now_s)
    first = {row.id: row.first_send_s for row in connection.execute(select(accounts))}
    ages = [_age_days(first[one.index], now_s) for one in states]
    outcomes = _outcomes(connection, now_s - WEEK_S)
    blocks = _blocks(connection, now_s - WEEK_S)
    open_ages = [age if one.open else None for one, age in zip(states, ages, strict=True)]
    found = [
        _report(one, age, outcomes.get(one.index, {}), blocks.get(one.index, 0), advised, rules)
        for one, age, advised in zip(states, ages, advice(open_ages), strict=True)
    ]
    return AccountReports(found, _fleet(found, rules))


def _age_days(first_send_s: float | None, now_s: float) -> float | None:
    return None if first_send_s is None else max(0.0, (now_s - first_send_s) / DAY_S)


def _report(
    state: AccountState,
    age_days: float | None,
    outcomes: Mapping[str, int],
    blocks: int,
    advised: Advice,
    rules: pacing.Rules,
) -> AccountReport:
    attempts, delivered = outcomes.get("sent", 0), outcomes.get("delivered", 0)
    failed = sum(outcomes.values()) - attempts - delivered
    found = health(Record(state.open, age_days, attempts, delivered, failed, blocks, state.sent_last_hour))
    cap = min(rules.rate_per_day, rules.warm_up_per_day) if state.warming_up else rules.rate_per_day
    return AccountReport(
        **{name: getattr(state, name) for name in AccountState.__struct_fields__},
        panel=state.index // PANEL,
        age_days=None if age_days is None else round(age_days, 2),
        attempts=attempts,
        delivered=delivered,
        failed=failed,
        blocks=blocks,
        score=found.score,
        state=found.state,
        causes=list(found.causes),
        expected_open_rate=round(open_rate(age_days or 0.0), 4),
        advice=advised,
        capacity_per_day=cap if state.open else 0,
    )


def _fleet(found: Sequence[AccountReport], rules: pacing.Rules) -> FleetReport:
    working = [one for one in found if one.open]
    old = [one.index for one in working if one.advice != "keep"]
    ages = [one.age_days or 0.0 for one in working]
    after = [0.0 if one.index in old else one.age_days or 0.0 for one in working]
    now_rate = fleet_open_rate(ages)
    least, most = NUMBER_COST_USD
    tests = {
        "open_rate_below_80_percent": now_rate is not None and now_rate < FLEET_OPEN_RATE,
        "numbers_older_than_12_months": any(age > AGES_MONTHS[0] * MONTH_DAYS for age in ages),
        "accounts_banned": len(working) < len(found),
        "accounts_near_their_hourly_cap": any(
            one.sent_last_hour >= NEAR_CAP * rules.rate_per_hour for one in working
        ),
        "accounts_in_alarm": any(one.state == "alarm" for one in working),
    }
    return FleetReport(
        accounts=len(found),
        open=len(working),
        warming_up=sum(one.warming_up for one in working),
        panels=_panels(found),
        capacity_per_day=sum(one.capacity_per_day for one in found),
        expected_open_rate=now_rate,
        expected_open_rate_after=fleet_open_rate(after),
        replace=old,
        replace_cost_usd=(len(old) * least, len(old) * most),
        alarms=[name for name, holds in tests.items() if holds],
    )


def _panels(found: Sequence[AccountReport]) -> list[Panel]:
    numbers = sorted({one.panel for one in found})
    members = {number: [one for one in found if one.panel == number] for number in numbers}
    return [Panel(number, len(of), sum(one.open for one in of)) for number, of in members.items()]


def _outcomes(connection: Connection, since_s: float) -> dict[int, dict[str, int]]:
    """How many attempts since then (by whole hours) ended how, by account; `sent` counts them all."""
    query = (
        select(hourly_sends.c.account_id, hourly_sends.c.outcome, func.sum(hourly_sends.c.n))
        .where(hourly_sends.c.hour >= hour_of(since_s))
        .group_by(hourly_sends.c.account_id, hourly_sends.c.outcome)
    )
    found: dict[int, dict[str, int]] = {}
    for account, outcome, count in connection.execute(query):
        found.setdefault(account, {})[outcome] = int(count)
    return found


def _blocks(connection: Connection, since_s: float) -> dict[int, int]:
    """Blocks and complaints by the account whose message the customer had last."""
    query = select(events.c.account_id, func.count()).where(
        events.c.account_id.is_not(None), events.c.at_s > since_s
    )
    return {row[0]: row[1] for row in connection.execute(query.group_by(events.c.account_id))}

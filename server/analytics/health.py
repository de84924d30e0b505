"""What the alarms look at, read from the database."""

from dataclasses import dataclass
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Select, func, select

from scenarios.schema import Imports, Scenario
from server.analytics.figures import TOP_KEYWORDS, met_keywords
from server.contacts.tagging import large_imports
from server.dispatch.account_health import fleet_open_rate
from server.dispatch.alarms import Observed, State, check, share
from server.dispatch.import_pace import WINDOW_S
from server.dispatch.pacing import Rules
from server.dispatch.retries import INVALID_NUMBER, UNREGISTERED
from server.sending.reading import sent_by_account
from server.store.hourly import HOUR_S, SENDS, hour_of
from server.store.tables import (
    DELIVERED,
    accounts,
    contacts,
    conversations,
    events,
    hourly_sends,
    inbound,
    messages,
)
from server.wire import iso

MINUTE_S, DAY_S = 60.0, 86_400.0
MONTH_S = 30 * DAY_S


@dataclass(frozen=True, slots=True)
class Settings:
    """Of the scenario: `answer_delay_s` is the mean of an automatic answer, `keywords` the number of them."""

    rules: Rules
    imports: Imports
    answer_delay_s: float
    keywords: int


def settings_of(scenario: Scenario) -> Settings:
    replies = scenario.replies
    keywords = {keyword for rule in replies.rules for keyword in rule.keywords}
    delay_s = (replies.delay_min_s + replies.delay_max_s) / 2
    return Settings(scenario.pacing, scenario.imports, delay_s, len(keywords))


class Alarm(Struct, frozen=True):
    """One figure with its state; `limit` is the one that it broke, or the one that would raise the alarm."""

    name: str
    state: State
    value: float | None
    limit: float
    unit: str
    claims: list[str]
    cause: str | None


class Alarms(Struct, frozen=True):
    """`raised` counts those in the state alarm; every figure that is watched is listed, healthy ones too."""

    clock: str | None
    raised: int
    warnings: int
    checks: list[Alarm]


def alarms(
    connection: Connection, *, settings: Settings, now_s: float, lag_s: float, network_delay_s: float | None
) -> Alarms:
    """`lag_s`: the dispatcher's, in real seconds; `network_delay_s`: as `Handovers` tells it."""
    found = check(observe(connection, settings, now_s, lag_s, network_delay_s))
    checks = [Alarm(*one[:5], list(one.claims), one.cause) for one in found]
    states = [one.state for one in checks]
    return Alarms(iso(now_s), states.count("alarm"), states.count("warning"), checks)


def observe(
    connection: Connection, settings: Settings, now_s: float, lag_s: float, network_delay_s: float | None
) -> Observed:
    """Rates of sends are those of this hour of the clock and the one before."""
    sends = _outcomes(connection, now_s)
    known = sum(n for outcome, n in sends.items() if outcome != SENDS)
    replies = _replies(connection, now_s)
    answered, unmatched = replies.get("answered", 0), replies.get("unmatched", 0)
    asked = answered + unmatched + replies.get("escalated", 0)
    waiting, waited_s, longest_s = _waiting(connection, now_s)
    answer_delay_s = settings.answer_delay_s
    busiest_hour = max(sent_by_account(connection, now_s - HOUR_S).values(), default=0)
    return Observed(
        delivery_rate=share(sends.get(DELIVERED, 0), known),
        invalid_number_share=share(sends.get(INVALID_NUMBER, 0) + sends.get(UNREGISTERED, 0), known),
        hourly_cap_share=busiest_hour / settings.rules.rate_per_hour,
        sends_per_minute=max(sent_by_account(connection, now_s - MINUTE_S).values(), default=0),
        response_time_s=(answered * answer_delay_s + waited_s) / (answered + waiting)
        if answered + waiting
        else None,
        longest_wait_s=longest_s,
        top_keyword_share=_top_keyword_share(connection, settings.keywords, now_s),
        unmatched_share=share(unmatched, asked),
        completion_share=share(answered, asked),
        banned_share=_banned_share(connection, now_s),
        sends_after_stop=_number(connection, _SENT_AFTER_STOP),
        dispatch_lag_s=lag_s,
        network_delay_s=network_delay_s,
        large_imports=len(large_imports(connection, settings.imports, now_s - WINDOW_S)),
        tag_rule_delay_s=_tag_rule_delay_s(connection, now_s),
        fleet_open_rate=_fleet_open_rate(connection, now_s),
    )


def _top_keyword_share(connection: Connection, keywords: int, now_s: float) -> float | None:
    """None also where there are no more than five: their share says nothing."""
    if keywords <= TOP_KEYWORDS:
        return None
    counts = [n for _, n in met_keywords(connection, now_s)]
    return share(sum(counts[:TOP_KEYWORDS]), sum(counts))


def _outcomes(connection: Connection, now_s: float) -> dict[str, int]:
    query = select(hourly_sends.c.outcome, func.sum(hourly_sends.c.n)).group_by(hourly_sends.c.outcome)
    rows = connection.execute(query.where(hourly_sends.c.hour >= hour_of(now_s) - 1))
    return {outcome: int(n) for outcome, n in rows}


def _replies(connection: Connection, now_s: float) -> dict[str, int]:
    query = select(inbound.c.action, func.count()).where(inbound.c.received_s > now_s - HOUR_S)
    return {row[0]: row[1] for row in connection.execute(query.group_by(inbound.c.action))}


def _waiting(connection: Connection, now_s: float) -> tuple[int, float, float]:
    """Conversations in which something waits for a person: how many, seconds in all, the longest."""
    query = select(
        func.count(), func.sum(now_s - conversations.c.unread_s), func.min(conversations.c.unread_s)
    )
    open_ones = query.where(conversations.c.closed_s.is_(None), conversations.c.unread_s.is_not(None))
    count, total_s, since_s = connection.execute(open_ones).one()
    return (count, float(total_s), now_s - since_s) if count else (0, 0.0, 0.0)


def _banned_share(connection: Connection, now_s: float) -> float | None:
    total = _number(connection, select(func.count()).select_from(accounts))
    recently = select(func.count()).where(accounts.c.closed_s > now_s - MONTH_S)
    return _number(connection, recently) / total if total else None


def _tag_rule_delay_s(connection: Connection, now_s: float) -> float | None:
    query = select(func.max(events.c.received_s - events.c.at_s))
    longest_s = connection.execute(query.where(events.c.received_s > now_s - HOUR_S)).scalar()
    return None if longest_s is None else float(longest_s)


def _fleet_open_rate(connection: Connection, now_s: float) -> float | None:
    first_sends = connection.execute(select(accounts.c.first_send_s).where(accounts.c.closed_s.is_(None)))
    return fleet_open_rate([(now_s - (at_s or now_s)) / DAY_S for at_s in first_sends.scalars()])


def _number(connection: Connection, query: Select[Any]) -> int:
    return int(connection.execute(query).scalar_one())


# A query for each customer who opted out, so that no planner thinks of going through all messages.
_SENT_AFTER_STOP = select(
    func.coalesce(
        func.sum(
            select(func.count())
            .where(messages.c.contact_id == contacts.c.id, messages.c.sent_s > contacts.c.opted_out_s)
            .scalar_subquery()
        ),
        0,
    )
).where(contacts.c.opted_out_s.is_not(None))

"""The figures of everything: as they stand, by the hour, and whether they are healthy.

All are read from indexes and from the counts of server/store/hourly.py: at a million messages as at a few.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Subquery,
    case,
    func,
    literal_column,
    null,
    select,
    text,
    union_all,
)

from scenarios.schema import Imports
from server.contacts.tagging import import_hold_s, large_imports
from server.http.problems import Problem
from server.store.batches import IN_ITS_BATCH
from server.store.dialects import HourOf, among
from server.store.hourly import HOUR_S, SENDS, hour_of
from server.store.tables import (
    CANCELLED,
    DELIVERED,
    FAILED,
    IS_QUEUED,
    IS_WAITING,
    LEFT,
    PAUSED,
    QUEUED,
    SENDING,
    SENT,
    accounts,
    attempts,
    batches,
    contacts,
    hourly_keywords,
    hourly_sends,
    hourly_tags,
    imports,
    inbound,
    messages,
    tags,
)
from server.wire import iso

MOST_ROWS = 10_000
TOP_KEYWORDS = 5  # C063
REVIEW_HOURS = 7 * 24  # C062: once a week
MOST_BATCHES = 20  # the newest, unless one is named
ACTIONS = ("answered", "escalated", "opted_out", "unmatched")


class Keyword(Struct, frozen=True):
    """`share` of all messages of the last week that met a keyword."""

    keyword: str
    messages: int
    share: float


class ImportsTaken(Struct, frozen=True):
    """Files of tags of the last hour; until `held_until` none is taken."""

    last_hour: int
    large_last_hour: int
    held_until: str | None


class Stats(Struct, frozen=True):
    """`sends` counts attempts, `delivery_rate` is delivered / sends; `dispatch_lag_s` in real seconds.

    Lag, network delay, processor time and `commits` (transactions of the writer) are this process's own,
    where several serve.

    `kpis` are those of docs/kpis.md that a server sees; null where there is nothing to divide by.
    """

    clock: str | None
    speed: float
    contacts: int
    messages: dict[str, int]
    sends: int
    failures: dict[str, int]
    delivery_rate: float | None
    first_send: str | None
    last_send: str | None
    replies: dict[str, int]
    conversations_with_human: int
    opt_outs: int
    accounts: dict[str, int]
    queue_length: int
    dispatch_lag_s: float
    process_cpu_s: float
    commits: int
    kpis: dict[str, float | None]
    top_keywords: list[Keyword]
    network_delay_s: float | None
    imports: ImportsTaken


def stats(
    connection: Connection,
    *,
    limits: Imports,
    now_s: float,
    speed: float,
    lag_s: float,
    network_delay_s: float | None,
    process_cpu_s: float,
    commits: int,
) -> Stats:
    counts = states(connection)
    outcomes = _totals(connection, select(hourly_sends.c.outcome, func.sum(hourly_sends.c.n)))
    sends = outcomes.pop(SENDS, 0)
    outcomes.pop(DELIVERED, None)
    first_s, last_s = _first_and_last(connection)
    total, closed = connection.execute(
        select(func.count(), func.count(accounts.c.closed_s)).select_from(accounts)
    ).one()
    replies = _totals(connection, select(inbound.c.action, func.count()))
    opt_outs = _count(connection, select(func.count()).where(contacts.c.opted_out_s.is_not(None)))
    return Stats(
        clock=iso(now_s),
        speed=speed,
        contacts=_count(connection, select(func.count()).select_from(contacts)),
        messages=counts,
        sends=sends,
        failures=outcomes,
        delivery_rate=counts[DELIVERED] / sends if sends else None,
        first_send=iso(first_s),
        last_send=iso(last_s),
        replies={action: replies.get(action, 0) for action in ACTIONS},
        conversations_with_human=_count(
            connection, select(func.count()).where(contacts.c.with_human_s.is_not(None))
        ),
        opt_outs=opt_outs,
        accounts={"open": total - closed, "banned": closed},
        queue_length=counts[QUEUED],
        dispatch_lag_s=round(lag_s, 4),
        process_cpu_s=process_cpu_s,
        commits=commits,
        kpis=_kpis(counts, sends, replies, opt_outs, closed),
        top_keywords=_top_keywords(connection, now_s),
        network_delay_s=None if network_delay_s is None else round(network_delay_s, 4),
        imports=_imports_taken(connection, limits, now_s),
    )


def met_keywords(connection: Connection, now_s: float) -> list[tuple[str, int]]:
    """Keywords with the number of customers' messages of the last week that met them, most first."""
    n = func.sum(hourly_keywords.c.n)
    query = (
        select(hourly_keywords.c.keyword, n)
        .where(hourly_keywords.c.hour > hour_of(now_s) - REVIEW_HOURS)
        .group_by(hourly_keywords.c.keyword)
        .order_by(n.desc(), hourly_keywords.c.keyword)
    )
    return [(keyword, int(count)) for keyword, count in connection.execute(query)]


def _top_keywords(connection: Connection, now_s: float) -> list[Keyword]:
    found = met_keywords(connection, now_s)
    total = sum(n for _, n in found)
    return [Keyword(keyword, n, n / total) for keyword, n in found[:TOP_KEYWORDS]]


def _imports_taken(connection: Connection, limits: Imports, now_s: float) -> ImportsTaken:
    last_hour = _count(connection, select(func.count()).where(imports.c.at_s > now_s - HOUR_S))
    large = len(large_imports(connection, limits, now_s - HOUR_S))
    return ImportsTaken(last_hour, large, iso(import_hold_s(connection, limits, now_s)))


def _kpis(
    counts: Mapping[str, int], sends: int, replies: Mapping[str, int], opt_outs: int, banned: int
) -> dict[str, float | None]:
    delivered, heard = counts[DELIVERED], sum(replies.values())
    return {
        "messages_sent": sends,
        "messages_delivered": delivered,
        "messages_unsent": counts[QUEUED],
        "delivery_rate": delivered / sends if sends else None,
        "opt_out_rate": opt_outs / delivered if delivered else None,
        "escalation_rate": replies.get("escalated", 0) / heard if heard else None,
        "accounts_banned": banned,
    }


def states(connection: Connection) -> dict[str, int]:
    """Messages by state; those delivered are what is left of those sent, which nobody needs to look at."""
    left = _totals(connection, select(messages.c.status, func.count()).where(text(LEFT)))
    queued = sum(
        _count(connection, select(func.count()).where(messages.c.status == state))
        for state in (IS_QUEUED, IS_WAITING)
    )
    sent = _count(connection, select(func.count()).where(messages.c.sent_s.is_not(None)))
    return {
        # To its sender, a message without a plan is queued too.
        QUEUED: queued + left.get(PAUSED, 0),
        SENDING: left.get(SENDING, 0),
        SENT: left.get(SENT, 0),
        DELIVERED: sent - left.get(SENT, 0) - left.get(FAILED, 0),  # the others are not sent, or no more
        FAILED: left.get(FAILED, 0),
        CANCELLED: left.get(CANCELLED, 0),
    }


def _first_and_last(connection: Connection) -> tuple[float | None, float | None]:
    """Of all sends; two queries each, since one for both would look at every row."""
    moments = [
        connection.execute(select(pick(sent_s)).where(sent_s.is_not(None))).scalar()
        for pick in (func.min, func.max)
        for sent_s in (messages.c.sent_s, attempts.c.sent_s)
    ]
    known = [at_s for at_s in moments if at_s is not None]
    return min(known, default=None), max(known, default=None)


def _totals(connection: Connection, query: Select[Any]) -> dict[str, int]:
    """Of a query for a word and a count: the counts by word."""
    word = query.selected_columns[0]
    return {row[0]: int(row[1]) for row in connection.execute(query.group_by(word))}


def _count(connection: Connection, query: Select[int]) -> int:
    return int(connection.execute(query).scalar_one())


class HistoryRow(Struct, frozen=True):
    """What was sent in one hour, and what became of it; `key` is the account, batch or tag.

    By hour, `replies` are the customers' messages of that hour by what was done.
    """

    hour: str | None
    key: str | None
    messages_sent: int
    messages_delivered: int
    delivery_rate: float | None
    failures: dict[str, int]
    replies: dict[str, int] | None = None


class History(Struct, frozen=True):
    """In order of time; hours in which nothing happened are left out."""

    by: str
    start: str | None
    end: str | None
    rows: list[HistoryRow]


By = Literal["hour", "account", "batch", "tag"]
Key = tuple[int, str | None]


def history(connection: Connection, by: By, start_s: float, end_s: float, key: str | None) -> History:
    """The hours from `start_s` until `end_s` (Unix seconds). Problem 422 when it would be too long."""
    first, last = hour_of(start_s), hour_of(end_s - 1e-6)
    found = _QUERIES[by](connection, first, last, key)
    counts: dict[Key, dict[str, int]] = {}
    for hour, of_key, outcome, n in found:
        counts.setdefault((hour, of_key), {})[outcome] = int(n)
    replies = _replies(connection, first, last) if by == "hour" else {}
    keys = sorted({*counts, *((hour, None) for hour in replies)}, key=lambda one: (one[0], one[1] or ""))
    if len(keys) > MOST_ROWS:
        raise Problem(
            422, f"{len(keys)} rows; the most is {MOST_ROWS}: ask for less time, or one key", "from"
        )
    rows = [_row(one, counts.get(one, {}), replies.get(one[0]) if by == "hour" else None) for one in keys]
    return History(by, iso(first * HOUR_S), iso((last + 1) * HOUR_S), rows)


def _row(key: Key, counts: Mapping[str, int], replies: dict[str, int] | None) -> HistoryRow:
    sent, delivered = counts.get(SENDS, 0), counts.get(DELIVERED, 0)
    failures = {name: n for name, n in counts.items() if name not in (SENDS, DELIVERED)}
    rate = delivered / sent if sent else None
    return HistoryRow(iso(key[0] * HOUR_S), key[1], sent, delivered, rate, failures, replies)


Found = Iterable[Any]  # rows of hour, key, outcome, count


def _by_hour(connection: Connection, first: int, last: int, _key: str | None) -> Found:
    query = select(hourly_sends.c.hour, literal_column("NULL"), hourly_sends.c.outcome, _SUM_OF_SENDS)
    return connection.execute(
        query.where(hourly_sends.c.hour.between(first, last)).group_by(
            hourly_sends.c.hour, hourly_sends.c.outcome
        )
    )


def _by_account(connection: Connection, first: int, last: int, key: str | None) -> Found:
    query = select(hourly_sends).where(hourly_sends.c.hour.between(first, last))
    if key is not None:
        query = query.where(hourly_sends.c.account_id == _whole(key))
    return [(row.hour, str(row.account_id), row.outcome, row.n) for row in connection.execute(query)]


def _whole(key: str) -> int:
    """The account that a key names; -1, which none has, for anything else."""
    return int(key) if key.isascii() and key.isdigit() and len(key) < 10 else -1


def _by_tag(connection: Connection, first: int, last: int, key: str | None) -> Found:
    query = (
        select(hourly_tags.c.hour, tags.c.name, hourly_tags.c.outcome, hourly_tags.c.n)
        .join_from(hourly_tags, tags, tags.c.id == hourly_tags.c.tag_id)
        .where(hourly_tags.c.hour.between(first, last))
    )
    return connection.execute(query if key is None else query.where(tags.c.name == key))


def _by_batch(connection: Connection, first: int, last: int, key: str | None) -> Found:
    """Counted from the messages themselves: a batch has 10,000 at most."""
    newest = (
        select(batches.c.id)
        .where(batches.c.created_s < (last + 1) * HOUR_S)
        .order_by(batches.c.created_s.desc())
        .limit(MOST_BATCHES)
    )
    ids = [key] if key is not None else list(connection.execute(newest).scalars())
    tries = _tries(ids)
    hour = HourOf(tries.c.sent_s)
    counted = (
        select(hour.label("hour"), tries.c.batch_id, tries.c.outcome, func.count())
        .where(tries.c.sent_s >= first * HOUR_S, tries.c.sent_s < (last + 1) * HOUR_S)
        .group_by(hour, tries.c.batch_id, tries.c.outcome)
    )
    sent: dict[tuple[int, str], int] = {}
    found = []
    for at, batch, outcome, n in connection.execute(counted, {"ids": ids}):
        sent[at, batch] = sent.get((at, batch), 0) + n
        if outcome is not None:
            found.append((at, batch, outcome, n))
    return [*found, *((at, batch, SENDS, n) for (at, batch), n in sent.items())]


def _tries(ids: Iterable[str]) -> Subquery:
    """Every attempt of these batches: its batch, time, and outcome (null: not known yet)."""
    outcome = case(
        (messages.c.settled_s.is_(None), null()),
        (messages.c.reason.is_(None), DELIVERED),
        else_=messages.c.reason,
    )
    these = among(batches.c.id, "ids")
    last = (
        select(messages.c.batch_id, messages.c.sent_s, outcome.label("outcome"))
        .join_from(batches, messages, IN_ITS_BATCH)
        .where(these, messages.c.sent_s.is_not(None))
    )
    before = (
        select(messages.c.batch_id, attempts.c.sent_s, attempts.c.reason)
        .join_from(batches, messages, IN_ITS_BATCH)
        .join(attempts, attempts.c.message_id == messages.c.id)
        .where(these)
    )
    return union_all(last, before).subquery()


def _replies(connection: Connection, first: int, last: int) -> dict[int, dict[str, int]]:
    hour = HourOf(inbound.c.received_s)
    query = (
        select(hour, inbound.c.action, func.count())
        .where(inbound.c.received_s >= first * HOUR_S, inbound.c.received_s < (last + 1) * HOUR_S)
        .group_by(hour, inbound.c.action)
    )
    found: dict[int, dict[str, int]] = {}
    for at, action, n in connection.execute(query):
        found.setdefault(at, dict.fromkeys(ACTIONS, 0))[action] = n
    return found


_SUM_OF_SENDS: ColumnElement[Any] = func.sum(hourly_sends.c.n)
_QUERIES = {"hour": _by_hour, "account": _by_account, "batch": _by_batch, "tag": _by_tag}

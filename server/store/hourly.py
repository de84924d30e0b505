"""Counts by the hour, written with what they count: a million messages are read as a few rows.

What became of an attempt is counted in the hour in which it was sent, so that of each hour's sends the
outcomes add up. Tags are those that the customer carries when the outcome is known.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, func, select

from server.store.bulk import Bulk
from server.store.dialects import AddUp, among
from server.store.queries import Query
from server.store.tables import contact_tags, hourly_keywords, hourly_sends, hourly_tags, messages

HOUR_S = 3600.0
SENDS = "sent"  # the outcome that every attempt has; the others are "delivered" and the reasons of failures


def hour_of(at_s: float) -> int:
    """Hours since 1970."""
    return int(at_s // HOUR_S)


def count_attempts(
    connection: Connection, accounts: Sequence[int], sent_s: Sequence[float], outcomes: Sequence[str]
) -> None:
    """Add attempts to their accounts' hours; columns: who made them, when, and what became of them."""
    counts = Counter(zip(map(hour_of, sent_s), accounts, outcomes, strict=True))
    if counts:
        keys = sorted(counts)  # in one order: writers never cross
        hour, account, outcome = zip(*keys, strict=True)
        n = [counts[key] for key in keys]
        _ADD_SENDS.execute_columns(connection, hour=hour, account_id=account, outcome=outcome, n=n)


def count_tags(
    connection: Connection, messages_told: Sequence[int], sent_s: Sequence[float], outcomes: Sequence[str]
) -> None:
    """Add attempts of these messages to the hours of their customers' tags: made, and what became of them.

    Columns, as of `count_attempts`.
    """
    ids: dict[tuple[int, str], list[int]] = {}
    for key, at_s, outcome in zip(messages_told, sent_s, outcomes, strict=True):
        ids.setdefault((hour_of(at_s), outcome), []).append(key)
    counts: Counter[tuple[int, int, str]] = Counter()
    for (hour, outcome), of_these in ids.items():
        for tag, n in _TAGS.rows(connection, ids=of_these):
            counts[hour, tag, outcome] += n
            counts[hour, tag, SENDS] += n
    _ADD_TAGS.execute(
        connection,
        [
            {"hour": hour, "tag_id": tag, "outcome": outcome, "n": n}
            for (hour, tag, outcome), n in sorted(counts.items())
        ],
    )


def count_keywords(connection: Connection, at_s: float, keywords: Iterable[str]) -> None:
    """Add customers' messages to the hour: for each the keyword that it met."""
    counts, hour = Counter(keywords), hour_of(at_s)
    rows = [{"hour": hour, "keyword": keyword, "n": n} for keyword, n in sorted(counts.items())]
    _ADD_KEYWORDS.execute(connection, rows)


_ADD_SENDS = Bulk(AddUp(hourly_sends))
_ADD_TAGS = Bulk(AddUp(hourly_tags))
_ADD_KEYWORDS = Bulk(AddUp(hourly_keywords))
_TAGS = Query(
    select(contact_tags.c.tag_id, func.count())
    .join_from(messages, contact_tags, contact_tags.c.contact_id == messages.c.contact_id)
    .where(among(messages.c.id, "ids"))
    .group_by(contact_tags.c.tag_id)
)

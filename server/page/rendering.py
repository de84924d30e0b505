"""From what was read to HTML. No inline style and no number without a meaning: a policy forbids the first."""

import base64
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from server.analytics.figures import HistoryRow, Stats
from server.analytics.health import Alarms
from server.dispatch.alarms import State
from server.sending.reading import AccountState, BatchProgress

if TYPE_CHECKING:
    from jinja2 import Template

FOLDER = Path(__file__).parent
HOURS = 24
CHART_HEIGHT = 118.0
MOST_ACCOUNTS = 50  # on the page: one panel (C092)
CLASS_OF: Mapping[State, str] = {"healthy": "good", "warning": "warning", "alarm": "alarm", "unknown": ""}
UNITS = {"s": "s", "messages/min": "a minute", "imports/h": "an hour", "messages": "messages"}


@dataclass(frozen=True, slots=True)
class Overview:
    """All that the page shows. `hours` are the last day's, `last_hour` the sends of the last 3,600 s."""

    stats: Stats
    alarms: Alarms
    hours: Sequence[HistoryRow]
    batches: Sequence[BatchProgress]
    accounts: Sequence[AccountState]
    cap_per_hour: int


class Segment(NamedTuple):
    y: float
    height: float


class Bar(NamedTuple):
    """One hour of the chart, from below: delivered, failed, on the way."""

    x: float
    delivered: Segment
    failed: Segment
    open: Segment
    title: str


class Chart(NamedTuple):
    bars: list[Bar]
    total: int
    most: int
    first: str
    last: str


def page(overview: Overview) -> bytes:
    """The whole page as it stands now."""
    text = _template("page.html.j2").render(policy=_POLICY, css=_CSS, js=_JS, live=live(overview).decode())
    return text.encode()


def live(overview: Overview) -> bytes:
    """The part of it that changes."""
    stats, accounts = overview.stats, overview.accounts
    states = {one.name: CLASS_OF[one.state] for one in overview.alarms.checks}
    failed_attempts = sum(stats.failures.values())
    text = _template("live.html.j2").render(
        stats=stats,
        alarms=overview.alarms,
        states=states,
        watched=sum(one.state != "unknown" for one in overview.alarms.checks),
        retried=max(0, failed_attempts - stats.messages["failed"]),
        asked=sum(stats.replies.values()),
        hour={"messages_sent": sum(one.sent_last_hour for one in accounts)},
        capacity=overview.cap_per_hour * sum(one.open for one in accounts),
        chart=chart(overview.hours, stats.clock),
        batches=[_batch(one) for one in overview.batches],
        accounts=[_account(one, overview.cap_per_hour) for one in _to_look_at(accounts)],
        kinds=Counter(_state(one) for one in accounts),
        more_accounts=max(0, len(accounts) - MOST_ACCOUNTS),
        cap=overview.cap_per_hour,
    )
    return text.encode()


def chart(hours: Sequence[HistoryRow], clock: str | None) -> Chart:
    """The 24 hours up to the clock's own; one in which nothing was sent is an empty place."""
    assert clock is not None
    now = datetime.fromisoformat(clock).replace(minute=0, second=0, microsecond=0)
    starts = [now - timedelta(hours=back) for back in range(HOURS - 1, -1, -1)]
    by_start = {datetime.fromisoformat(row.hour): row for row in hours if row.hour is not None}
    rows = [by_start.get(start) for start in starts]
    most = max((row.messages_sent for row in rows if row is not None), default=0)
    bars = [
        _bar(place, row, most, start)
        for place, (row, start) in enumerate(zip(rows, starts, strict=True))
        if row is not None and row.messages_sent
    ]
    total = sum(row.messages_sent for row in rows if row is not None)
    return Chart(bars, total, most, f"{starts[0]:%d %b %H:%M}", f"{starts[-1]:%d %b %H:%M}")


def _bar(place: int, row: HistoryRow, most: int, start: datetime) -> Bar:
    failed = sum(row.failures.values())
    on_the_way = max(0, row.messages_sent - row.messages_delivered - failed)
    delivered, lost, open_ones = _stacked((row.messages_delivered, failed, on_the_way), most)
    title = (
        f"{start:%d %b %H:%M}: {row.messages_delivered} delivered, {failed} failed, {on_the_way} on the way"
    )
    return Bar(place * 480 / HOURS + 2, delivered, lost, open_ones, title)


def _stacked(counts: Sequence[int], most: int) -> list[Segment]:
    """One upon the other; `most` is as high as the chart."""
    segments, base = [], CHART_HEIGHT + 1
    for count in counts:
        height = round(CHART_HEIGHT * count / most, 2)
        base = round(base - height, 2)
        segments.append(Segment(base, height))
    return segments


def _batch(one: BatchProgress) -> dict[str, Any]:
    counts, whole = one.counts, max(1, one.accepted)
    failed = counts["failed"] + counts["cancelled"]
    on_the_way = counts["sending"] + counts["sent"]
    return {
        "id": one.batch_id,
        "state": one.state,
        "accepted": one.accepted,
        "delivered": round(100 * counts["delivered"] / whole, 2),
        "failed": round(100 * failed / whole, 2),
        "open": round(100 * on_the_way / whole, 2),
        "label": ", ".join(f"{counts[state]} {state}" for state in counts if counts[state]),
        "finish": one.expected_finish,
    }


def _to_look_at(accounts: Sequence[AccountState]) -> list[AccountState]:
    """Those that are shown, in their order: the banned, then those that sent most in the last hour."""
    by_need = sorted(accounts, key=lambda one: (one.open, -one.sent_last_hour, not one.warming_up))
    return sorted(by_need[:MOST_ACCOUNTS], key=lambda one: one.index)


def _state(one: AccountState) -> str:
    return "banned" if not one.open else "warming up" if one.warming_up else "open"


def _account(one: AccountState, cap: int) -> dict[str, Any]:
    used = min(100, round(100 * one.sent_last_hour / cap))
    state = _state(one)
    return {
        "key": one.key,
        "state": state,
        "kind": {"banned": "alarm", "warming up": "warning", "open": ""}[state],
        "fill": "f-warn" if used >= 90 else "f-plain",
        "used": used,
        "hour": one.sent_last_hour,
        "day": one.sent_last_day,
        "ever": one.sent,
    }


def _number(value: float) -> str:
    """Thousands apart, no more digits than say something."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"


def _percent(share: float | None) -> str:
    return "none yet" if share is None else f"{100 * share:.1f} %"


def _quantity(value: float, unit: str) -> str:
    return _percent(value) if unit == "fraction" else f"{_number(value)} {UNITS[unit]}"


def _moment(iso: str | None) -> str:
    return "unknown" if iso is None else f"{datetime.fromisoformat(iso):%d %b %Y %H:%M}"


def _words(name: str) -> str:
    return name.removesuffix("_s").replace("_", " ")


@cache
def _template(name: str) -> "Template":
    """Its library is imported when the page is first looked at: it takes more than a megabyte."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    templates = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {
        "number": _number,
        "percent": _percent,
        "quantity": _quantity,
        "moment": _moment,
        "words": _words,
    }
    return templates.get_template(name)


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


_CSS = (FOLDER / "page.css").read_text(encoding="utf-8")
_JS = (FOLDER / "page.js").read_text(encoding="utf-8")
# Only what is written here runs: text of a customer that got through all else would still be dead.
_POLICY = (
    f"default-src 'none'; style-src {_hash(_CSS)}; script-src {_hash(_JS)}; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'"
)

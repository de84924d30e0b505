"""The pacer of a running server: made from the database, advanced only by what is committed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from zoneinfo import available_timezones

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import BindParameter, Connection, bindparam, func, select, text, union_all

from server.dispatch import pacing
from server.store.hourly import SENDS
from server.store.queries import Query
from server.store.tables import LEFT, SENDING, accounts, attempts, hourly_sends, messages

DAY_S = 86_400.0
IDLE_S = 5_400.0  # for up to an hour an account stands idle by its own hourly cap
ZONES = tuple(sorted(available_timezones()))
ZONE_INDEX = {name: index for index, name in enumerate(ZONES)}


@dataclass(slots=True)
class Fleet:
    """The accounts as far as they are booked."""

    pacer: pacing.Pacer
    open: set[int]
    booked_until_s: dict[int, float] = field(default_factory=dict)  # due time of each account's last message

    def plan(self, messages: pacing.Messages, now_s: float) -> pacing.Plan:
        """`pacing.plan` from `now_s` (Unix seconds); changes nothing."""
        return pacing.plan(self.pacer, messages, now_s)

    def book(self, messages: pacing.Messages, plan: pacing.Plan, now_s: float) -> None:
        pacing.commit(self.pacer, messages, plan, now_s)
        order = np.argsort(plan.due_s, kind="stable")
        latest = dict(zip(plan.account[order].tolist(), plan.due_s[order].tolist(), strict=True))
        for account, due_s in latest.items():
            self.booked_until_s[account] = max(due_s, self.booked_until_s.get(account, due_s))

    def draft(self, rows: Sequence[pacing.Message], now_s: float) -> pacing.Draft:
        """`plan` for few messages, in half the time; `adopt` books it."""
        return pacing.draft_plan(self.pacer, rows, [pacing.micros(now_s)] * len(rows))

    def adopt(self, draft: pacing.Draft, now_s: float) -> None:
        """Book a draft of this fleet, which has not changed since."""
        pacing.adopt(self.pacer, draft, now_s)
        latest = self.booked_until_s
        for account, due_us in draft.decisions:
            due_s = due_us / pacing.SECOND
            if due_s > latest.get(account, 0.0):
                latest[account] = due_s

    def close(self, account: int, at_s: float) -> None:
        """Banned: it gets nothing more."""
        if account in self.open:
            self.open.remove(account)
            pacing.close_account(self.pacer, account, at_s)


class Planner:
    """The scenario's pacing rules, and the fleet that is committed.

    The writer's steps read the fleet in the database's thread; only what follows a commit may change it.
    """

    def __init__(self, rules: pacing.Rules, seed: int) -> None:
        self.rules = rules
        self.seed = seed
        self.nobody = Fleet(pacing.new_pacer(rules, [], ZONES, seed), set())  # plans nothing
        self.fleet = self.nobody

    def forget(self) -> None:
        """What was planned may be out of date: until a new plan is made, nothing is planned."""
        self.fleet = self.nobody


def idle_until(fleet: Fleet, plan: pacing.Plan, now_s: float) -> NDArray[np.float64]:
    """For each message of a plan 0, or the Unix seconds until which its account would stand idle before it.

    An account is booked in order. A message that a customer's quiet hours or frequency cap put off would
    keep it from everybody else until then: after more than IDLE_S of that, nothing is booked on it.
    """
    if plan.due_s.max() - now_s <= IDLE_S:
        return np.zeros(len(plan.due_s))
    # By account, then time: `starts` are the first of each account, `first_idle` where its idleness begins.
    order = np.lexsort((plan.due_s, plan.account))
    account, due_s = plan.account[order], plan.due_s[order]
    starts = np.flatnonzero(np.diff(account, prepend=-1))
    before_s = np.roll(due_s, 1)
    before_s[starts] = [
        max(now_s, fleet.booked_until_s.get(index, now_s)) for index in account[starts].tolist()
    ]
    at = np.arange(len(order))
    first_idle = np.minimum.reduceat(np.where(due_s - before_s > IDLE_S, at, len(at)), starts)
    first_idle = np.repeat(first_idle, np.diff(starts, append=len(at)))
    again_s = np.zeros(len(order))
    again_s[order] = np.where(at < first_idle, 0.0, due_s[np.minimum(first_idle, len(at) - 1)])
    return again_s


def columns(
    customers: Sequence[int], zones: Sequence[str], contents: Sequence[int], release_s: float = 0.0
) -> pacing.Messages:
    """The arrays that pacing takes. Everybody here has consented: others are refused before.

    `release_s`: Unix seconds, none of them before.
    """
    return pacing.Messages(
        customer=np.array(customers, np.int64),
        zone=np.array([ZONE_INDEX[zone] for zone in zones], np.int32),
        content=np.array(contents, np.int64),
        consent=np.ones(len(customers), np.bool_),
        release_s=np.full(len(customers), release_s),
    )


def fleet_from(connection: Connection, rules: pacing.Rules, seed: int, now_s: float) -> Fleet:
    """A fleet that knows what was sent, with nothing booked: for planning anew all that is not sent."""
    recent = _recent(connection, now_s - max(DAY_S, rules.customer_cap_window_s))
    by_account: dict[int, list[float]] = {}
    by_customer: dict[int, list[float]] = {}
    by_content: dict[int, list[tuple[int, float]]] = {}
    for account, customer, content, sent_s in recent:
        if sent_s > now_s - DAY_S:
            by_account.setdefault(account, []).append(sent_s)
        if sent_s > now_s - rules.customer_cap_window_s:
            by_customer.setdefault(customer, []).append(sent_s)
        if sent_s > now_s - rules.equal_content_gap_s:
            by_content.setdefault(content, []).append((account, sent_s))
    counts = _counts(connection)
    starts = [
        pacing.AccountStart(
            key=row.id,
            first_send_s=row.first_send_s,
            recent_s=by_account.get(row.id, ()),
            sent=counts.get(row.id, 0),
            open=row.closed_s is None,
        )
        for row in connection.execute(select(accounts).order_by(accounts.c.id))
    ]
    pacer = pacing.new_pacer(rules, starts, ZONES, seed, by_customer, by_content)
    return Fleet(pacer, {start.key for start in starts if start.open})


def close_banned(connection: Connection, fleet: Fleet, now_s: float) -> None:
    """Close the accounts whose ban another worker wrote down."""
    for account in connection.execute(_BANNED).scalars():
        fleet.close(account, now_s)


_BANNED = select(accounts.c.id).where(accounts.c.closed_s.is_not(None))


def _recent(connection: Connection, since_s: float) -> Sequence[tuple[int, int, int, float]]:
    """(account, customer, content, sent_s) of every attempt since then, in order of time."""
    return sorted(_RECENT.rows(connection, since=since_s), key=itemgetter(3))


_OF_MESSAGE = (messages.c.account_id, messages.c.contact_id, messages.c.content)
_SINCE: BindParameter[float] = bindparam("since")
_RECENT = Query(
    union_all(
        select(*_OF_MESSAGE, messages.c.sent_s).where(messages.c.sent_s > _SINCE),
        # What is claimed at this moment, by whichever worker, counts as sent when it is due.
        select(*_OF_MESSAGE, messages.c.due_s).where(
            messages.c.status == SENDING, text(LEFT), messages.c.due_s > _SINCE
        ),
        select(attempts.c.account_id, messages.c.contact_id, messages.c.content, attempts.c.sent_s)
        .join_from(attempts, messages, attempts.c.message_id == messages.c.id)
        .where(attempts.c.sent_s > _SINCE),
    )
)


def _counts(connection: Connection) -> dict[int, int]:
    """How many attempts each account ever sent."""
    query = select(hourly_sends.c.account_id, func.sum(hourly_sends.c.n))
    rows = connection.execute(
        query.where(hourly_sends.c.outcome == SENDS).group_by(hourly_sends.c.account_id)
    )
    return {account: int(n) for account, n in rows}

"""Pacing: which account sends each message, and when.

Two forms that agree to the microsecond. `admit` decides on one message; `plan` decides on a batch
at once. Every rule of `Rules` holds in both: caps of an account in every sliding minute, hour and
day, spacing with jitter, warm-up, spacing of equal content across accounts, quiet hours in the
customer's zone, the customer's frequency cap, consent.

>>> pacer = new_pacer(rules, [AccountStart(key=7)], ["Europe/Berlin"], seed=1)  # doctest: +SKIP
>>> proposal = plan(pacer, messages, start_s)                                   # doctest: +SKIP
>>> commit(pacer, messages, proposal, start_s)                                  # doctest: +SKIP
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from server.dispatch.pacing_admit import (
    HELD,
    HELD_BY_CAP,
    HELD_BY_CONTENT,
    REFUSED,
    Draft,
    Message,
    admit,
    draft_plan,
    plan_of_draft,
    plan_one_by_one,
)
from server.dispatch.pacing_plan import LEAST_RUN, plan
from server.dispatch.pacing_rules import AccountStart, Messages, Plan, Rules
from server.dispatch.pacing_state import (
    CLOSED,
    SECOND,
    Pacer,
    append_sends,
    drop_outdated,
    micros,
    new_account,
    new_pacer,
    next_free,
    own,
    prune,
    remember_opt_out,
    requeue,
)

__all__ = [
    "HELD",
    "HELD_BY_CAP",
    "HELD_BY_CONTENT",
    "LEAST_RUN",
    "REFUSED",
    "SECOND",
    "AccountStart",
    "Draft",
    "Message",
    "Messages",
    "Pacer",
    "Plan",
    "Rules",
    "admit",
    "adopt",
    "close_account",
    "commit",
    "draft_plan",
    "micros",
    "new_pacer",
    "open_account",
    "opt_out",
    "plan",
    "plan_of_draft",
    "plan_one_by_one",
]


def commit(pacer: Pacer, messages: Messages, plan: Plan, now_s: float) -> None:
    """Books a plan of this pacer, as if its messages had been admitted one by one.

    What can bind nothing more at `now_s` (Unix seconds) or later is forgotten now and then: no plan may ask
    for an earlier time.
    """
    placed = np.flatnonzero(plan.account != REFUSED)
    due_us = np.rint(plan.due_s[placed] * SECOND).astype(np.int64)
    order = np.argsort(due_us, kind="stable")
    placed, due_us = placed[order], due_us[order]
    account = plan.account[placed]
    for index, due in _by_account(account, due_us):
        append_sends(pacer, index, due)
    drop_outdated(pacer)  # here once, or in every draft
    sends = list(zip(account.tolist(), due_us.tolist(), strict=True))
    pacer.customers.record(messages.customer[placed].tolist(), sends)
    pacer.contents.record(messages.content[placed].tolist(), sends)
    prune(pacer, micros(now_s))


def adopt(pacer: Pacer, draft: Draft, now_s: float) -> None:
    """Books a draft of this pacer, which has not changed since it was made; forgets as `commit` does."""
    drafted = draft.pacer
    pacer.key, pacer.accounts, pacer.queue = drafted.key, drafted.accounts, drafted.queue
    pacer.customers.take_in(drafted.customers)
    pacer.contents.take_in(drafted.contents)
    drop_outdated(pacer)
    prune(pacer, micros(now_s))


def _by_account(account: NDArray[np.int32], due_us: NDArray[np.int64]) -> Iterator[tuple[int, list[int]]]:
    """Each account with its sends, in the order in which they are given."""
    order = np.argsort(account, kind="stable")
    account, due = account[order], due_us[order].tolist()
    starts = np.flatnonzero(np.diff(account, prepend=-1))
    ends = np.append(starts, len(account))[1:]
    for index, start, end in zip(account[starts].tolist(), starts.tolist(), ends.tolist(), strict=True):
        yield index, due[start:end]


def close_account(pacer: Pacer, account_index: int, at_s: float) -> None:
    """A banned or paused account gets nothing more, in either form.

    What it had planned after `at_s` (Unix seconds) is forgotten, for the customers and contents
    concerned too: the caller plans those messages again.
    """
    at_us = micros(at_s)
    own(pacer, account_index).free = CLOSED
    for sends in (pacer.customers, pacer.contents):
        sends.keep(lambda send: send[0] != account_index or send[1] <= at_us)


def open_account(pacer: Pacer, start: AccountStart) -> int:
    """One more account, as it is known at its start; returns its index."""
    account = new_account(pacer, start)
    pacer.accounts.append(account)
    index = len(pacer.accounts) - 1
    requeue(pacer, index, next_free(pacer, account) if start.recent_s else 0)
    return index


def opt_out(pacer: Pacer, customer: int) -> None:
    """Consent withdrawn (STOP): the customer is refused from now on, in both forms."""
    pacer.opted_out.add(customer)
    remember_opt_out(pacer, customer)

"""What pacing is told: the rules, the accounts at the start, the messages; and its answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

MOST_PER_MIN = 60_000  # the platform's upgraded numbers: 1,000 a second
MOST_JITTERED = 10_000  # a minute's gaps must fit into the jitter table


class Rules(Protocol):
    """The limits of one strategy. Any object with these attributes will do."""

    @property
    def rate_per_min(self) -> int:
        """Most sends of an account in any 60 s; the mean gap is `60 / rate_per_min` s (C020)."""

    @property
    def rate_per_hour(self) -> int:
        """Most sends of an account in any 3,600 s (C101)."""

    @property
    def rate_per_day(self) -> int:
        """Most sends of an account in any 86,400 s."""

    @property
    def spacing_jitter(self) -> float:
        """In [0, 1): an account's gaps are the mean times `1 + jitter * u`, |u| <= 1 (C017)."""

    @property
    def warm_up_days(self) -> float:
        """From its first send an account warms up for this many days (C105)."""

    @property
    def warm_up_per_day(self) -> int:
        """Most sends of a warming account in any 86,400 s, beside `rate_per_day` (C104)."""

    @property
    def equal_content_gap_s(self) -> float:
        """Least seconds between sends of equal content by different accounts (C103); 0: none."""

    @property
    def quiet_from(self) -> str:
        """ "HH:MM" in the customer's zone: no send at or after it (C031)."""

    @property
    def quiet_until(self) -> str:
        """ "HH:MM" in the customer's zone: no send before it (C030)."""

    @property
    def customer_cap(self) -> int:
        """Most messages to one customer in any window of `customer_cap_window_s` seconds."""

    @property
    def customer_cap_window_s(self) -> float:
        """Length of that window in seconds."""


class AccountStart(NamedTuple):
    """An account as it is known when a pacer is made. Times are Unix seconds."""

    key: int  # stable identity: keys the jitter
    first_send_s: float | None = None  # None: never sent; warm-up starts at its first send
    recent_s: Sequence[float] = ()  # its sends of the last 24 h, and planned ones, ascending
    sent: int = 0  # how many it ever sent: continues the jitter
    open: bool = True  # False (banned, paused): gets nothing


@dataclass(frozen=True, slots=True)
class Messages:
    """A batch in the order in which it is wanted: arrays of equal length."""

    customer: NDArray[np.int64]  # identity, for the frequency cap and opt-outs
    zone: NDArray[np.int32]  # index into the pacer's zones
    content: NDArray[np.int64]  # hash of the rendered text
    consent: NDArray[np.bool_]
    release_s: NDArray[np.float64]  # Unix seconds, not before; 0: at once

    def __len__(self) -> int:
        return len(self.customer)


@dataclass(frozen=True, slots=True)
class Plan:
    """Who sends each message of a batch, and when: arrays as long as the batch."""

    account: NDArray[np.int32]  # index into the pacer's accounts; -1: refused, no consent
    due_s: NDArray[np.float64]  # Unix seconds, exact to the microsecond; nan: refused


def check_rules(rules: Rules) -> None:
    """Raises ValueError with one line that names the field, what was found and the mend."""
    _demand(
        rules.rate_per_min <= MOST_PER_MIN, "rate_per_min", rules.rate_per_min, f"at most {MOST_PER_MIN:,}"
    )
    for field in ("rate_per_min", "rate_per_hour", "rate_per_day", "warm_up_per_day"):
        _demand(getattr(rules, field) >= 1, field, getattr(rules, field), "at least 1 message")
    _demand(rules.customer_cap >= 1, "customer_cap", rules.customer_cap, "at least 1 message")
    _demand(0 <= rules.spacing_jitter < 1, "spacing_jitter", rules.spacing_jitter, "0 <= j < 1")
    in_table = rules.spacing_jitter == 0 or rules.rate_per_min <= MOST_JITTERED
    _demand(in_table, "spacing_jitter", rules.spacing_jitter, f"0 above {MOST_JITTERED:,} messages a minute")
    for field in ("warm_up_days", "equal_content_gap_s", "customer_cap_window_s"):
        value = getattr(rules, field)
        _demand(0 <= value < np.inf, field, value, "0 or more")


def check_messages(messages: Messages, zones: int) -> None:
    """Raises ValueError if the columns differ in length or a zone index is out of range."""
    columns = (messages.zone, messages.content, messages.consent, messages.release_s)
    if any(len(column) != len(messages) for column in columns):
        raise ValueError("messages: the columns differ in length; give one value a message in each")
    if len(messages) and not (messages.zone.min() >= 0 and messages.zone.max() < zones):
        raise ValueError(f"messages.zone: an index is not in 0..{zones - 1}; index the zones given")
    if not np.isfinite(messages.release_s).all():
        raise ValueError("messages.release_s: a value is not finite; use 0 for 'at once'")


def _demand(holds: bool, field: str, value: object, allowed: str) -> None:
    if not holds:
        raise ValueError(f"pacing.{field} is {value!r}: it must be {allowed}")

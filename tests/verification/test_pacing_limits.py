"""One account under pacing, as a leaky bucket: the burst that each cap lets through and the rate in the long run."""

import numpy as np
import pytest
from msgspec import structs
from numpy.typing import NDArray
from verification_table import Table

from scenarios.schema import Pacing
from server.dispatch.pacing import AccountStart, Messages, new_pacer, plan

MICROS = 1_000_000
START_S = 1_800_000_000.0
UNBOUND = 8_000_000
WINDOWS_S = {"minute": 60, "hour": 3_600, "day": 86_400}


def sends_us(rules: Pacing, size: int) -> NDArray[np.int64]:
    """When an account of long standing sends `size` messages that all wait from the start."""
    account = AccountStart(key=1, first_send_s=START_S - 1e7)
    messages = Messages(
        customer=np.arange(size),
        zone=np.zeros(size, np.int32),
        content=np.arange(size),
        consent=np.ones(size, bool),
        release_s=np.zeros(size),
    )
    due_s = plan(new_pacer(rules, [account], ["UTC"], seed=1), messages, START_S).due_s
    return np.sort(np.rint(due_s * MICROS).astype(np.int64))


def most_within(due_us: NDArray[np.int64], window_s: int) -> int:
    """Most sends in any half-open window of this length."""
    behind = np.searchsorted(due_us, due_us + window_s * MICROS, side="left")
    return int((behind - np.arange(len(due_us))).max())


def rules(jitter: float, minute: int = 15, hour: int = UNBOUND, day: int = UNBOUND) -> Pacing:
    return Pacing(
        rate_per_min=minute,
        rate_per_hour=hour,
        rate_per_day=day,
        spacing_jitter=jitter,
        quiet_from="00:00",
        quiet_until="00:00",
    )


@pytest.mark.parametrize("jitter", [0.0, 0.25])
@pytest.mark.parametrize(
    ("window", "cap", "limits"),
    [
        ("minute", 15, rules(0.0)),
        ("hour", 200, rules(0.0, hour=200)),
        ("day", 2_800, rules(0.0, hour=200, day=2_800)),
    ],
)
def test_the_binding_cap_is_used_up_and_never_passed(
    table: Table, window: str, cap: int, limits: Pacing, jitter: float
) -> None:
    part, case = "Pacing: caps in sliding windows", f"{cap:,} per {window}, jitter {jitter:g}"
    periods = 4 if window == "day" else 40
    due_us = sends_us(structs.replace(limits, spacing_jitter=jitter), periods * cap + 1)
    window_s = WINDOWS_S[window]
    table.exact(part, f"{case}: most in any {window}", cap, most_within(due_us, window_s), 0.0, "exact")
    rate = (len(due_us) - 1) / float(due_us[-1] - due_us[0]) * MICROS * window_s
    # gaps vary about the minute's cap itself, so the cap stretches some: what it takes off is not made up for
    within, allowed = (
        (0.05, "5 %: jitter under the cap") if jitter and window == "minute" else (1e-9, "exact")
    )
    table.exact(part, f"{case}: long-run rate per {window}", cap, rate, within * cap, allowed)

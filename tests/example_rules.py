"""Pacing rules that satisfy `server.dispatch.pacing.Rules`, for tests and benchmarks alike."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rules:
    rate_per_min: int = 15
    rate_per_hour: int = 200
    rate_per_day: int = 2_800
    spacing_jitter: float = 0.25
    warm_up_days: float = 3.0
    warm_up_per_day: int = 50
    equal_content_gap_s: float = 15.0
    quiet_from: str = "22:00"
    quiet_until: str = "08:00"
    customer_cap: int = 1
    customer_cap_window_s: float = 86_400.0

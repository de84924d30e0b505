"""Which service levels a result meets."""

from collections.abc import Mapping

from scenarios.result import Kpi, Verdict
from scenarios.schema import ServiceLevels

# field of ServiceLevels -> (KPI it bounds, whether the bound is a least value)
BOUNDS: dict[str, tuple[str, bool]] = {
    "delivery_rate_min": ("delivery_rate", True),
    "account_ban_rate_max": ("account_ban_rate", False),
    "opt_out_rate_max": ("opt_out_rate", False),
    "send_duration_max_s": ("send_duration_s", False),
    "response_time_p95_max_s": ("response_time_s_p95", False),
    "error_rate_max": ("error_rate", False),
}


def judge(levels: ServiceLevels, kpis: Mapping[str, Kpi]) -> list[Verdict]:
    """One verdict for each service level whose KPI the result has.

    The estimate is compared, not its interval.
    """
    return [
        Verdict(level, kpi, bound, least, kpis[kpi].value, _meets(kpis[kpi].value, bound, least))
        for level, (kpi, least) in BOUNDS.items()
        if kpi in kpis
        for bound in (getattr(levels, level),)
    ]


def _meets(value: float, bound: float, least: bool) -> bool:
    return value >= bound if least else value <= bound

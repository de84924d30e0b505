"""Plausible results of one simulation and one load test, for the tests of the reports."""

import numpy as np
from numpy.typing import NDArray

from scenarios.loading import load as load_scenario
from scenarios.provenance import rows
from scenarios.result import Distribution, Kpi, Result, Series, Survival, kpi, provenance_of
from scenarios.service_levels import judge

BIN_S = 900.0
HOURS = 7 * 24


def simulation() -> Result:
    loaded = load_scenario("bulk_send")
    t_s = np.arange(0, HOURS * 3600, BIN_S)
    sends = _sends_per_h(t_s)
    kpis = _simulated_kpis()
    return Result(
        kind="simulation",
        scenario="bulk_send",
        seed=1,
        replications=20,
        horizon_s=HOURS * 3600.0,
        kpis=kpis,
        series={
            "sends_per_h": _series(t_s, sends),
            "capacity_per_h": _series(t_s, np.where(_open(t_s), 1600.0 + 4 * (t_s > 3 * 86400), 0.0)),
            "deliveries_per_h": _series(t_s, 0.945 * sends),
            "revenue_usd_cum": _series(t_s, 7420 * (1 - np.exp(-np.maximum(t_s - 1800, 0) / 14000))),
            "cost_usd_cum": _series(t_s, 8.0 + np.cumsum(sends) * 0.0075 / 4 + t_s * 52.5 / 30 / 86400),
        },
        distributions={
            "delivery_delay_s": _lognormal(np.log(2.0), 2.0, "s", 8800),
            "read_delay_s": _lognormal(np.log(900.0), 1.8, "s", 7500),
            "order_value_usd": _lognormal(np.log(110.0), 0.47, "USD", 65),
            "response_time_s": _lognormal(np.log(0.0042), 0.55, "s", 20_000),
        },
        verdicts=judge(loaded.scenario.service_levels, kpis),
        survival=Survival(
            days=[0.4, 1.8, 3.1, 5.2],
            at_risk=[200, 199, 198, 196],
            share=[0.995, 0.99, 0.985, 0.98],
            low=[0.965, 0.9605, 0.9542, 0.9474],
            high=[0.9993, 0.9975, 0.9951, 0.9924],
            accounts=203,
            banned=4,
            watched_days=7.0,
        ),
        provenance=provenance_of(rows(loaded)),
        wall_s=9.4,
        exposures=196_140,
    )


def load() -> Result:
    loaded = load_scenario("bulk_send")
    rng = np.random.default_rng(7)
    t_s = np.arange(0, 35.0)
    open_now = np.minimum(1000, 100 * (t_s + 1)) * (t_s < 33)
    kpis = {
        "messages_sent": kpi("messages_sent", 9230.0),
        "messages_delivered": kpi("messages_delivered", 8702.0),
        "delivery_rate": kpi("delivery_rate", 0.9428, 0.9379, 0.9474),
        "send_duration_s": kpi("send_duration_s", 48_120.0),
        "response_time_s_p50": kpi("response_time_s_p50", 0.0046, 0.0045, 0.0047),
        "response_time_s_p95": kpi("response_time_s_p95", 0.0137, 0.0131, 0.0142),
        "response_time_s_p99": kpi("response_time_s_p99", 0.0312, 0.0285, 0.0351),
        "conversations_completed": kpi("conversations_completed", 2284.0),
        "conversations_concurrent_peak": kpi("conversations_concurrent_peak", 1000.0),
        "requests_per_s": kpi("requests_per_s", 196.3, 193.1, 199.5),
        "error_rate": kpi("error_rate", 0.0, 0.0, 0.00044),
    }
    return Result(
        kind="load",
        scenario="bulk_send",
        seed=1,
        replications=1,
        horizon_s=35.0,
        kpis=kpis,
        series={
            "requests_per_s": _series(t_s, rng.poisson(open_now * 0.196).astype(float)),
            "response_time_s_p95": _series(t_s, 0.012 + 0.003 * rng.standard_normal(t_s.size) ** 2),
            "conversations_open": _series(t_s, open_now.astype(float)),
        },
        distributions={
            "response_time_s": _lognormal(np.log(0.0046), 0.68, "s", 6870),
            "service_time_s": _lognormal(np.log(0.0021), 0.4, "s", 6870),
        },
        verdicts=judge(loaded.scenario.service_levels, kpis),
        provenance=provenance_of(rows(loaded)),
        wall_s=41.8,
        exposures=6870,
    )


def _simulated_kpis() -> dict[str, Kpi]:
    estimates = {
        "messages_sent": (9_807.2, 9_795.1, 9_819.3),
        "messages_delivered": (8_961.4, 8_949.0, 8_973.8),
        "messages_read": (7_617.3, 7_598.2, 7_636.4),
        "messages_clicked": (754.1, 741.7, 766.5),
        "messages_replied": (472.3, 462.3, 482.3),
        "delivery_rate": (0.9138, 0.9129, 0.9147),
        "read_rate": (0.8500, 0.8484, 0.8517),
        "click_rate": (0.0842, 0.0828, 0.0855),
        "reply_rate": (0.0527, 0.0516, 0.0538),
        "conversion_rate": (0.00733, 0.00693, 0.00774),
        "click_to_order_rate": (0.0871, 0.0827, 0.0915),
        "opt_out_rate": (0.00341, 0.00313, 0.00369),
        "block_rate": (0.00171, 0.00151, 0.00191),
        "complaint_rate": (0.00084, 0.00072, 0.00096),
        "orders": (65.7, 62.1, 69.3),
        "revenue_usd": (7_402.0, 6_968.0, 7_836.0),
        "cost_usd": (93.8, 93.6, 94.0),
        "roi": (23.67, 22.27, 25.07),
        "cac_usd": (1.44, 1.36, 1.52),
        "account_ban_rate": (0.0151, 0.0144, 0.0158),
        "accounts_banned": (0.0, 0.0, 0.0),
        "send_duration_s": (47_890.0, 47_512.0, 48_268.0),
        "contacts_rejected": (812.0, 812.0, 812.0),
        "response_time_s_p50": (0.0042, 0.0041, 0.0043),
        "response_time_s_p95": (0.0104, 0.0101, 0.0107),
        "response_time_s_p99": (0.0151, 0.0145, 0.0157),
        "conversations_completed": (2_291.0, 2_280.0, 2_302.0),
        "escalation_rate": (0.0571, 0.0552, 0.0590),
    }
    return {name: kpi(name, *estimate) for name, estimate in estimates.items()}


def _open(t_s: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether anybody may be written to: nowhere is awake from 15.5 to 18 h after a start at 14:00 UTC."""
    hour = (t_s / 3600) % 24
    return (hour < 15.5) | (hour >= 18)


def _sends_per_h(t_s: NDArray[np.float64]) -> NDArray[np.float64]:
    hour = t_s / 3600
    first = np.where(hour < 4.5, 1560.0, np.where(hour < 7, 620.0, 210.0)) * (hour < 13.3)
    retry = np.where((hour >= 24) & (hour < 31), 90.0, 0.0)
    return (first + retry) * _open(t_s)


def _series(t_s: NDArray[np.float64], value: NDArray[np.float64]) -> Series:
    return Series(t_s.tolist(), np.asarray(value, float).tolist())


def _lognormal(mean: float, sd: float, unit: str, count: int) -> Distribution:
    values = np.random.default_rng(3).lognormal(mean, sd, count)
    edges = np.geomspace(values.min() * 0.99, values.max() * 1.01, 61)
    return Distribution(edges.tolist(), np.histogram(values, edges)[0].astype(float).tolist(), unit)

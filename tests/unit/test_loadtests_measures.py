import numpy as np
import pytest
from scipy import stats

from loadtests import measures
from loadtests.trace import FAILED, RIGHT, WRONG, Requests, Spans, Trace
from scenarios.errors import InputError


def trace() -> Trace:
    """A ramp of 2 s, then 4 s measured, at 2.0 to 6.0; times chosen by hand."""
    return Trace(
        requests=Requests(
            due_s=[1.0, 2.0, 2.5, 3.5, 4.5, 5.9, 6.1],
            sent_s=[1.0, 2.1, 2.5, 3.5, 4.5, 5.9, 6.1],
            done_s=[1.5, 2.2, 2.7, 3.8, 4.9, 6.4, 6.2],
            verdict=[WRONG, RIGHT, RIGHT, WRONG, FAILED, RIGHT, WRONG],
            escalated=[True, False, True, False, False, False, True],
        ),
        spans=Spans(began_s=[0.5, 1.0, 2.5, 3.0], completed_s=[1.5, 2.7, 3.8, 6.2], ended_s=[1.8, 3.0, 5.0]),
        failures=[],
        cpu_s=[0.0, 0.9, 1.0, 1.2, 1.4, 1.5, 1.9],
    )


def test_only_the_window_after_the_ramp_is_measured() -> None:
    seen = measures.window(trace(), 2.0, 4.0)
    assert seen.due_s == pytest.approx([0.0, 0.5, 1.5, 2.5, 3.9])
    assert seen.response_s == pytest.approx([0.2, 0.2, 0.3, 0.4, 0.5])
    assert seen.service_s == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])
    assert seen.lag_s == pytest.approx([0.1, 0, 0, 0, 0])
    assert seen.cpu == pytest.approx([0.2, 0.2, 0.1, 0.4])


def test_kpis_follow_their_definitions() -> None:
    kpis = measures.kpis(measures.window(trace(), 2.0, 4.0), 0.95)
    values = {name: kpi.value for name, kpi in kpis.items()}
    assert values == pytest.approx(
        {
            "response_time_s_p50": 0.3,
            "response_time_s_p95": 0.5,
            "response_time_s_p99": 0.5,
            "requests_per_s": 1.0,  # four answers came within four seconds
            "error_rate": 0.4,  # one wrong, one failed, of five
            "escalation_rate": 0.2,
            "conversations_completed": 2.0,
            "conversations_concurrent_peak": 2.0,
            "client_cpu": 0.225,
            "client_lag_s_p99": 0.1,
        }
    )
    assert all(kpi.low <= kpi.value <= kpi.high for kpi in kpis.values())


def test_series_are_by_second_and_skip_seconds_without_a_request() -> None:
    series = measures.series(measures.window(trace(), 2.0, 4.0))
    assert series["requests_per_s"].value == [2, 1, 1, 0]
    assert series["conversations_open"].value == [1, 2, 2, 1]
    assert series["response_time_s_p95"].t_s == [0, 1, 2, 3]
    gap = trace()
    gap.requests.due_s[3] = 1.9
    assert measures.series(measures.window(gap, 2.0, 4.0))["response_time_s_p95"].t_s == [0, 2, 3]


def test_a_window_without_messages_is_an_input_error() -> None:
    with pytest.raises(InputError, match="no message was due within 4 s"):
        measures.window(trace(), 20.0, 4.0)


def coverage(correlated: bool) -> float:
    """How often the interval of the 95th percentile holds the true one."""
    draw = np.random.default_rng(5)
    batches = np.repeat(np.arange(25), 40)
    spread = 0.8 if correlated else 0.0
    truth = np.quantile(
        draw.exponential(size=(10_000, 40)) * np.exp(spread * draw.standard_normal((10_000, 1))), 0.95
    )
    hits = 0
    for _ in range(300):
        slow = np.exp(spread * draw.standard_normal(25))[batches]
        _, low, high = measures.percentile(draw.exponential(size=1_000) * slow, batches, 0.95, 0.95)
        hits += low <= truth <= high
    return hits / 300


def test_percentile_intervals_hold_their_level_for_independent_requests() -> None:
    assert 0.92 <= coverage(correlated=False) <= 1.0


def test_percentile_intervals_hold_it_when_the_requests_of_a_second_share_their_luck() -> None:
    assert 0.87 <= coverage(correlated=True) <= 1.0


def test_percentiles_are_observed_values() -> None:
    values = np.arange(1.0, 101.0)
    value, low, high = measures.percentile(values, np.arange(100) // 10, 0.95, 0.95)
    assert value == 95.0
    assert {low, high} <= set(values)


def test_an_error_rate_of_zero_still_has_an_upper_bound() -> None:
    value, low, high = measures.fraction(np.zeros(1_000, bool), 0.95)
    assert (value, low) == (0.0, 0.0)
    assert 0.003 < high < 0.005  # 3.84 / (1000 + 3.84)


def test_distributions_resolve_a_tenth_of_a_millisecond_and_lose_nothing() -> None:
    times = [0.00005, 0.00011, 0.00013, 0.5, 250.0]
    distribution = measures.distribution(times)
    assert sum(distribution.counts) == 5
    assert distribution.counts[0] == distribution.counts[-1] == 1
    assert distribution.counts[1] == distribution.counts[3] == 1  # 0.11 and 0.13 ms apart
    assert len(distribution.edges) == len(distribution.counts) + 1
    ratios = np.diff(np.log10(distribution.edges[1:]))
    assert ratios == pytest.approx(0.05)


def test_values_seen_by_second_lose_the_ramp() -> None:
    series = measures.by_second([9, 8, 7, 6], 2.0)
    assert (series.t_s, series.value) == ([0.0, 1.0, 2.0], [8.0, 7.0, 6.0])


@pytest.mark.parametrize(("hits", "size"), [(0, 7), (1, 40), (13, 40), (40, 40)])
def test_a_share_has_wilson_s_interval(hits: int, size: int) -> None:
    expected = stats.binomtest(hits, size).proportion_ci(0.9, method="wilson")
    share, low, high = measures.fraction(np.arange(size) < hits, 0.9)
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert 0 <= low <= share <= high <= 1

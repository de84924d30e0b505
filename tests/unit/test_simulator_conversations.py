from math import prod

import numpy as np
import pytest

from scenarios.errors import InputError
from scenarios.loading import load
from scenarios.result import Calibration, encode
from simulator.conversations import LoadTest, hold, predict

QUANTILES = (np.arange(20_000) + 0.5) / 20_000
THINK_S = 2.0
CONVERSATIONS = load("bulk_send", [f"conversations.think_time_mean_s={THINK_S}"]).scenario.conversations


def responses(
    at_once: int,
    service_times_s: np.ndarray,
    replications: int = 8,
    duration_s: float = 400.0,
    together_s: float | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Mean response time and answers a second of each replication, after a warm-up of 50 s."""
    means, rates = [], []
    for number in range(1, replications + 1):
        test = LoadTest(CONVERSATIONS, at_once, duration_s, 50.0, service_times_s, 1.0, 1, together_s)
        trace = hold(test, number)
        due_s, done_s = np.array(trace.due_s), np.array(trace.done_s)
        means.append((done_s - due_s)[due_s >= 50].mean())
        rates.append(np.count_nonzero((done_s >= 50) & (done_s < 50 + duration_s)) / duration_s)
    return np.array(means), np.array(rates)


def assert_mean(values: np.ndarray, expected: float) -> None:
    """Within four standard errors of the replications' mean (t with 7 degrees of freedom: 1 in 200)."""
    assert values.mean() == pytest.approx(expected, abs=4 * values.std(ddof=1) / len(values) ** 0.5)


@pytest.mark.parametrize("at_once", [5, 20, 40])
def test_exponential_service_agrees_with_the_machine_repairman(at_once: int) -> None:
    service_s = 0.1
    times = -service_s * np.log(1 - QUANTILES)
    ratio = service_s / THINK_S
    weights = [prod(at_once - j for j in range(k)) * ratio**k for k in range(at_once + 1)]
    rate = (1 - 1 / sum(weights)) / service_s  # the server works unless all think
    means, rates = responses(at_once, times)
    assert_mean(rates, rate)
    assert_mean(means, at_once / rate - THINK_S)  # Little's law over the whole circle


def test_many_customers_and_constant_service_agree_with_pollaczek_khinchine() -> None:
    at_once, load_of_server = 400, 0.5
    rate = at_once / THINK_S
    service_s = load_of_server / rate
    waiting_s = load_of_server * service_s / (2 * (1 - load_of_server))
    means, _ = responses(at_once, np.array([service_s]), replications=2, duration_s=50.0)
    # a finite crowd waits a little less than an endless one: by about 2 / at_once of it
    assert means.mean() == pytest.approx(service_s + waiting_s, rel=0.02)


@pytest.mark.parametrize("service_s", [0.005, 0.02])
@pytest.mark.parametrize("varies", [False, True])
def test_a_server_that_answers_in_groups_agrees_with_bulk_service(service_s: float, varies: bool) -> None:
    """M/G/1 with groups of any size: who comes waits for the rest of the group under way, if there is one."""
    at_once = 400
    times = -service_s * np.log(1 - QUANTILES) if varies else np.array([service_s])
    rate = at_once / (THINK_S + service_s)
    nobody_came = np.exp(-rate * times).mean()  # during a group
    busy = times.mean() / (times.mean() + nobody_came / rate)
    expected = times.mean() + busy * (times**2).mean() / (2 * times.mean())
    means, _ = responses(at_once, times, replications=4, duration_s=50.0, together_s=1e-9)
    # a finite crowd is a little less than an endless one, and there are fewer the longer they wait
    assert means.mean() == pytest.approx(expected, rel=0.02)


def test_each_further_message_of_a_group_takes_its_time() -> None:
    each_s = 0.1
    _, rates = responses(100, np.array([each_s]), 2, together_s=each_s)
    assert rates.mean() == pytest.approx(1 / each_s, rel=0.01)  # 50 a second would come: it is never idle


def test_a_load_generator_that_is_busy_itself_agrees_with_pollaczek_khinchine() -> None:
    """Each message passes it twice, and comes back after a time of its own: two streams, near to Poisson."""
    at_once, client_s = 400, 0.003
    times = -0.05 * np.log(1 - QUANTILES)
    load_of_client = at_once / (THINK_S + times.mean()) * client_s
    waiting_s = load_of_client * client_s / 2 / (2 * (1 - load_of_client))
    means = []
    for number in (1, 2, 3, 4):
        test = LoadTest(CONVERSATIONS, at_once, 50.0, 50.0, times, 1e-6, 1, client_s=client_s)
        trace = hold(test, number)
        due_s, done_s = np.array(trace.due_s), np.array(trace.done_s)
        means.append((done_s - due_s)[due_s >= 50].mean())
    # a finite crowd waits a little less than an endless one
    assert np.mean(means) == pytest.approx(times.mean() + client_s + 2 * waiting_s, rel=0.02)


def test_one_customer_never_waits() -> None:
    trace = hold(LoadTest(CONVERSATIONS, 1, 100.0, 1.0, np.array([0.25]), 1.0, 1), 1)
    assert np.allclose(np.subtract(trace.done_s, trace.due_s), 0.25)
    trace = hold(LoadTest(CONVERSATIONS, 1, 100.0, 1.0, np.array([0.25]), 1.0, 1, 0.1), 1)
    assert np.allclose(np.subtract(trace.done_s, trace.due_s), 0.25)
    trace = hold(LoadTest(CONVERSATIONS, 1, 100.0, 1.0, np.array([0.25]), 1.0, 1, 0.1, 0.05), 1)
    assert np.allclose(np.subtract(trace.done_s, trace.due_s), 0.3)


def test_places_stay_taken() -> None:
    loaded = load("bulk_send")
    result = predict(loaded, at_once=50, duration_s=10, ramp_s=2, calibration=Calibration([0.001], 1.0))
    assert result.kpis["conversations_concurrent_peak"].value == 50
    assert result.series["conversations_open"].value == [50.0] * 10
    assert result.series["conversations_open"].t_s == [float(second) for second in range(10)]


def test_kpis_follow_the_scripts() -> None:
    loaded = load("bulk_send")
    kpis = predict(loaded, at_once=300, duration_s=30, ramp_s=5, calibration=Calibration([0.001], 1.0)).kpis
    # 2.6 messages a conversation; the complaint's two of them go to a person: 0.1 x 2 / 2.6
    assert kpis["escalation_rate"].value == pytest.approx(0.2 / 2.6, rel=0.1)
    assert kpis["requests_per_s"].value == pytest.approx(300 / 5.001, rel=0.05)
    assert kpis["conversations_completed"].value == pytest.approx(30 * 300 / 5.001 / 2.6, rel=0.05)


def test_percentiles_are_in_order_and_at_least_the_service() -> None:
    kpis = predict(
        load("bulk_send"), at_once=200, duration_s=10, ramp_s=2, calibration=Calibration([0.002, 0.01], 1.0)
    ).kpis
    p50, p95, p99 = (kpis[f"response_time_s_p{share}"].value for share in (50, 95, 99))
    assert 0.002 <= p50 < p95 < p99


def test_same_bytes_with_one_worker_and_two() -> None:
    def run(workers: int) -> bytes:
        loaded = load("bulk_send")
        return encode(
            predict(
                loaded,
                at_once=20,
                duration_s=5,
                ramp_s=1,
                calibration=Calibration([0.01], 1.0),
                workers=workers,
            )
        )

    assert run(1) == run(2)


@pytest.mark.parametrize("times", [[], [0.0], [0.1, -1.0], [float("nan")], [float("inf")]])
def test_service_times_must_be_positive_numbers(times: list[float]) -> None:
    with pytest.raises(InputError, match="service times"):
        predict(load("bulk_send"), at_once=1, duration_s=1, ramp_s=1, calibration=Calibration(times, 1.0))


def test_time_that_the_server_is_not_busy_passes_for_many_at_once() -> None:
    loaded = load("bulk_send")
    busy, idle = (
        predict(
            loaded, at_once=100, duration_s=20, ramp_s=5, calibration=Calibration([0.06], busy_share=share)
        ).kpis["response_time_s_p95"]
        for share in (1.0, 0.1)
    )
    assert 0.06 <= idle.value < 0.08  # 20 requests a second x 6 ms: the server is busy an eighth of the time
    assert busy.value > 1.0  # 20 x 60 ms: more than it can do

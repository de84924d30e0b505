"""`GET /metrics`: the figures in the text format of Prometheus."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from server.analytics.figures import Stats
from server.analytics.health import Alarms
from server.http.seen import BOUNDS_S, Seen

LEVELS = {"unknown": -1, "healthy": 0, "warning": 1, "alarm": 2}

Routes = Mapping[tuple[str, str], Seen]  # by method and path


class _Found(Collector):
    """What was found at one moment, for one scrape."""

    def __init__(self, stats: Stats, alarms: Alarms, routes: Routes, exhausted: int) -> None:
        self._stats = stats
        self._alarms = alarms
        self._routes = routes
        self._exhausted = exhausted

    def collect(self) -> Iterator[Metric]:
        yield from _of_messages(self._stats)
        yield from _of_server(self._stats)
        yield CounterMetricFamily(
            "wavetank_handovers_exhausted", "Looked up after the last resend.", value=self._exhausted
        )
        yield from _of_alarms(self._alarms)
        yield from _of_requests(self._routes)


def exposition(stats: Stats, alarms: Alarms, routes: Routes, exhausted: int) -> bytes:
    """All of it as text. `exhausted`: hand-overs that every resend has failed."""
    registry = CollectorRegistry()
    registry.register(_Found(stats, alarms, routes, exhausted))
    return generate_latest(registry)


def _of_messages(stats: Stats) -> Iterator[Metric]:
    yield _gauge("messages", "Messages by state.", "state", stats.messages)
    yield CounterMetricFamily("wavetank_sends", "Attempts handed to the network.", value=stats.sends)
    yield _counter("failures", "Failed attempts by reason.", "reason", stats.failures)
    yield _counter("replies", "Customer messages by what was done.", "action", stats.replies)
    yield CounterMetricFamily("wavetank_opt_outs", "Customers who opted out.", value=stats.opt_outs)


def _of_server(stats: Stats) -> Iterator[Metric]:
    yield _gauge("accounts", "Sending accounts by state.", "state", stats.accounts)
    yield GaugeMetricFamily("wavetank_contacts", "Contacts on record.", value=stats.contacts)
    yield GaugeMetricFamily("wavetank_queue_length", "Messages not yet claimed.", value=stats.queue_length)
    yield GaugeMetricFamily(
        "wavetank_conversations_with_human", "Held by a person.", value=stats.conversations_with_human
    )
    yield GaugeMetricFamily(
        "wavetank_dispatch_lag_seconds", "From due to handed over.", value=stats.dispatch_lag_s
    )
    yield CounterMetricFamily("wavetank_commits", "Transactions of the writer.", value=stats.commits)
    yield CounterMetricFamily(
        "wavetank_process_cpu_seconds", "Processor time of the server.", value=stats.process_cpu_s
    )


def _of_alarms(alarms: Alarms) -> Iterator[Metric]:
    level = GaugeMetricFamily(
        "wavetank_alarm", "-1 unknown, 0 healthy, 1 warning, 2 alarm.", labels=["figure"]
    )
    value = GaugeMetricFamily("wavetank_watched", "The figures behind the alarms.", labels=["figure"])
    for check in alarms.checks:
        level.add_metric([check.name], LEVELS[check.state])
        if check.value is not None:
            value.add_metric([check.name], check.value)
    yield level
    yield value


def _of_requests(routes: Routes) -> Iterator[Metric]:
    labels = ["method", "route"]
    answered = CounterMetricFamily("wavetank_requests", "Requests answered.", labels=[*labels, "status"])
    took = HistogramMetricFamily(
        "wavetank_request_duration_seconds", "From the head of a request to its answer.", labels=labels
    )
    for (method, path), seen in routes.items():
        for status, count in sorted(seen.by_status.items()):
            answered.add_metric([method, path, str(status)], count)
        bounds = [*map(str, BOUNDS_S), "+Inf"]
        buckets = list(zip(bounds, accumulate(seen.times), strict=True))
        took.add_metric([method, path], buckets=buckets, sum_value=seen.total_s)
    yield answered
    yield took


def _gauge(name: str, about: str, label: str, values: Mapping[str, int]) -> Metric:
    return _labelled(GaugeMetricFamily(f"wavetank_{name}", about, labels=[label]), values.items())


def _counter(name: str, about: str, label: str, values: Mapping[str, int]) -> Metric:
    return _labelled(CounterMetricFamily(f"wavetank_{name}", about, labels=[label]), values.items())


def _labelled(metric: GaugeMetricFamily | CounterMetricFamily, values: Iterable[tuple[str, int]]) -> Metric:
    for label, value in values:
        metric.add_metric([label], value)
    return metric

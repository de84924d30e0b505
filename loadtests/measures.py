"""From a trace to KPIs with intervals, series and distributions.

Only messages due within the measured window count: [ramp_s, ramp_s + duration_s). Times in series are seconds
from its start, in bins of 1 s.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit  # of scipy.stats alone the import takes seconds

from loadtests.trace import RIGHT, Trace
from scenarios.errors import InputError
from scenarios.result import Distribution, Kpi, Series, kpi

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

PERCENTILES = {"response_time_s_p50": 0.50, "response_time_s_p95": 0.95, "response_time_s_p99": 0.99}
# from 0.1 ms to 100 s, twenty to a factor of ten; what is below or above falls into the first and last
EDGES_S = np.concatenate(([0.0], np.logspace(-4, 2, 121)))


class Window(NamedTuple):
    """The measured part of a run: one row for each message due in it, times from its start."""

    duration_s: float
    due_s: Floats
    response_s: Floats  # from the moment due: previous answer + think time
    service_s: Floats  # from the moment sent
    lag_s: Floats  # due to sent: the client's own lateness
    bad: Flags  # failed, or answered with the wrong meaning
    escalated: Flags
    answered_at_s: Floats  # of all answers that came within the window, whenever due
    began_s: Floats
    ended_s: Floats
    completed: int
    cpu: Floats  # the client's share of one core in each bin

    @property
    def bins(self) -> int:
        """Whole seconds in it."""
        return int(self.duration_s)


def window(trace: Trace, ramp_s: float, duration_s: float) -> Window:
    """Cut the measured window out of a trace; InputError when no message was due in it."""
    rows = trace.requests
    due, sent, done = (np.asarray(column) - ramp_s for column in (rows.due_s, rows.sent_s, rows.done_s))
    inside = (due >= 0) & (due < duration_s)
    if not inside.any():
        raise InputError(
            f"no message was due within {duration_s:g} s; give a longer duration or more conversations"
        )
    completed = np.asarray(trace.spans.completed_s) - ramp_s
    cpu = np.diff(np.asarray(trace.cpu_s))[int(ramp_s) :]
    return Window(
        duration_s=duration_s,
        due_s=due[inside],
        response_s=(done - due)[inside],
        service_s=(done - sent)[inside],
        lag_s=(sent - due)[inside],
        bad=np.asarray(rows.verdict)[inside] != RIGHT,
        escalated=np.asarray(rows.escalated)[inside],
        answered_at_s=done[(done >= 0) & (done < duration_s)],
        began_s=np.asarray(trace.spans.began_s) - ramp_s,
        ended_s=np.asarray(trace.spans.ended_s) - ramp_s,
        completed=int(((completed >= 0) & (completed < duration_s)).sum()),
        cpu=cpu[: int(duration_s)],
    )


def kpis(seen: Window, confidence: float) -> dict[str, Kpi]:
    """The conversations' KPIs; `confidence` is the level of the intervals, in (0, 1)."""
    batches = seen.due_s.astype(np.int64)
    estimates: dict[str, tuple[float, ...]] = {
        name: percentile(seen.response_s, batches, share, confidence) for name, share in PERCENTILES.items()
    }
    estimates |= {
        "requests_per_s": _mean(_per_bin(seen.answered_at_s, seen.bins), confidence),
        "error_rate": fraction(seen.bad, confidence),
        "escalation_rate": fraction(seen.escalated, confidence),
        "conversations_completed": (seen.completed,),
        "conversations_concurrent_peak": (_open_at(seen, np.append(0.0, seen.began_s)).max(),),
        "client_cpu": _mean(seen.cpu, confidence),
        "client_lag_s_p99": percentile(seen.lag_s, batches, 0.99, confidence),
    }
    return {name: kpi(name, *map(float, estimate)) for name, estimate in estimates.items()}


def percentile(
    values: Floats, batches: NDArray[np.int64], share: float, confidence: float
) -> tuple[float, float, float]:
    """The order statistic at `share`, and an interval between order statistics (Woodruff 1952).

    Requests of one second meet the same queue, so they are not independent: the variance of the share of
    values at or below the estimate is that between 1-s batches, a ratio estimate, where this is larger
    than the binomial one.
    """
    value = float(np.quantile(values, share, method="inverted_cdf"))
    residuals = np.bincount(batches, weights=(values <= value) - np.mean(values <= value))
    groups = len(np.unique(batches))
    variance = share * (1 - share) / len(values)
    if groups > 1:
        variance = max(variance, groups / (groups - 1) * float((residuals**2).sum()) / len(values) ** 2)
    reach = float(stdtrit(max(groups - 1, 1), (1 + confidence) / 2)) * variance**0.5
    low, high = np.quantile(values, np.clip([share - reach, share + reach], 0, 1), method="inverted_cdf")
    return value, float(low), float(high)


def fraction(flags: Flags, confidence: float) -> tuple[float, float, float]:
    """A share with its interval (Wilson 1927), which is sound at a share of 0 too."""
    share, size, z = float(flags.mean()), len(flags), float(ndtri((1 + confidence) / 2))
    middle = (share + z**2 / (2 * size)) / (1 + z**2 / size)
    reach = z / (1 + z**2 / size) * (share * (1 - share) / size + z**2 / (4 * size**2)) ** 0.5
    return share, max(0.0, min(share, middle - reach)), min(1.0, max(share, middle + reach))


def _mean(of_bins: Floats, confidence: float) -> tuple[float, float, float]:
    """The mean over 1-s bins with its Student interval."""
    mean = float(of_bins.mean())
    error = float(of_bins.std(ddof=1)) / len(of_bins) ** 0.5
    reach = float(stdtrit(len(of_bins) - 1, (1 + confidence) / 2)) * error
    return mean, max(0.0, mean - reach), mean + reach


def series(seen: Window) -> dict[str, Series]:
    """Requests answered, 95th percentile of response time, open conversations and client load by second.

    A second without a request has no percentile and no row in that series.
    """
    starts = np.arange(seen.bins, dtype=float)
    bins = seen.due_s.astype(np.int64)
    filled = [second for second in range(seen.bins) if (bins == second).any()]
    p95 = [np.quantile(seen.response_s[bins == second], 0.95, method="inverted_cdf") for second in filled]
    return {
        "requests_per_s": _series(starts, _per_bin(seen.answered_at_s, seen.bins)),
        "response_time_s_p95": _series(filled, p95),
        "conversations_open": _series(starts, _open_at(seen, starts)),
        "client_cpu": _series(starts[: len(seen.cpu)], seen.cpu),
    }


def by_second(values: Sequence[float], ramp_s: float) -> Series:
    """Values seen 1, 2, 3 ... s after the ramp began; those of the ramp are left out."""
    rows = [(second - ramp_s, value) for second, value in enumerate(values, start=1) if second >= ramp_s]
    return _series([t_s for t_s, _ in rows], [value for _, value in rows])


def _series(t_s: Sequence[float] | Floats, values: Sequence[float] | Floats) -> Series:
    return Series([float(t) for t in t_s], [float(value) for value in values])


def _per_bin(at_s: Floats, bins: int) -> Floats:
    """How many fell into each whole second."""
    return np.histogram(at_s, bins, (0.0, float(bins)))[0].astype(float)


def _open_at(seen: Window, moments: Floats) -> Floats:
    """Conversations open at each moment; moments outside the window count as its start."""
    moments = np.where((moments >= 0) & (moments < seen.duration_s), moments, 0.0)
    began = np.searchsorted(np.sort(seen.began_s), moments, side="right")
    ended = np.searchsorted(np.sort(seen.ended_s), moments, side="right")
    return (began - ended).astype(float)


def distribution(times_s: Sequence[float] | Floats) -> Distribution:
    """Counts of times by EDGES_S, finer than Locust's own whole milliseconds."""
    counts, _ = np.histogram(np.clip(times_s, 0.0, EDGES_S[-1]), EDGES_S)
    return Distribution([float(edge) for edge in EDGES_S], [float(count) for count in counts], "s")

"""How many replications a precision takes: the sequential rule of Hoad, Robinson and Davies.

K. Hoad, S. Robinson, R. Davies (2010), Automated selection of the number of replications for a discrete-event
simulation, Journal of the Operational Research Society 61(11), 1632-1644; the confidence interval method is
also in Law (2015), Simulation Modeling and Analysis, 9.4.1, and Robinson (2014), Simulation, 9.6.

sim-tools' ReplicationsAlgorithm is the same rule but runs its model itself, one replication at a time, so
replications could not share processes, and its budget is overrun by the look-ahead; it also brings pandas,
Plotly and scikit-learn. It is the reference in the tests instead.
"""

from collections.abc import Sequence
from typing import NamedTuple

from scenarios.errors import InputError, nearest
from scenarios.result import Precision
from simulator.statistics.intervals import student

LEAST = 3  # replications, and
LOOK_AHEAD = 5  # further ones over which the precision must hold (both as in the paper)


class Goal(NamedTuple):
    """An interval whose half-width is at most `precision` (> 0) of the mean, within `budget` replications."""

    kpi: str
    precision: float
    budget: int


class Watch:
    """Told one value a replication, in their order; `done` when nothing more needs to be run.

    At least `least` replications are run; the precision may hold since an earlier one.
    """

    def __init__(self, goal: Goal, confidence: float, least: int = LEAST) -> None:
        self.goal, self.confidence, self.least = goal, confidence, least
        self.values: list[float] = []
        self.first: int | None = None  # since when the precision has held

    @property
    def achieved(self) -> float | None:
        return relative_half_width(self.values, self.confidence)

    def add(self, value: float) -> None:
        """nan: the KPI is undefined in this replication; it counts as one, but not for the interval."""
        self.values.append(value)
        achieved, count = self.achieved, len(self.values)
        if count < LEAST or achieved is None or achieved > self.goal.precision:
            self.first = None
        elif self.first is None:
            self.first = count

    @property
    def has_held(self) -> bool:
        count = len(self.values)
        return self.first is not None and count >= self.least and count - self.first >= look_ahead(count)

    @property
    def done(self) -> bool:
        return self.has_held or len(self.values) >= self.goal.budget

    def outcome(self) -> Precision:
        first = self.first if self.has_held else None
        return Precision(self.goal.kpi, self.goal.precision, self.achieved, first, self.goal.budget)


def check(goal: Goal, kpis: Sequence[str], least: int) -> None:
    """InputError for a KPI that is not among `kpis`, a precision that is none, a budget below `least`."""
    if goal.kpi not in kpis:
        raise InputError(
            f"--primary {goal.kpi}: no such KPI in this scenario{nearest(goal.kpi, list(kpis))} "
            f"(have: {', '.join(kpis)})"
        )
    if not 0 < goal.precision < 1:
        raise InputError(
            f"--precision: found {goal.precision:g}; must be > 0 and < 1, as in 0.02 for 2 % of the mean"
        )
    if goal.budget < least:
        raise InputError(
            f"--max-replications: found {goal.budget}; must be at least experiment.replications, {least}"
        )


def look_ahead(replications: int) -> int:
    """Further replications over which the precision must hold: 5, and 5 % from 100 on."""
    return LOOK_AHEAD * max(replications, 100) // 100


def relative_half_width(values: Sequence[float], confidence: float) -> float | None:
    """Half-width of the mean's interval / |mean|; None where the mean is 0 or undefined.

    0 in every replication is None too: that an event has not been seen yet makes its mean no more precise.
    """
    found = student(values, confidence)
    if found is None or found[0] == 0:
        return None
    mean, half = found
    return half / abs(mean)

"""Which of several variants is best: the fully sequential procedure of Kim and Nelson (KN).

S.-H. Kim, B. L. Nelson (2001), A fully sequential procedure for indifference-zone selection in simulation,
ACM Transactions on Modeling and Computer Simulation 11(3), 251-273, with c = 1. Replications of all variants
go on side by side; one that falls too far behind another is run no more. Common random numbers are allowed,
and the less the variants' differences vary, the sooner it ends.

sim-tools' KN is the reference in the tests for two systems. For three or more its lookup of a pair's variance
is off by one below the diagonal, it cannot end when two systems are equal, and it runs its model itself, one
replication at a time.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenarios.comparison import Best
from scenarios.errors import InputError, nearest


class Aim(NamedTuple):
    """The variant with the highest (or `lowest`) mean of a KPI, if it leads by `indifference`.

    `indifference` is > 0, in the KPI's unit. At most `budget` replications of each variant are run.
    """

    kpi: str
    indifference: float
    lowest: bool
    budget: int


class Race:
    """Told a value of each standing system a round; `done` when one is left or none can catch up.

    Chooses the system with the highest mean with probability >= 1 - `alpha` whenever that leads by
    `indifference`. `first` (>= 2): rounds before any is left out; their values give the variances. Values are
    taken to be normal and independent from round to round.
    """

    def __init__(self, systems: int, indifference: float, alpha: float, first: int) -> None:
        self.standing = tuple(range(systems))
        self.indifference, self.first, self.rounds = indifference, first, 0
        self.totals = np.zeros(systems)
        self.begun = np.zeros((first, systems))
        eta = 0.5 * ((2 * alpha / (systems - 1)) ** (-2 / (first - 1)) - 1)
        self._h_squared = 2 * eta * (first - 1)

    def add(self, values: Mapping[int, float]) -> None:
        """One round: a value for each standing system."""
        of_round = [values[system] for system in self.standing]
        if self.rounds < self.first:
            self.begun[self.rounds] = of_round
        self.totals[list(self.standing)] += of_round
        self.rounds += 1
        if self.rounds >= self.first:
            self.standing = tuple(np.array(self.standing)[self._keeps_up()].tolist())

    @property
    def done(self) -> bool:
        """With no slack left for any pair the means alone decide, equal ones included."""
        return self.rounds >= self.first and (len(self.standing) == 1 or not self._slack().any())

    @property
    def leader(self) -> int:
        """The standing system with the highest mean; the first of equal ones."""
        return self.standing[int(np.argmax(self._means()))]

    def _means(self) -> NDArray[np.float64]:
        means: NDArray[np.float64] = self.totals[list(self.standing)] / self.rounds
        return means

    def _keeps_up(self) -> NDArray[np.bool_]:
        means = self._means()
        return np.asarray(np.all(means[:, None] >= means - self._slack(), axis=1))

    def _slack(self) -> NDArray[np.float64]:
        """How far each standing system's mean may lie below each other's, (standing, standing)."""
        begun = self.begun[:, list(self.standing)]
        variances = (begun[:, :, None] - begun[:, None, :]).var(axis=0, ddof=1)
        slack = self._h_squared * variances / (2 * self.indifference * self.rounds) - self.indifference / 2
        return np.asarray(np.maximum(slack, 0.0))


class Choice:
    """A race of named variants by one KPI, told one value at a time in the order of rounds."""

    def __init__(self, aim: Aim, names: Sequence[str], confidence: float, first: int) -> None:
        self.aim, self.names, self.confidence = aim, names, confidence
        self.race = Race(len(names), aim.indifference, 1 - confidence, first)
        self.counts = [0] * len(names)
        self.sums = [0.0] * len(names)
        self._round: dict[int, float] = {}

    def wants(self, system: int) -> bool:
        return not self.race.done and system in self.race.standing

    def add(self, system: int, value: float) -> None:
        """InputError for a value that is undefined (nan): no mean could be compared."""
        if not np.isfinite(value):
            raise InputError(
                f"--best {self.aim.kpi}: is undefined in replication {self.counts[system] + 1} of "
                f"{self.names[system]}; choose a KPI that every replication has"
            )
        self.counts[system] += 1
        self.sums[system] += value
        self._round[system] = -value if self.aim.lowest else value
        if len(self._round) == len(self.race.standing):
            self.race.add(self._round)
            self._round = {}

    def outcome(self) -> Best:
        return Best(
            kpi=self.aim.kpi,
            lowest=self.aim.lowest,
            indifference=self.aim.indifference,
            confidence=self.confidence,
            chosen=self.names[self.race.leader] if self.race.done else None,
            standing=[self.names[system] for system in self.race.standing],
            means={
                name: total / count
                for name, total, count in zip(self.names, self.sums, self.counts, strict=True)
            },
            replications=dict(zip(self.names, self.counts, strict=True)),
            budget=self.aim.budget,
        )


def check(aim: Aim, kpis: Sequence[str], first: int) -> None:
    """InputError for a KPI that is not among `kpis`, an indifference that is none, too few replications."""
    if aim.kpi not in kpis:
        raise InputError(
            f"--best {aim.kpi}: no such KPI in this scenario{nearest(aim.kpi, list(kpis))} "
            f"(have: {', '.join(kpis)})"
        )
    if not 0 < aim.indifference < np.inf:
        raise InputError(
            f"--indifference: found {aim.indifference:g}; must be > 0, the least difference in {aim.kpi} "
            "that matters"
        )
    if not 3 <= first <= aim.budget:
        raise InputError(
            f"--best: experiment.replications: found {first}; must be from 3 to --max-replications, "
            f"{aim.budget}"
        )

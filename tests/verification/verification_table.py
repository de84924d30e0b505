"""The table of docs/verification.md: what theory says, what the code says, and how far apart they may be."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

import numpy as np

MULTIPLE = 4.0  # standard errors allowed

HEAD = f"""# Verification

What the code computes against closed forms, published figures and real data. Seeds are fixed, so the same
machine makes the same table. `make verify` runs the tests of `tests/verification/`, prints this table and writes
this page; `make test` runs the same tests and leaves the page as it is.

A row with a standard error holds if the two figures differ by at most {MULTIPLE:g} standard errors (z is the
difference in standard errors): by chance a correct model fails one row in about 1,000 to 16,000, whichever number
of replications stands behind the error, and with fixed seeds it fails always or never. Rows of one case share
their runs, and M/G/1 rows their arrivals, so they err together. A row without a standard error is no estimate: its
last column says how close it has to be. The load test's closed model is checked against the machine
repairman's formula in `tests/unit/test_simulator_conversations.py`.
"""


class Row(NamedTuple):
    part: str
    what: str
    theory: float
    simulated: float
    standard_error: float  # nan: the figure is not an estimate
    allowed: str

    @property
    def z(self) -> float:
        return (self.simulated - self.theory) / self.standard_error


@dataclass
class Table:
    """Rows in the order in which the tests made them. A row is kept whether or not it holds."""

    rows: list[Row] = field(default_factory=list)

    def mean(self, part: str, what: str, theory: float, values: Sequence[float]) -> None:
        """The mean of independent replications, with the standard error from their spread."""
        error = float(np.std(values, ddof=1)) / len(values) ** 0.5
        self.estimate(part, what, theory, float(np.mean(values)), error)

    def estimate(self, part: str, what: str, theory: float, simulated: float, standard_error: float) -> None:
        """An estimate with a standard error of its own."""
        row = Row(part, what, theory, simulated, standard_error, f"{MULTIPLE:g} se")
        self.rows.append(row)
        assert standard_error > 0, f"{what}: no spread, so nothing is shown"
        assert abs(row.z) <= MULTIPLE, line(row)

    def exact(self, part: str, what: str, theory: float, found: float, within: float, allowed: str) -> None:
        """A figure without chance, or with all its chance fixed: at most `within` away."""
        row = Row(part, what, theory, found, np.nan, allowed)
        self.rows.append(row)
        assert abs(found - theory) <= within, line(row)


def line(row: Row) -> str:
    """One row of a Markdown table."""
    has_error = np.isfinite(row.standard_error)
    error, z = (f"{row.standard_error:.2g}", f"{row.z:+.1f}") if has_error else ("", "")
    return f"| {row.what} | {row.theory:.6g} | {row.simulated:.6g} | {error} | {z} | {row.allowed} |"


def markdown(rows: Sequence[Row]) -> str:
    """One table a part."""
    return "".join(
        f"\n## {part}\n\n| what | theory | found | standard error | z | allowed |\n|---|--:|--:|--:|--:|---|\n"
        + "".join(f"{line(row)}\n" for row in of_part)
        for part, of_part in groupby(rows, key=lambda row: row.part)
    )

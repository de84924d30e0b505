"""The CDNOW sample: 2,357 customers who first bought in the first quarter of 1997, until June 1998.

Read from the installed package `lifetimes` without importing it: its import needs an old setuptools, and we
want no code of it.
"""

from importlib.metadata import distribution
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.customers.purchases import History

FITTED_WEEKS, ALL_WEEKS = 39, 78
BEGIN = np.datetime64("1997-01-01")


class Transactions(NamedTuple):
    """Days on which customers bought (each day once), sorted by customer, then day from 0."""

    customer: NDArray[np.int64]
    day: NDArray[np.int64]

    @property
    def first_day(self) -> NDArray[np.int64]:
        return self.day[np.flatnonzero(np.diff(self.customer, prepend=-1))]

    @property
    def repeat_days(self) -> NDArray[np.int64]:
        return self.day[np.flatnonzero(np.diff(self.customer, prepend=-1) == 0)]


def transactions() -> Transactions:
    """Columns of the file: id in the whole data, id in the sample, date, CDs, USD."""
    path = Path(str(distribution("lifetimes").locate_file("lifetimes/datasets/CDNOW_sample.txt")))
    rows = [line.split() for line in path.read_text(encoding="ascii").splitlines() if line.strip()]
    dates = np.array([f"{day[:4]}-{day[4:6]}-{day[6:]}" for _, _, day, _, _ in rows], "datetime64[D]")
    pairs = np.unique(
        np.stack([np.array([int(row[1]) for row in rows]) - 1, (dates - BEGIN).astype(np.int64)], axis=1),
        axis=0,
    )
    return Transactions(pairs[:, 0], pairs[:, 1])


def history(bought: Transactions, weeks: int) -> History:
    """What is known at the end of week `weeks`, in weeks; the last day of a week belongs to it."""
    last_day = 7 * weeks - 1
    known = bought.day <= last_day
    customer, day = bought.customer[known], bought.day[known]
    first = bought.first_day
    latest = first.copy()
    np.maximum.at(latest, customer, day)
    return History(
        frequency=np.bincount(customer, minlength=len(first)) - 1.0,
        recency=(latest - first) / 7,
        age=(last_day - first) / 7,
    )

"""Sums do not depend on the number of threads."""

import os
import subprocess
import sys

import numpy as np
import pytest

from simulator.statistics.sums import dot

LONG = """
import numpy as np
from simulator.statistics.sums import dot
print(dot(*np.random.default_rng(1).random((2, 100_001))).hex())
"""


@pytest.mark.parametrize("size", [0, 1, 8_192, 20_000])
def test_a_dot_product_is_the_sum_of_products(size: int) -> None:
    left, right = np.random.default_rng(size).random((2, size))
    assert dot(left, right) == pytest.approx(np.sum(left * right))


def test_the_number_of_threads_does_not_change_a_digit() -> None:
    found = {
        subprocess.check_output(
            [sys.executable, "-c", LONG], env={**os.environ, "OPENBLAS_NUM_THREADS": str(threads)}
        )
        for threads in (1, 2, 3)
    }
    assert len(found) == 1

"""Sums that round alike however many threads a library may use."""

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.floating] | NDArray[np.integer]

PIECE = 8_192  # BLAS leaves so many to one thread


def dot(left: Column, right: Column) -> float:
    """The sum of the products of two columns (n,), piece after piece.

    The whole at once would be divided among as many threads as there are cores: the last digits of the sum
    would depend on the machine, and threads that wait for more work keep a core busy.
    """
    return sum(
        float(left[first : first + PIECE] @ right[first : first + PIECE])
        for first in range(0, len(left), PIECE)
    )

"""Random numbers by key: the same for the same seed and key, whatever else happens."""

import hashlib
import math
from statistics import NormalDist

_NORMAL = NormalDist()
MOST = 8


def draws(seed: int, key: str, count: int) -> list[float]:
    """`count` (1 to 8) numbers in (0, 1)."""
    digest = hashlib.blake2b(key.encode(), digest_size=8 * count, key=seed.to_bytes(8, "big")).digest()
    return [
        ((int.from_bytes(digest[at : at + 8], "big") >> 11) + 0.5) / 2**53 for at in range(0, 8 * count, 8)
    ]


def lognormal(median: float, log_sd: float, uniform: float) -> float:
    """The quantile `uniform` of a lognormal distribution, in the unit of `median`."""
    return median if log_sd == 0 else median * math.exp(log_sd * _NORMAL.inv_cdf(uniform))

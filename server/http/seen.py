"""How many requests each route has answered, and how fast: kept in memory, read by /metrics."""

from bisect import bisect_left
from dataclasses import dataclass, field

# Seconds. The finest is below an empty answer (0.1 ms), the coarsest at what a caller gives up after.
BOUNDS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(slots=True)
class Seen:
    """Of one route. `times[i]` counts answers that took at most `BOUNDS_S[i]`, each answer once."""

    by_status: dict[int, int] = field(default_factory=dict)
    times: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))
    total_s: float = 0.0

    def add(self, status: int, took_s: float) -> None:
        self.by_status[status] = self.by_status.get(status, 0) + 1
        self.times[bisect_left(BOUNDS_S, took_s)] += 1
        self.total_s += took_s

"""How well an account stands, from what it did and how old it is; which numbers to replace.

The parts of the score are fitted to the claims; their weights are assumed: delivery tells the most and is
seen first, blocks are what a network acts on, age and load only foretell.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

PANEL = 50  # C092: accounts that one panel shows; 500 (C005) are ten panels
MONTH_DAYS = 30.44
WEIGHTS = {"delivery": 0.4, "blocks": 0.3, "age": 0.15, "load": 0.15}  # assumed
DELIVERY = (0.82, 0.92)  # C159: an account over its limit; C154: healthy from here
BLOCKS = (0.005, 0.0)  # T025: complaints above this risk the number
LOAD = (250.0, 200.0)  # sends an hour. C102: the network's limit; C101: ours
OPEN_RATES = (0.62, 0.85)  # C142, C141
AGES_MONTHS = (12.0, 6.0)  # C140: at which the open rate is OPEN_RATES
FEWEST = 20  # attempts below which rates say nothing (assumed)
HEALTHY, WATCH = 80, 60  # scores (assumed)
ROTATED = 0.30  # C137: the share of numbers replaced at once
ROTATE_AFTER_MONTHS = 6.0  # C138
FLEET_OPEN_RATE = 0.80  # C143
NUMBER_COST_USD = (3.0, 8.0)  # C139: a new number

State = Literal["healthy", "watch", "alarm", "banned"]
Advice = Literal["keep", "replace", "overdue"]


class Record(NamedTuple):
    """What an account did: attempts of the last days, and blocks by those who got them."""

    open: bool
    age_days: float | None  # since its first send; None: it never sent
    attempts: int
    delivered: int
    failed: int
    blocks: int
    sent_last_hour: int


class Health(NamedTuple):
    """`score` in [0, 100]; `causes` are the parts that pull it down, worst first."""

    score: int
    state: State
    causes: tuple[str, ...]


def health(record: Record) -> Health:
    """The score of an account: 100 where nothing speaks against it, 0 once it is banned."""
    if not record.open:
        return Health(0, "banned", ("banned",))
    parts = _parts(record)
    score = round(100 * sum(WEIGHTS[name] * part for name, part in parts.items()))
    state: State = "healthy" if score >= HEALTHY else "watch" if score >= WATCH else "alarm"
    low = sorted((part, name) for name, part in parts.items() if part < 1)
    return Health(score, state, tuple(name for _, name in low))


def _parts(record: Record) -> dict[str, float]:
    """Each in [0, 1], 1 being good."""
    settled = record.delivered + record.failed
    delivery = record.delivered / settled if settled >= FEWEST else 1.0
    blocks = record.blocks / record.delivered if record.delivered >= FEWEST else 0.0
    return {
        "delivery": _between(delivery, *DELIVERY),
        "blocks": _between(blocks, *BLOCKS),
        "age": _between(open_rate(record.age_days or 0.0), *OPEN_RATES),
        "load": _between(record.sent_last_hour, *LOAD),
    }


def _between(value: float, worst: float, best: float) -> float:
    """0 at `worst`, 1 at `best`, straight between them and level beyond."""
    return min(1.0, max(0.0, (value - worst) / (best - worst)))


def open_rate(age_days: float) -> float:
    """The open rate that a number of this age gets: 0.85 to 6 months, linear to 0.62 at 12 (C140-C142)."""
    worst, best = OPEN_RATES
    return worst + (best - worst) * _between(age_days / MONTH_DAYS, *AGES_MONTHS)


def fleet_open_rate(ages_days: Sequence[float]) -> float | None:
    """The mean of `open_rate`; None without accounts. Below FLEET_OPEN_RATE is an alarm."""
    return sum(map(open_rate, ages_days)) / len(ages_days) if ages_days else None


def advice(ages_days: Sequence[float | None]) -> list[Advice]:
    """For each number, in order: replace the oldest 30 % (ours) once they are 6 months old (C137, C138).

    `overdue`: older than 12 months (alarm: ours), whatever its rank. None (never sent) is kept.
    """
    months = [(age or 0.0) / MONTH_DAYS for age in ages_days]
    oldest = sorted(range(len(months)), key=lambda index: -months[index])[: round(ROTATED * len(months))]
    return [
        "overdue"
        if age > AGES_MONTHS[0]
        else "replace"
        if index in oldest and age >= ROTATE_AFTER_MONTHS
        else "keep"
        for index, age in enumerate(months)
    ]

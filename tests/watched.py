"""A replication with every send and what came of it, as columns: what tests look at."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.customers.funnel import Event, Funnel
from simulator.engine.exposures import Exposures, exposures_of
from simulator.engine.replication import Replication
from simulator.sending.waves import Wave
from simulator.world import World

Times = NDArray[np.float64]


class Sends(NamedTuple):
    """One row a send."""

    customer: NDArray[np.int64]
    campaign: NDArray[np.int64]
    attempt: NDArray[np.int64]
    is_post: NDArray[np.bool_]
    account: NDArray[np.int64]
    due_s: Times
    over_limit: NDArray[np.bool_]


class Outcomes(NamedTuple):
    """One row a send; s from the start, infinity where it never happens."""

    delivered_s: Times
    read_s: Times
    clicked_s: Times
    replied_s: Times
    ordered_s: Times
    opted_out_s: Times
    blocked_s: Times
    complained_s: Times


def sends_of(exposures: Exposures, wave: Wave, over: NDArray[np.bool_]) -> Sends:
    each = exposures.each
    return Sends(
        wave.customer.astype(np.int64),
        np.array([one.campaign for one in each])[wave.exposure],
        np.array([one.attempt for one in each])[wave.exposure],
        exposures.is_post[wave.exposure],
        wave.account.astype(np.int64),
        wave.due_s,
        over,
    )


def outcomes_of(size: int, happened: Funnel) -> Outcomes:
    def spread(event: Event) -> Times:
        column = np.full(size, np.inf)
        column[event.rows] = event.at_s
        return column

    names = ("delivered", "read", "clicked", "replied", "ordered", "opted_out", "blocked", "complained")
    return Outcomes._make(spread(getattr(happened, name)) for name in names)


def watched(world: World, number: int = 1) -> tuple[Replication, list[tuple[Sends, Outcomes]]]:
    """A finished replication, and its sends as they went out."""
    seen: list[tuple[Sends, Outcomes]] = []

    exposures = exposures_of(world)

    def watch(wave: Wave, over: NDArray[np.bool_], happened: Funnel) -> None:
        seen.append((sends_of(exposures, wave, over), outcomes_of(len(wave.due_s), happened)))

    run = Replication(world, number, watch)
    run.run()
    return run, seen


def ran(world: World, number: int = 1) -> tuple[Replication, Sends, Outcomes]:
    """A finished replication with all its sends and what came of them, in order of customer and time."""
    run, seen = watched(world, number)
    sends = Sends._make(np.concatenate(column) for column in zip(*(s for s, _ in seen), strict=True))
    happened = Outcomes._make(np.concatenate(column) for column in zip(*(h for _, h in seen), strict=True))
    order = np.lexsort((sends.due_s, sends.customer))
    return run, Sends._make(c[order] for c in sends), Outcomes._make(c[order] for c in happened)

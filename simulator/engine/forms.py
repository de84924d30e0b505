"""Which form of the engine runs a replication: columns, or the same compiled where that pays."""

from typing import Protocol

import numpy as np

from server.dispatch import booking
from simulator.engine.plain import Consequences, Plain, Sends, Stage, Tell, Watch
from simulator.engine.sender import Booker
from simulator.engine.tally import Tally
from simulator.world import World

COMPILE_FROM = (
    2_500_000  # sends in all replications: loading what is compiled takes as long as some two million
)
MOST_COMPILED_ACCOUNTS = 1_000  # leaves room for as many replacements


class Engine(Protocol):
    """What becomes of sends."""

    batch: int  # most sends at once

    def send(self, sends: Sends, tally: Tally) -> Consequences:
        """Work off messages that leave, ascending in time: changes the crowd and counts."""


def is_worth_compiling(world: World) -> bool:
    """Whether the scenario's replications send so much that compiling, even anew, takes less time."""
    posts = sum(len(post.members.customer) for post in world.posts)
    sends = posts + int(np.count_nonzero(world.customers.audience)) * len(world.campaigns)
    return sends * world.scenario.experiment.replications >= COMPILE_FROM


def engine_of(stage: Stage, watch: Watch | None, tell: Tell | None, compiled: bool) -> Engine:
    """`watch` sees columns, so with it none is compiled; `tell` hears what a platform sees, of either."""
    if watch is not None or not compiled:
        return Plain(stage, watch, tell)
    from simulator.engine.compiled import Compiled  # Numba takes longer to load than a small run

    return Compiled(stage, tell)


def booker_of(accounts: int, compiled: bool) -> Booker:
    """`accounts`: how many there are at the start."""
    if not compiled or accounts > MOST_COMPILED_ACCOUNTS:
        return booking
    from server.dispatch import booking_compiled

    return booking_compiled

"""A replication that is woken more often than it needs."""

from collections.abc import Iterator

import simpy

from simulator.engine.replication import Replication
from simulator.world import World

OFTEN_S = 1777.0  # divides no hour and no day


def restless(world: World) -> Replication:
    """Replication 1, run to its end; all that is due is also sent every OFTEN_S."""
    run = Replication(world, 1)

    def wake() -> Iterator[simpy.Event]:
        while True:
            yield run.env.timeout(OFTEN_S)
            run._send_until(run.env.now)

    run.env.process(wake())  # type: ignore[arg-type]
    run.run()
    return run

"""Compile the engine's compiled form and keep it beside the sources: `python -m simulator.precompile`.

Without it the first run of millions of sends does so.
"""

from scenarios.loading import load
from simulator.engine.replication import Replication
from simulator.world import world_of


def main() -> None:
    world = world_of(load("daily_programme", ["population.size=100", "experiment.horizon_days=2"]))
    Replication(world, 1, compiled=True).run()


if __name__ == "__main__":
    main()

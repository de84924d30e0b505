"""Runs that Ctrl-C may stop: what has finished is kept, and the same command goes on from there."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scenarios.interruption import Stopped
from simulator.kept import Kept

UNFINISHED = "unfinished"  # subfolder with what an interrupted run has left


@contextmanager
def resumable(folder: Path, *, fresh: bool) -> Iterator[Kept]:
    """Keep finished replications in `folder` until the work inside is done.

    After Ctrl-C, raises Stopped with how to go on. `fresh`: forget what an interrupted run has left.
    """
    kept = Kept(folder / UNFINISHED, fresh=fresh)
    try:
        yield kept
    except KeyboardInterrupt:
        done = f"{kept.count:,} finished replications are in {kept.folder}"
        how = "the same command goes on from there, with --fresh it starts anew"
        raise Stopped(f"stopped: {done}; {how}" if kept.count else "stopped") from None
    kept.clear()

"""A load test of a server of our own, which lives no longer than the test, unless another one is named."""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from loadtests.run import run
from loadtests.target import Target, own_server
from scenarios.errors import InputError
from scenarios.loading import Loaded
from scenarios.result import Calibration, Result


def load_test(
    loaded: Loaded,
    url: str | None,
    *,
    settings: Sequence[str] = (),
    out: Path | None,
    calibration: Calibration | None = None,
    progress: Callable[[str], None] | None,
) -> Result:
    """As many conversations for as long as the scenario says, against the server at `url`.

    `url` None: against one of our own, which gets `settings`. `out`, `calibration`, `progress`: as for
    `loadtests.run.run`. Raises InputError as that does, and when WAVETANK_TOKEN is not set for `url`.
    """
    conversations = loaded.scenario.conversations
    with passing_server(loaded, settings) if url is None else nullcontext(_named(url)) as target:
        return run(
            loaded,
            target=target.url,
            token=target.token,
            conversations=conversations.at_once,
            duration_s=conversations.duration_s,
            out=out,
            progress=progress,
            calibration=calibration,
        )


@contextmanager
def passing_server(loaded: Loaded, settings: Sequence[str] = ()) -> Iterator[Target]:
    """A server of the scenario, at the speed of its conversations, on a database that is thrown away."""
    with (
        tempfile.TemporaryDirectory(prefix="wavetank-") as scratch,
        own_server(
            loaded.path,
            settings=settings,
            database=Path(scratch) / "load.db",
            speed=loaded.scenario.conversations.clock_speed,
        ) as target,
    ):
        yield target


def _named(url: str) -> Target:
    token = os.environ.get("WAVETANK_TOKEN")
    if not token:
        raise InputError("WAVETANK_TOKEN: is not set; export the token that the target printed")
    return Target(url, token)

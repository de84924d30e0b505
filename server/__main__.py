"""`python -m server SCENARIO`: the server in a process of its own, as `wavetank serve` runs it."""

from scenarios.interruption import INTERRUPTED, end_without_a_word, let_come, raise_again

end_without_a_word()  # while the rest is imported; before this, it waits if `wavetank serve` was here
let_come()

import argparse
import os
import sys

from scenarios.errors import InputError
from scenarios.loading import load
from server.serve import serve


def main() -> int:
    """Exit status: 0 stopped by a signal, 2 wrong input, 130 Ctrl-C before it began."""
    parser = argparse.ArgumentParser(prog="python -m server", description=__doc__)
    parser.add_argument("scenario", metavar="SCENARIO", nargs="?", default="bulk_send")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--db", default="wavetank.db")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument(
        "--now", action="store_true", help="the clock begins now, not at experiment.start, if its speed is 1"
    )
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="PATH=VALUE")
    given = parser.parse_args()
    try:
        loaded = load(given.scenario, given.settings)
        raise_again()
        serve(
            loaded,
            host=given.host,
            port=given.port,
            db=given.db,
            speed=given.speed,
            workers=given.workers,
            token=os.environ.get("WAVETANK_TOKEN"),
            start_s=None if given.now else loaded.scenario.experiment.start.timestamp(),
        )
    except InputError as error:
        sys.stderr.write(f"wavetank: {error}\n")
        return 2
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m server.network.graph`: the emulator in a process of its own, as `wavetank emulator` runs it."""

from scenarios.interruption import INTERRUPTED, end_without_a_word, raise_again

end_without_a_word()  # while the rest is imported

import argparse
import os
import sys

from scenarios.errors import InputError
from scenarios.loading import load
from server.network.graph.options import Options, start


def main() -> int:
    """Exit status: 0 stopped by a signal, 2 wrong input, 130 Ctrl-C before it began."""
    given = vars(_parser().parse_args())
    try:
        loaded = load(given.pop("scenario"), given.pop("settings"))
        raise_again()
        start(loaded, Options(**given, token=os.environ.get("WAVETANK_TOKEN")))
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m server.network.graph", description=__doc__)
    parser.add_argument("scenario", metavar="SCENARIO", nargs="?", default="bulk_send")
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="PATH=VALUE")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--start", metavar="DATE")
    parser.add_argument("--profile", default="modern")
    parser.add_argument("--customers", default="scenario")
    parser.add_argument("--phone-number-id", dest="number_ids", action="append", default=[])
    parser.add_argument("--webhook-url")
    parser.add_argument("--verify-token", default="")
    parser.add_argument("--app-secret", default=os.environ.get("WAVETANK_APP_SECRET", ""))
    parser.add_argument("--allow-webhook", dest="allowed_hosts", action="append", default=[])
    parser.add_argument("--webhook-batch", dest="batch_max", type=int, default=1)
    parser.add_argument("--webhook-connections", dest="connections", type=int, default=16)
    parser.add_argument("--throughput", default="standard")
    parser.add_argument("--tier", dest="level", type=int, default=1)
    parser.add_argument("--pair-rate", dest="pair_reading", default="literal")
    parser.add_argument("--place", dest="moved", action="append", default=[], metavar="CODE=PLACE")
    parser.add_argument("--template-pacing", dest="pacing_threshold", type=int, metavar="N")
    return parser


if __name__ == "__main__":
    sys.exit(main())

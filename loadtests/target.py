"""A reference server of our own to test against, as a child process."""

import os
import queue
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from scenarios.errors import InputError

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0
LISTENING = "listening on "
# Options of Python before a module: ours, not one of that name where the user is, as a bot's server.py.
ISOLATED = ("-P", "-m")


class Target(NamedTuple):
    url: str
    token: str


@contextmanager
def own_server(
    scenario: Path, *, settings: Sequence[str] = (), database: Path, speed: float
) -> Iterator[Target]:
    """Start `python -m server` on a free port of 127.0.0.1, yield where it is, and stop it at the end.

    `speed` is how many times faster than the wall its clock runs. The token goes through the environment,
    where other users cannot read it. Raises InputError when the server does not come up.
    """
    token = secrets.token_urlsafe(32)
    command = [sys.executable, *ISOLATED, "server", str(scenario), "--port", "0", "--db", str(database)]
    command += ["--speed", f"{speed:g}", *(part for setting in settings for part in ("--set", setting))]
    log = database.with_suffix(".log")  # a file: nobody would empty a pipe in time
    with log.open("wb") as errors:
        process = subprocess.Popen(
            command,
            env={**os.environ, "WAVETANK_TOKEN": token},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,  # Ctrl-C comes to the caller, who stops it
        )
    try:
        yield Target(_url(process, log), token)
    finally:
        _stop(process)


def _url(process: subprocess.Popen[str], log: Path) -> str:
    """The address from the server's "listening on" line."""
    assert process.stdout is not None
    lines: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_forward, args=(process.stdout, lines), daemon=True).start()
    deadline = time.monotonic() + START_TIMEOUT_S
    while (left := deadline - time.monotonic()) > 0:
        try:
            line = lines.get(timeout=left)
        except queue.Empty:
            break
        if line is None:
            raise InputError(f"the server did not start: {_last_words(process, log)}")
        if line.startswith(LISTENING):
            return line.removeprefix(LISTENING)
    raise InputError(f"the server was not ready within {START_TIMEOUT_S:g} s; is the machine overloaded?")


def _forward(stream: IO[str], lines: "queue.Queue[str | None]") -> None:
    """Lines of the child as they come, so that its pipe never fills; None at its end."""
    for line in stream:
        lines.put(line.strip())
    lines.put(None)


def _last_words(process: subprocess.Popen[str], log: Path) -> str:
    status = process.wait(timeout=STOP_TIMEOUT_S)
    words = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return words[-1].removeprefix("wavetank: ") if words else f"it ended with exit status {status}"


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(timeout=STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()

"""Ctrl-C during a long simulation: what has finished stays, and the same command goes on from there."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scenarios import comparison, result
from scenarios.loading import load
from scenarios.variants import variants_of
from simulator.compare import compare
from simulator.run import simulate

ROOT = Path(__file__).parents[2]
SIZE = ["population.size=300", "experiment.replications=40"]
SETTINGS = [argument for setting in SIZE for argument in ("--set", setting)]
SIMULATE = ["simulate", "bulk_send", *SETTINGS, "--json"]
FAST = "fast:pacing.rate_per_min=25"
COMPARE = ["compare", "bulk_send", "--variant", FAST, *SETTINGS, "--json"]


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """A session of its own, so that an interrupt reaches it and its workers alone, as in a terminal."""
    return subprocess.Popen(
        [sys.executable, "-m", "wavetank", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # ignored in a background job
    )


def interrupt(running: subprocess.Popen[str], folder: Path, finished: int) -> str:
    """Press Ctrl-C once so many replications have finished; what it then says."""
    end = time.monotonic() + 60
    while len(list(folder.rglob("*.npz"))) < finished:
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < end, "nothing was kept"
        time.sleep(0.01)
    os.killpg(running.pid, signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert (running.returncode, out) == (130, ""), err
    (line,) = err.splitlines()
    return line


@pytest.mark.parametrize(
    ("command", "workers", "options"),
    [(SIMULATE, "2", ["--out", "mine"]), (COMPARE, "1", [])],
)
def test_the_same_command_goes_on_with_the_same_bytes(
    tmp_path: Path, command: list[str], workers: str, options: list[str]
) -> None:
    command = [*command, *options, "--workers", workers]
    said = interrupt(start(tmp_path, *command), tmp_path, 3)
    folder = Path("mine" if options else "out") / "unfinished"
    left = len(list((tmp_path / folder).rglob("*.npz")))
    assert left >= 3
    assert said == (
        f"stopped: {left} finished replications are in {folder}; "
        "the same command goes on from there, with --fresh it starts anew"
    )
    running = start(tmp_path, *command)
    out, err = running.communicate(timeout=120)
    assert running.returncode == 0, err
    assert command[0] == "compare" or f"with {left} replications of an interrupted run" in err
    assert out.encode() == expected(command[0]) + b"\n"
    assert not (tmp_path / folder).exists()


def expected(command: str) -> bytes:
    base = load("bulk_send", SIZE)
    if command == "simulate":
        return result.encode(simulate(base))
    return comparison.encode(compare(base, variants_of(base, [FAST], [], SIZE)))

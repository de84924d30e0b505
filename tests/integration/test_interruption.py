"""Ctrl-C: during a long simulation what has finished stays, and the same command goes on from there; while a
program still starts, it ends without a word.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from postgres import new_database

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


def start(
    folder: Path, *arguments: str, program: tuple[str, str] = ("-m", "wavetank")
) -> subprocess.Popen[str]:
    """A session of its own, so that an interrupt reaches it and its workers alone, as in a terminal."""
    return subprocess.Popen(
        [sys.executable, *program, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])},
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


PRESSED = "import os, sys\n\nif {}:\n    os.kill(os.getpid(), 2)\n"  # 2: SIGINT


@pytest.mark.parametrize("module", ["signal", "typer", "scenarios.loading"])
def test_a_command_whose_modules_are_not_all_there_ends_without_a_word(tmp_path: Path, module: str) -> None:
    pressed_when_imported(tmp_path, module)
    assert ended(start(tmp_path, "scenarios")) == (130, "", "")


def test_a_command_does_so_by_its_console_script_too(tmp_path: Path) -> None:
    pressed_when_imported(tmp_path, "scenarios.loading")
    script = "from wavetank import main; import sys; sys.exit(main())"
    assert ended(start(tmp_path, "scenarios", program=("-c", script))) == (130, "", "")


def test_who_imports_the_command_line_keeps_its_own_way_of_being_interrupted() -> None:
    script = "import signal, wavetank; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    assert ended(start(ROOT, program=("-c", script))) == (0, "True\n", "")


@pytest.mark.parametrize(
    ("program", "module"),
    [
        ("server", "argparse"),
        ("server", "sqlalchemy"),
        ("server", "server.app"),
        ("server.network.graph", "scenarios.loading"),
    ],
)
def test_a_server_whose_modules_are_not_all_there_ends_without_a_word(
    tmp_path: Path, program: str, module: str
) -> None:
    pressed_when_imported(tmp_path, module)
    assert ended(start(tmp_path, "bulk_send", program=("-m", program))) == (130, "", "")


def test_serve_ends_without_a_word_while_its_process_becomes_the_server(tmp_path: Path) -> None:
    """When Python itself has just begun, and nothing of ours is imported."""
    (tmp_path / "sitecustomize.py").write_text(PRESSED.format('"server" in sys.orig_argv'))
    assert ended(start(tmp_path, "serve", "--port=0")) == (130, "", "")


def test_ctrl_c_does_not_reach_workers_of_a_server_however_young(tmp_path: Path) -> None:
    """The first process stops them."""
    (tmp_path / "sitecustomize.py").write_text(PRESSED.format('"--multiprocessing-fork" in sys.orig_argv'))
    with new_database() as url:
        running = start(tmp_path, "--port=0", "--workers=2", f"--db={url}", program=("-m", "server"))
        assert running.stdout is not None
        lines = iter(running.stdout.readline, "")
        assert any(line.startswith("listening on") for line in lines), ended(running)
        os.killpg(running.pid, signal.SIGINT)
        assert ended(running) == (0, "", "")


def pressed_when_imported(folder: Path, module: str) -> None:
    """Ctrl-C comes in the middle of the import of a module."""
    finder = f"""
import os, sys

class Pressed:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), 2)  # SIGINT

sys.meta_path.insert(0, Pressed())
"""
    (folder / "sitecustomize.py").write_text(finder)


def ended(running: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = running.communicate(timeout=60)
    return running.returncode, out, err

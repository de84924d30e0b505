"""The servers that are measured, each a process on a core of its choice, standing still unless asked."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from server_workloads import TOKEN

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
MIB = 1024.0  # KiB
LOOK_S, IDLE = 0.2, 0.2  # used no more than this share of a core over this time, a server is at rest
MOST_LOOKS = 25


class Process:
    """`core` None: wherever the system puts it."""

    def __init__(self, command: list[str], core: int | None) -> None:
        pin = [] if core is None else ["taskset", "-c", str(core)]
        self._process = subprocess.Popen(
            [*pin, sys.executable, *command],
            cwd=ROOT,
            env={**os.environ, "WAVETANK_TOKEN": TOKEN, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        self.port = self._until_listening()
        self._process.send_signal(signal.SIGSTOP)

    def _until_listening(self) -> int:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("listening on "):
                return int(line.rsplit(":", 1)[1])
        raise RuntimeError(f"the server did not start: exit status {self._process.wait()}")

    @contextlib.contextmanager
    def running(self) -> Iterator["Process"]:
        """It first makes up for having stood still: what fell due meanwhile is planned anew."""
        self._process.send_signal(signal.SIGCONT)
        try:
            self._rest()
            yield self
        finally:
            self._process.send_signal(signal.SIGSTOP)

    def _rest(self) -> None:
        """Until it uses little of its core."""
        for _ in range(MOST_LOOKS):
            used_s = self.cpu_s()
            time.sleep(LOOK_S)
            if self.cpu_s() - used_s <= IDLE * LOOK_S:
                return

    def cpu_s(self) -> float:
        """Processor seconds it has used."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_mib(self) -> float:
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        (line,) = (one for one in status.splitlines() if one.startswith("VmRSS"))
        return int(line.split()[1]) / MIB

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()


@contextlib.contextmanager
def reference_server(folder: Path, scenario: str, core: int | None, *options: str) -> Iterator[Process]:
    db = folder / "server.db"
    process = Process(["-m", "server", scenario, "--port", "0", "--db", str(db), *options], core)
    try:
        yield process
    finally:
        process.stop()


@contextlib.contextmanager
def bare_routes(folder: Path, core: int | None) -> Iterator[Process]:
    process = Process([str(HERE / "bare_routes.py"), str(folder / "bare.db")], core)
    try:
        yield process
    finally:
        process.stop()

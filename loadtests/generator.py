"""The load generator: `loadtests.worker` in a process of its own."""

import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from threading import Timer

import msgspec

from loadtests.target import ISOLATED
from loadtests.trace import Plan, Trace
from scenarios.errors import InputError
from scenarios.loading import Loaded

ROOT = Path(__file__).resolve().parent.parent
START_UP_S = 60.0  # most that the worker may take beside ramp, duration and timeout

Progress = Callable[[str], None]


def plan_of(
    loaded: Loaded,
    target: str,
    token: str,
    customers: list[str],
    *,
    conversations: int,
    ramp_s: float,
    duration_s: float,
    timeout_s: float,
    think_time_mean_s: float,
) -> Plan:
    """The scenario's conversations with these customers (E.164), as a run of its own. Times in s."""
    scenario = loaded.scenario
    return Plan(
        run=secrets.token_hex(4),
        target=target.rstrip("/"),
        token=token,
        conversations=conversations,
        ramp_s=ramp_s,
        duration_s=duration_s,
        timeout_s=timeout_s,
        seed=scenario.experiment.seed,
        think_time_mean_s=think_time_mean_s,
        scripts=scenario.conversations.scripts,
        customers=customers,
    )


def generate(plan: Plan, each_second: Progress) -> Trace:
    """Hold the plan's conversations; `each_second` gets a line. The process ends with this call, whatever
    happens. InputError when it dies.
    """
    with tempfile.TemporaryDirectory(prefix="wavetank-load-") as folder:
        plan_file, trace_file, errors_file = (Path(folder, name) for name in ("plan", "trace", "errors"))
        plan_file.write_bytes(msgspec.json.encode(plan))
        with errors_file.open("wb") as errors:
            status = _work(plan, [str(plan_file), str(trace_file)], errors.fileno(), each_second)
        if status != 0 or not trace_file.is_file():
            lines = errors_file.read_text(encoding="utf-8", errors="replace").split("\n")
            last = next((line.strip() for line in reversed(lines) if line.strip()), "no message")
            raise InputError(f"load test: the load generator ended early with status {status}: {last}")
        return msgspec.json.decode(trace_file.read_bytes(), type=Trace)


def _work(plan: Plan, arguments: list[str], errors: int, each_second: Progress) -> int:
    """The worker's exit status; its lines, one a second, go to `each_second` as they come."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    worker = subprocess.Popen(
        [sys.executable, *ISOLATED, "loadtests.worker", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        start_new_session=True,  # Ctrl-C comes to the caller, who ends it
    )
    overdue = Timer(plan.ramp_s + plan.duration_s + plan.timeout_s + START_UP_S, worker.kill)
    overdue.start()
    try:
        assert worker.stdout is not None  # PIPE, above
        with worker.stdout as lines:
            for line in lines:
                each_second(line.rstrip())
        return worker.wait()
    finally:
        overdue.cancel()
        worker.kill()
        worker.wait()

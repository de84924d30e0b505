"""Engines that run replications: the same bytes from each, and what is shared goes to each worker once."""

import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from scenarios.errors import InputError
from scenarios.loading import Loaded, load
from scenarios.result import encode
from simulator.parallel import Cluster, Task, as_done, in_order
from simulator.run import simulate

TASKS = [Task(0, number) for number in range(1, 9)]


def small() -> Loaded:
    return load("bulk_send", ["population.size=100", "experiment.replications=4"])


class Shared:
    """Notes in a file which processes unpickle it; not this one, which may hold a cluster's scheduler."""

    def __init__(self, notes: Path) -> None:
        self.notes, self.home = notes, os.getpid()

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if os.getpid() != self.home:
            with self.notes.open("a") as lines:
                lines.write(f"{os.getpid()}\n")


def wait_a_little(shared: Shared, number: int) -> int:
    """So that no worker can do all tasks before another has started."""
    time.sleep(0.05)
    return number


def identity(shared: object, number: int) -> int:
    return number


@pytest.fixture(scope="module")
def dask() -> Iterator[Cluster]:
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1") as cluster:
        yield Cluster("dask", cluster.scheduler_address)


@pytest.fixture(scope="module")
def one_process() -> bytes:
    return encode(simulate(small()))


def test_results_come_in_the_order_of_their_tasks() -> None:
    done = [(task, task.number * 10) for task in reversed(TASKS)]
    assert list(in_order(TASKS, iter(done))) == [(task, task.number * 10) for task in TASKS]


def test_what_was_begun_in_vain_is_waited_for_and_left_out() -> None:
    done = iter([(task, task.number) for task in TASKS])
    assert [number for _, number in in_order(TASKS[:3], done)] == [1, 2, 3]
    assert list(done) == []


def test_processes_unpickle_what_is_shared_once_each(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    done = as_done(wait_a_little, [Shared(notes)], TASKS, workers=2)
    assert sorted(done) == [(task, task.number) for task in TASKS]
    workers = notes.read_text().split()
    assert 1 <= len(workers) == len(set(workers)) <= 2


def test_results_may_be_left_before_their_end_without_a_word() -> None:
    done = as_done(identity, [None], TASKS, workers=2)
    next(done)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        done.close()


def test_a_dask_cluster_gives_the_same_bytes(dask: Cluster, one_process: bytes) -> None:
    assert encode(simulate(small(), cluster=dask)) == one_process


def test_dask_workers_unpickle_what_is_shared_once_each(dask: Cluster, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    done = as_done(wait_a_little, [Shared(notes)], TASKS, cluster=dask)
    assert sorted(done) == [(task, task.number) for task in TASKS]
    workers = notes.read_text().split()
    assert 1 <= len(workers) == len(set(workers)) <= 2


def test_a_scheduler_that_does_not_answer_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.parallel.CONNECT_S", 0.2)
    with pytest.raises(
        InputError, match=r"\A--scheduler tcp://127.0.0.1:9: no Dask scheduler answers[^\n]*\Z"
    ):
        list(as_done(identity, [None], TASKS, cluster=Cluster("dask", "tcp://127.0.0.1:9")))


def is_deaf(_shared: object, _number: int) -> bool:
    return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_ctrl_c_reaches_no_worker_however_young() -> None:
    """In a process of its own, whose workers are its first."""
    code = (
        "from test_simulator_parallel import TASKS, as_done, is_deaf\n"
        "print(is_deaf(None, 0), {deaf for _, deaf in as_done(is_deaf, [None], TASKS, workers=2)})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parent, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), str(Path(__file__).parent)])},
    )  # fmt: skip
    assert done.stdout == "False {True}\n", done.stderr


@pytest.mark.parametrize("address", ["nonsense", "tcp://10.0.0.1", "tcp://10.0.0.1:"])
def test_a_scheduler_without_a_port_is_one_line(address: str) -> None:
    with pytest.raises(InputError, match=rf"\A--scheduler {address}: must be an address with a port[^\n]*\Z"):
        list(as_done(identity, [None], TASKS, cluster=Cluster("dask", address)))


@pytest.mark.parametrize("address", ["127.0.0.1:9", "ray://127.0.0.1:9", "somewhere"])
def test_a_ray_cluster_that_does_not_answer_is_one_line(address: str) -> None:
    with pytest.raises(InputError, match=rf"\A--scheduler {address}: no Ray cluster answers[^\n]*\Z"):
        list(as_done(identity, [None], TASKS, cluster=Cluster("ray", address)))


@pytest.mark.skipif(find_spec("ray") is None, reason="ray is not installed (the extra `ray`)")
def test_ray_gives_the_same_bytes(one_process: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ray's own
        assert encode(simulate(small(), cluster=Cluster("ray"))) == one_process


@pytest.mark.skipif(find_spec("ray") is not None, reason="ray is installed")
def test_without_ray_one_line_says_how_to_install_it() -> None:
    with pytest.raises(InputError, match=r"--backend ray: is not installed; pip install 'wavetank\[ray\]'"):
        list(as_done(identity, [None], TASKS, cluster=Cluster("ray")))

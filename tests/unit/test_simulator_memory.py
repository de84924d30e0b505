"""Freed memory is used again."""

import subprocess
import sys

import pytest

ROUNDS = """
import resource
import numpy as np
from simulator.engine.memory import keep_freed

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    arrays = [np.ones(3 << 17) for _ in range(20)]
    del arrays
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

if {keeps}:
    keep_freed()
faults()
print(faults())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the allocator of glibc")
def test_large_arrays_come_from_freed_memory_without_page_faults() -> None:
    kept, given_back = (
        int(subprocess.check_output([sys.executable, "-c", ROUNDS.format(keeps=keeps)]))
        for keeps in (True, False)
    )
    assert kept < given_back / 10

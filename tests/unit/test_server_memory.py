import subprocess
import sys

import pytest

from server.memory import MAPS

PROGRAM = """
import numpy as np
from server.memory import forget_code_of_the_start

def resident_kib():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("RssFile"))

before = resident_kib()
forget_code_of_the_start()
after = resident_kib()
assert np.linalg.inv(np.eye(3) * 2).sum() == 1.5
print(before, after)
"""


@pytest.mark.skipif(not MAPS.exists(), reason="only Linux says what is mapped")
def test_code_that_only_a_start_needs_is_let_go_and_comes_back() -> None:
    told = subprocess.run([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True, check=True)
    before, after = map(int, told.stdout.split())
    assert after < 0.8 * before

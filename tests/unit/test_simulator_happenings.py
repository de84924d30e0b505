import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from simulator.sending.happenings import Calendar, Kind
from simulator.sending.network import BIN_S

HORIZON_S = 10 * BIN_S


@given(st.lists(st.lists(st.floats(0, 12 * BIN_S), max_size=30), max_size=5))
def test_everything_before_the_horizon_comes_once_in_its_bin_and_in_order(parts: list[list[float]]) -> None:
    calendar = Calendar(HORIZON_S)
    for number, part in enumerate(parts):
        columns = np.full(len(part), number, np.int32), np.arange(len(part), dtype=np.int32)
        calendar.add(Kind.READ, np.array(part), *columns)
    seen = []
    for number in range(12):
        found = calendar.take(number)
        if found is not None:
            assert np.all(found.at_s // BIN_S == number)
            assert np.all(np.diff(found.at_s) >= 0)
            seen += found.at_s.tolist()
    assert seen == sorted(at_s for part in parts for at_s in part if at_s < HORIZON_S)
    assert calendar.take(3) is None

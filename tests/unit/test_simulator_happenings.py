import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from simulator.sending.happenings import Calendar, Complaints, Happenings, in_order
from simulator.sending.network import BIN_S, DAY_S

BINS = 300
HORIZON_S = BINS * BIN_S
moments = st.floats(0, 1.2 * HORIZON_S) | st.integers(0, BINS).map(lambda number: number * BIN_S)


@given(st.lists(st.lists(moments, max_size=30), max_size=5))
def test_everything_before_the_horizon_comes_once_in_its_bin(parts: list[list[float]]) -> None:
    calendar = Calendar(HORIZON_S, Happenings)
    for number, part in enumerate(parts):
        columns = np.arange(len(part), dtype=np.int32), np.full(len(part), number, np.int32)
        calendar.add(Happenings(np.array(part), *columns))
    seen = []
    for number in range(BINS):
        found = calendar.take(number)
        assert np.all(found.at_s // BIN_S == number)
        seen += list(zip(*(column.tolist() for column in found), strict=True))
    given_ = [(at_s, row, number) for number, part in enumerate(parts) for row, at_s in enumerate(part)]
    assert sorted(seen) == sorted(one for one in given_ if one[0] < HORIZON_S)
    assert not len(calendar.take(BINS - 1).at_s)


def test_what_is_added_on_the_day_itself_comes_beside_what_waited_for_it() -> None:
    calendar = Calendar(10 * DAY_S, Happenings)
    one = np.zeros(1, np.int32)
    calendar.add(Happenings(np.array([2 * DAY_S + 1]), one, one))
    first = int(2 * DAY_S // BIN_S)
    assert [len(calendar.take(number).at_s) for number in range(first)] == [0] * first
    calendar.add(Happenings(np.array([2 * DAY_S + 0.5]), one, one))
    assert in_order(calendar.take(first)).at_s.tolist() == [2 * DAY_S + 0.5, 2 * DAY_S + 1]


def test_a_bin_without_complaints_has_columns_of_their_kinds() -> None:
    found = Calendar(DAY_S, Complaints).take(0)
    assert [column.dtype.kind for column in found] == ["f", "i", "f", "b"]
    assert not any(len(column) for column in found)

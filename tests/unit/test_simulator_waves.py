"""Messages on their way out as columns, some of which hold one number throughout."""

import numpy as np

from simulator.sending.waves import Wave, constant, in_turns, joined, taken


def wave(due_s: list[float], exposure: int) -> Wave:
    size = len(due_s)
    customer = np.arange(size, dtype=np.int32)
    return Wave(customer, customer, np.array(due_s), constant(exposure, size), constant(0, size))


def test_a_constant_column_is_taken_from_as_any_other() -> None:
    for size in (1, 5):
        column = constant(7, size)
        assert taken(column, np.array([size - 1])).tolist() == [7]
        assert taken(column, slice(0, size)).tolist() == [7] * size
    assert taken(constant(7, 5), np.arange(5)).nbytes == 5 * 4
    assert taken(constant(7, 0), np.empty(0, np.intp)).tolist() == []


def test_what_leaves_together_has_no_constant_columns_and_is_in_order_of_time() -> None:
    for waves in ([wave([1.0], 3)], [wave([1.0, 3.0], 3), wave([2.0, 3.0], 4)]):
        leaving = joined(waves)
        assert all(column.flags.writeable for column in leaving)
        assert np.all(np.diff(leaving.due_s) >= 0)
    assert leaving.exposure.tolist() == [3, 4, 3, 4]


def test_turns_keep_the_order_of_each_customer() -> None:
    customer = np.array([5, 2, 5, 9, 2, 5, 1], np.int32)
    parts = in_turns(customer, np.zeros(10, np.int32))
    rows = [np.arange(len(customer))[part].tolist() for part in parts]
    assert rows == [[0, 1, 3, 6], [2, 4], [5]]

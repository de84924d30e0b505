import numpy as np

from simulator.pending import Held, Wanted


def wanted(*customers: int) -> Wanted:
    return Wanted(*(np.array(customers, np.int32) for _ in Wanted._fields))


def test_what_is_held_comes_out_in_order_as_far_as_there_is_room() -> None:
    held = Held()
    held.add(wanted(1, 2, 3))
    held.add(wanted())
    held.add(wanted(4, 5))
    assert (len(held), len(held.parts)) == (5, 2)
    assert held.take(0).customer.tolist() == held.take(-3).customer.tolist() == []
    assert held.take(2).customer.tolist() == [1, 2]
    assert held.take(2).customer.tolist() == [3, 4]
    assert held.take(9).customer.tolist() == [5]
    assert (len(held), len(held.take(1).customer)) == (0, 0)

import numpy as np
import pytest

from scenarios.loading import load
from simulator.engine.exposures import exposures_of
from simulator.engine.pending import Held, Pending, Wanted
from simulator.world import world_of


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


@pytest.mark.parametrize("scan_every_h", [0.05, 0.7, 1.0, 2.0, 8.508526404179426, 24.0])
def test_each_scan_comes_once_whatever_its_times_are_rounded_to(scan_every_h: float) -> None:
    settings = ["population.size=20", f"programme.scan_every_h={scan_every_h}"]
    world = world_of(load("daily_programme", settings))
    pending = Pending(world.scenario, exposures_of(world), world.customers.malformed)
    now_s = 0.0
    for number in range(1, int(world.horizon_s / 3600 / scan_every_h)):
        pending.add(wanted(1), np.array([(number - 0.5) * scan_every_h * 3600]))
        wake_s = pending.next_scan_s(now_s, np.inf)
        now_s += wake_s - now_s
        assert wake_s == pytest.approx(number * scan_every_h * 3600)
        assert len(pending.take(now_s).customer) == 1

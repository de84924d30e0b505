import numpy as np

from scenarios.loading import load
from simulator.network import DAY_S, exceeds
from simulator.sender import NONE, Sender, Sends, joined, unplanned
from simulator.world import World, world_of

OLD_S = -1e7


def world() -> World:
    return world_of(load("bulk_send", ["population.size=2000", "pacing.rate_per_hour=100"]))


def messages(world: World, first: int, last: int, release_s: float = 0.0) -> Sends:
    customer = world.recipients[first:last]
    return unplanned(customer, 0, np.zeros(len(customer), np.int16), np.full(len(customer), release_s))


def plan(sender: Sender, world: World, sends: Sends, start_s: float = 0.0) -> Sends:
    planned, refused = sender.plan(sends, world.customers.consent, start_s)
    assert refused == 0
    return planned


def test_plans_are_in_seconds_from_the_start() -> None:
    base = world()
    sends = plan(Sender(base, np.full(2, OLD_S), 1), base, messages(base, 0, 200), 600.0)
    assert len(sends.customer) == 200
    assert 600.0 <= sends.due_s.min() < 601.0
    assert sends.due_s.max() < 2 * DAY_S
    assert set(sends.account.tolist()) == {0, 1}


def test_release_is_kept() -> None:
    base = world()
    sends = plan(Sender(base, np.full(2, OLD_S), 1), base, messages(base, 0, 50, 3600.0))
    assert sends.due_s.min() >= 3600.0


def test_rounding_never_puts_a_send_before_its_time() -> None:
    base = world()
    sender = Sender(base, np.full(50, OLD_S), 1)
    for turn in range(30):
        start_s = 4 * 3600 + 0.93210054 + turn * 3e-7
        planned = plan(sender, base, messages(base, turn, turn + 1, start_s), start_s)
        assert start_s <= planned.due_s[0] < start_s + 1e-6


def test_who_does_not_consent_is_refused() -> None:
    base = world()
    sends = messages(base, 0, 10)
    consent = base.customers.consent.copy()
    consent[sends.customer[:4]] = False
    planned, refused = Sender(base, np.full(2, OLD_S), 1).plan(sends, consent, 0.0)
    assert refused == 4
    assert planned.customer.tolist() == sends.customer[4:].tolist()


def test_a_closed_account_gets_nothing() -> None:
    base = world()
    sender = Sender(base, np.full(2, OLD_S), 1)
    sender.close(0, 0.0)
    assert set(plan(sender, base, messages(base, 0, 50)).account.tolist()) == {1}


def test_another_account_keeps_what_the_others_have_sent_and_planned() -> None:
    base = world()
    first_send_s = np.full(2, OLD_S)
    sender = Sender(base, first_send_s, 1)
    before = plan(sender, base, messages(base, 0, 150))
    sender.open(np.append(first_send_s, np.inf), np.array([True, True, True]), before)
    whole = joined(before, plan(sender, base, messages(base, 150, 500)))
    assert set(whole.account.tolist()) == {0, 1, 2}
    order = np.lexsort((whole.due_s, whole.account))
    account, due_s = whole.account[order], whole.due_s[order]
    assert not exceeds(account, due_s, 100, 3600.0).any()
    assert not exceeds(account, due_s, 12, 60.0).any()
    assert (whole.account == 2).sum() <= 50  # new: warms up


def test_nothing_is_no_messages() -> None:
    assert [len(column) for column in NONE] == [0] * len(NONE)

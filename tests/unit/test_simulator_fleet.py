import numpy as np
import pytest

from scenarios.schema import Accounts
from simulator.sending.fleet import Fleet
from simulator.sending.network import DAY_S

FIRST_S = np.array([-120 * DAY_S, np.inf])


def test_endurance_is_standard_exponential() -> None:
    drawn = Fleet(Accounts(), np.full(4000, np.inf), 0, 1, 1).endurance
    assert drawn.mean() == pytest.approx(1, abs=5 / 4000**0.5)
    assert np.mean(drawn > 2) == pytest.approx(np.exp(-2), abs=5 * (0.117 / 4000) ** 0.5)


def test_endurance_is_the_accounts_own() -> None:
    few, many = (Fleet(Accounts(), np.full(n, np.inf), 0, 1, 1).endurance for n in (3, 8))
    assert np.array_equal(few, many[:3])


def test_old_accounts_have_an_age_and_new_ones_none() -> None:
    fleet = Fleet(Accounts(age_months=4.0), FIRST_S, 0, 1, 1)
    assert fleet.birth_s.tolist() == [-120 * DAY_S, 0.0]


def test_accounts_of_groups_follow_the_others_and_are_as_old() -> None:
    fleet = Fleet(Accounts(age_months=4.0), FIRST_S, 2, 1, 1)
    assert fleet.size == 4
    assert fleet.birth_s[2:].tolist() == fleet.first_send_s[2:].tolist() == [-120 * DAY_S] * 2


def test_a_replacement_is_bought_new_and_open() -> None:
    fleet = Fleet(Accounts(), FIRST_S, 0, 1, 1)
    fleet.closed_s[0] = 5.0
    assert fleet.add(9.0) == 2
    assert fleet.bought.tolist() == [False, False, True]
    assert fleet.is_open.tolist() == [False, True, True]
    assert fleet.opened_s[2] == fleet.birth_s[2] == 9.0
    assert np.isinf(fleet.first_send_s[2])
    assert {len(column) for column in vars(fleet).values() if isinstance(column, np.ndarray)} == {3}

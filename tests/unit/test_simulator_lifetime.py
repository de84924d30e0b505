from dataclasses import dataclass

import msgspec
import numpy as np
import pytest

from scenarios.loading import load
from scenarios.schema import Costs
from simulator.customers.organic import WEEK_S, Organic, bgnbd_of, organic_of
from simulator.customers.purchases import expected_repeats
from simulator.customers.traits import Hidden, Traits, hidden_of, traits_of
from simulator.results.ledger import Amounts, Ledger, ledger_of
from simulator.results.lifetime import lifetime_value_usd
from simulator.sending.network import DAY_S

SIZE = 200_000
SCENARIO = load("bulk_send").scenario
COSTS = msgspec.structs.replace(SCENARIO.costs, gross_margin=1.0, discount_per_year=0.0)


@dataclass
class People:
    traits: Traits
    hidden: Hidden
    organic: Organic
    ledger: Ledger
    horizon_s: float

    def value(self, costs: Costs) -> float:
        return lifetime_value_usd(
            costs, costs.gross_margin, self.ledger, self.traits, self.hidden, self.organic, self.horizon_s
        )


def simulated(days: float, number: int = 1) -> People:
    traits = traits_of(SCENARIO, ("all",), np.zeros(SIZE, np.int8))
    hidden = hidden_of(traits, 1, number, 0.0)
    organic = organic_of(SCENARIO.purchases, traits, hidden, 1, number, days * DAY_S)
    entries = Amounts(organic.at_s, np.full(len(organic.at_s), -1, np.int32), organic.cents.astype(float))
    none = np.empty(0)
    ledger = ledger_of(
        COSTS,
        np.zeros((1, 2, 0), np.int64),
        np.zeros((1, 0), np.int64),
        none,
        none,
        none.astype(bool),
        0.0,
        organic_cents=entries,
    )
    return People(traits, hidden, organic, ledger, days * DAY_S)


def mean_order_usd() -> float:
    people = SCENARIO.population
    return float(people.order_value_median_usd * np.exp(people.order_value_log_sd**2 / 2))


@pytest.mark.parametrize("days", [1, 90, 364])
def test_without_discount_it_is_what_the_model_expects_however_much_was_simulated(days: float) -> None:
    parameters, ages = bgnbd_of(SCENARIO.purchases), (np.arange(5000) + 0.5) / 5000 * 365 / 7
    orders = expected_repeats(parameters, ages + 365 * DAY_S / WEEK_S) - expected_repeats(parameters, ages)
    found = simulated(days).value(COSTS)
    assert found == pytest.approx(orders.mean() * mean_order_usd(), rel=0.02)  # four standard errors


def test_what_is_expected_beyond_the_horizon_is_what_is_then_simulated() -> None:
    """The same customers with the same luck until day 30: the rest of the year expected and played out."""
    costs = msgspec.structs.replace(COSTS, discount_per_year=0.5)
    pairs = [
        (simulated(30, number).value(costs), simulated(365, number).value(costs)) for number in range(1, 9)
    ]
    gaps = np.array([expected - played for expected, played in pairs])
    assert abs(gaps.mean()) < 4 * gaps.std(ddof=1) / len(gaps) ** 0.5
    assert np.mean(pairs) > 0


def test_discount_and_margin_lower_it_and_a_longer_horizon_raises_it() -> None:
    people = simulated(30)
    base = people.value(COSTS)
    assert people.value(msgspec.structs.replace(COSTS, gross_margin=0.25)) == pytest.approx(base / 4)
    assert people.value(msgspec.structs.replace(COSTS, discount_per_year=0.1)) < base
    assert people.value(msgspec.structs.replace(COSTS, ltv_horizon_days=730.0)) > base


def test_what_is_bought_after_the_ltv_horizon_does_not_count() -> None:
    week = msgspec.structs.replace(COSTS, ltv_horizon_days=7.0)
    assert simulated(30).value(week) == pytest.approx(simulated(7).value(week))


def test_a_discount_is_that_of_the_year_later() -> None:
    people = simulated(365)
    late = people.ledger._replace(time_s=np.full_like(people.ledger.time_s, 365 * DAY_S))
    people.ledger = late
    half = msgspec.structs.replace(COSTS, discount_per_year=1.0)
    assert people.value(half) == pytest.approx(people.value(COSTS) / 2)

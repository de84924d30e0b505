from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from scenarios import provenance
from scenarios.errors import InputError
from scenarios.loading import Loaded, load
from simulator.customers.histories import FITTED, fitted, known_of, past_of, purchases_of
from simulator.customers.organic import organic_of
from simulator.customers.purchases import Bgnbd, simulate
from simulator.engine.replication import Replication
from simulator.world import world_of

TRUE = Bgnbd(r=2.0, alpha=8.0, a=1.5, b=4.0)
CUSTOMERS, PROSPECTS = 800, 50
START = load("bulk_send").scenario.experiment.start


def write_orders(folder: Path, lines: list[str]) -> Path:
    contacts = [f"+3319900{row:04d},N,UTC,bought,yes,V{row},c{row}" for row in range(CUSTOMERS + PROSPECTS)]
    header = "phone,name,timezone,tags,consent,voucher,customer"
    (folder / "contacts.csv").write_text("\n".join([header, *contacts]) + "\n", encoding="utf-8")
    (folder / "orders.csv").write_text("\n".join(["customer,date,value", *lines]) + "\n", encoding="utf-8")
    scenario = folder / "mine.toml"
    scenario.write_text(
        'extends = "bulk_send"\nname = "mine"\n[population]\ncontacts = "contacts.csv"\norders = "orders.csv"\n',
        encoding="utf-8",
    )
    return scenario


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Customers who first bought 20 to 60 weeks ago, simulated with known parameters."""
    luck = np.random.default_rng(1)
    first = luck.uniform(0, 40, CUSTOMERS)
    bought = simulate(TRUE, first, 60.0, 1, 1)
    own = luck.normal(0, 0.4, CUSTOMERS)
    who = np.concatenate([np.arange(CUSTOMERS), bought.customer])
    weeks_ago = 60 - np.concatenate([first, bought.at])
    usd = np.exp(3 + own[who] + luck.normal(0, 0.3, len(who)))
    return write_orders(
        tmp_path_factory.mktemp("orders"),
        [
            f"c{customer},{(START - timedelta(weeks=ago)).isoformat()},{value:.2f}"
            for customer, ago, value in zip(who.tolist(), weeks_ago.tolist(), usd.tolist(), strict=True)
        ],
    )


@pytest.fixture(scope="module")
def loaded(scenario: Path) -> Loaded:
    return load(str(scenario), ["experiment.horizon_days=84", "population.size=850"])


def test_what_was_put_in_is_fitted(loaded: Loaded) -> None:
    known = known_of(loaded)
    assert known is not None
    assert known.fit.parameters == pytest.approx(TRUE, rel=0.35)
    assert known.values == pytest.approx((3.0, 0.4, 0.3), rel=0.1)
    assert known.customers == CUSTOMERS
    assert known.facts()["contacts_without_orders"] == PROSPECTS


def test_the_fit_takes_the_place_of_the_defaults_and_is_named_as_the_source(loaded: Loaded) -> None:
    scenario, known = fitted(loaded).scenario, known_of(loaded)
    assert known is not None
    assert scenario.purchases.r == known.fit.parameters.r
    assert scenario.population.order_value_median_usd == pytest.approx(np.exp(known.values.mean_log_usd))
    sources = {row.path: row.source for row in provenance.rows(fitted(loaded))}
    assert all(sources[path].startswith("fitted: orders.csv, ") for path in FITTED)
    assert fitted(fitted(loaded)) == fitted(loaded)


def test_customers_follow_from_their_own_orders(loaded: Loaded) -> None:
    """The frequent of the past buy more, the big spenders spend more, prospects buy nothing."""
    world = world_of(loaded)
    run = Replication(world, 1)
    counts = np.bincount(run.organic.customer, minlength=CUSTOMERS + PROSPECTS)
    assert counts[CUSTOMERS:].sum() == 0
    past = world.traits.past
    assert past is not None
    often = np.argsort(past.repeats[:CUSTOMERS])
    assert counts[often[-200:]].mean() > 3 * counts[often[:200]].mean()
    spent = past.value_log_mean[:CUSTOMERS]
    assert np.corrcoef(np.log(run.hidden.value_scale[:CUSTOMERS]), spent)[0, 1] > 0.7


def test_as_much_is_bought_as_the_histories_let_expect(loaded: Loaded) -> None:
    """Equation 10 of the paper, summed over customers, against 40 replications."""
    from simulator.customers.purchases import History, expected_next
    from simulator.customers.traits import hidden_of

    world, known = world_of(loaded), known_of(loaded)
    assert known is not None
    repeats, recency, age = (column[:CUSTOMERS].astype(float) for column in known.past[:3])
    expected = expected_next(known.fit.parameters, History(repeats, recency, age), 12.0).sum()
    hidden = hidden_of(world.traits, 1, 1, 0.0)
    totals = [
        len(organic_of(world.scenario.purchases, world.traits, hidden, 1, number, world.horizon_s).at_s)
        for number in range(1, 41)
    ]
    assert np.mean(totals) == pytest.approx(expected, abs=4 * float(np.std(totals, ddof=1)) / 40**0.5)


def test_rows_drawn_again_share_the_past_of_their_row(loaded: Loaded) -> None:
    row = np.array([3, 3, 820], np.int32)
    past = past_of(known_of(loaded), row)
    assert past is not None
    assert past.repeats[0] == past.repeats[1] >= 0
    assert past.repeats[2] == -1
    assert past_of(None, row) is None


def test_known_purchases_go_to_every_customer_of_the_row(loaded: Loaded) -> None:
    known = known_of(loaded)
    assert known is not None
    row = np.array([820, 3, 5, 3], np.int32)  # the first never bought
    found = purchases_of(known, row)
    for customer, of_row in enumerate(row.tolist()):
        mine, his = found.customer == customer, known.bought.customer == of_row
        assert sorted(found.at_s[mine]) == sorted(known.bought.at_s[his])
        assert found.cents[mine].sum() == known.bought.cents[his].sum()
    assert len(found.at_s) > 0


def test_orders_of_one_day_are_one_purchase(scenario: Path, loaded: Loaded, tmp_path: Path) -> None:
    _, *lines = (scenario.parent / "orders.csv").read_text(encoding="utf-8").splitlines()
    once, twice = known_of(loaded), known_of(load(str(write_orders(tmp_path, lines + lines))))
    assert once is not None
    assert twice is not None
    assert np.array_equal(once.past.repeats, twice.past.repeats)
    assert np.allclose(twice.bought.cents, 2 * once.bought.cents, atol=1)


def test_a_parameter_that_orders_decide_cannot_be_stated_too(scenario: Path) -> None:
    with pytest.raises(
        InputError, match=r"mine.toml: purchases.r: is stated, but population.orders decides it"
    ):
        known_of(load(str(scenario), ["purchases.r=0.5"]))


def test_orders_that_cannot_be_fitted_name_their_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"orders.csv: purchases: no customer bought again"):
        known_of(load(str(write_orders(tmp_path, ["c1,2026-03-01,5", "c2,2026-03-01,5"]))))


def test_a_missing_file_of_orders_is_named() -> None:
    with pytest.raises(InputError, match=r"population.orders: found .*none.csv.*; no such file"):
        load("bulk_send", ["population.orders=none.csv"])

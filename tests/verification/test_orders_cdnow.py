"""The CDNOW sample as a user would give it: contacts and orders as CSV, fitted, conditioned, simulated on."""

import cdnow
import numpy as np
import pytest
from cdnow import BEGIN, FITTED_WEEKS, Transactions
from verification_table import Table

from scenarios.loading import Loaded, load
from simulator.customers.histories import known_of
from simulator.customers.organic import organic_of
from simulator.customers.purchases import expected_next
from simulator.customers.traits import hidden_of
from simulator.world import world_of

PART = "Orders: CDNOW as a user's CSV"
PUBLISHED = {"r": 0.243, "alpha_weeks": 4.414, "a": 0.793, "b": 2.426}
REPLICATIONS = 100


@pytest.fixture(scope="module")
def bought() -> Transactions:
    return cdnow.transactions()


@pytest.fixture(scope="module")
def loaded(bought: Transactions, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """Orders of the first 39 weeks; the experiment starts on their last day and lasts the other 39."""
    folder, last_day = tmp_path_factory.mktemp("cdnow"), 7 * FITTED_WEEKS - 1
    size, start = len(bought.first_day), BEGIN + np.timedelta64(last_day, "D")
    contacts = [f"+3319900{row:04d},N,UTC,bought,yes,V{row},c{row}" for row in range(size)]
    orders = [
        f"c{customer},{BEGIN + np.timedelta64(day, 'D')},10"
        for customer, day in zip(bought.customer.tolist(), bought.day.tolist(), strict=True)
        if day <= last_day
    ]
    header = "phone,name,timezone,tags,consent,voucher,customer"
    (folder / "contacts.csv").write_text("\n".join([header, *contacts]), encoding="utf-8")
    (folder / "orders.csv").write_text("\n".join(["customer,date,value", *orders]), encoding="utf-8")
    (folder / "cdnow.toml").write_text(
        f"""extends = "bulk_send"
name = "cdnow"
population = {{ contacts = "contacts.csv", orders = "orders.csv", size = {size} }}
experiment = {{ start = {start}T00:00:00Z, horizon_days = {7 * FITTED_WEEKS} }}
campaign = {{ start = {start}T00:00:00Z }}
""",
        encoding="utf-8",
    )
    return load(str(folder / "cdnow.toml"))


def test_the_fit_to_the_files_is_the_published_one(table: Table, loaded: Loaded) -> None:
    known = known_of(loaded)
    assert known is not None
    facts = known.facts()
    for name, published in PUBLISHED.items():
        table.exact(PART, f"{name}: published, fitted", published, facts[name], 0.0005, "printed digits")
    what = "log-likelihood: published, fitted"
    table.exact(PART, what, -9582.4, facts["log_likelihood"], 0.05, "printed digits")


def test_customers_go_on_from_their_own_orders_as_the_paper_expects(
    table: Table, bought: Transactions, loaded: Loaded
) -> None:
    """Conditional expectations (equation 10) by how often each has bought so far, and the holdout itself."""
    world, known = world_of(loaded), known_of(loaded)
    assert known is not None
    history = cdnow.history(bought, FITTED_WEEKS)
    expected = expected_next(known.fit.parameters, history, FITTED_WEEKS)
    hidden = hidden_of(world.traits, 1, 1, 0.0)
    counts = [
        np.bincount(
            organic_of(world.scenario.purchases, world.traits, hidden, 1, number, world.horizon_s).customer,
            minlength=len(expected),
        )
        for number in range(1, REPLICATIONS + 1)
    ]
    for repeats, rows in (
        ("no", history.frequency == 0),
        ("1", history.frequency == 1),
        ("2 to 6", (history.frequency > 1) & (history.frequency < 7)),
        ("7 or more", history.frequency > 6),
    ):
        what = (
            f"purchases in weeks 40 to 78 of customers with {repeats} repeats so far, expected and simulated"
        )
        table.mean(PART, what, float(expected[rows].sum()), [float(count[rows].sum()) for count in counts])

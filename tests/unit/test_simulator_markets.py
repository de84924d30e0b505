from datetime import UTC, datetime

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from scenarios.loading import load
from scenarios.phones import region_of
from server.network.limits import IN_SERVICE
from server.network.pricing import MonthlyCount, charge, price_usd
from server.network.rules import rules_at
from simulator.sending.markets import UNIT_USD, Markets, Prices, markets_of
from simulator.sending.network import DAY_S

HORIZON_S = 90 * DAY_S
EPOCH_S = datetime(2026, 8, 20, 7, tzinfo=UTC).timestamp()
BOTH = Markets(("BR", "DE"), np.array([0, 1], np.int16))


def test_a_number_tells_its_region() -> None:
    numbers = ("+16135550123", "+12125550123", "+77012345678", "+442079460001", "+80012345678", "x")
    assert [region_of(number) for number in numbers] == ["CA", "US", "KZ", "GB", "001", None]


def test_markets_are_those_of_the_contacts_numbers_or_the_one_stated() -> None:
    rows = np.array([0, 1, 1], np.int32)
    own = markets_of(load("bulk_send", ["accounts.kind=business"]), rows)
    assert [own.names[of] for of in own.of] == ["US", "GB", "GB"]
    stated = markets_of(load("bulk_send", ["accounts.kind=business", "business.market=IN"]), rows)
    assert [stated.names[of] for of in stated.of] == ["IN"] * 3


@given(
    st.lists(
        st.tuples(
            st.sampled_from([0, 1]), st.sampled_from([0, 1]), st.floats(0, HORIZON_S, exclude_max=True)
        ),
        max_size=300,
    ),
    st.integers(1, 40),
)
def test_answers_cost_what_they_would_one_by_one(answers: list[tuple[int, int, float]], copies: int) -> None:
    answers = sorted((row for row in answers for _ in range(copies)), key=lambda row: row[2])
    counts = [MonthlyCount(), MonthlyCount()]
    expected = []
    for customer, account, at_s in answers:
        now_s = EPOCH_S + at_s
        told = charge(rules_at(now_s).pricing, "service", IN_SERVICE, counts[account].add(now_s))
        expected.append(price_usd(told, BOTH.names[customer], datetime.fromtimestamp(now_s, UTC).date()))
    columns = np.array(answers).reshape(-1, 3)
    found = Prices("service", BOTH, EPOCH_S, HORIZON_S).answers(
        columns[:, 0].astype(np.int32), columns[:, 1].astype(np.int32), columns[:, 2]
    )
    assert np.allclose(found * UNIT_USD, expected, atol=1e-12)

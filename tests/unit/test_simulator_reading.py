from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from server.network.limits import CapParameters, allowances
from server.network.marketing_cap import MarketingCap
from simulator.sending.happenings import Happenings
from simulator.sending.reading import Reading

CUSTOMERS = 4
CAP = CapParameters(least=0, most=120)  # so that the rate shows in the allowance
events = st.lists(st.tuples(st.integers(0, CUSTOMERS - 1), st.booleans()), max_size=12)


@given(st.lists(events, max_size=4), st.randoms(use_true_random=False))
def test_each_message_counts_in_its_turn(parts: list[list[tuple[int, bool]]], order: Random) -> None:
    """Against the state machine, told one by one; here a part comes at once, and in any order."""
    cap, now_s = MarketingCap(CAP), 0.0
    reading = Reading(CUSTOMERS, CAP.read_prior, CAP.read_weight)
    for part in parts:
        rows = []
        for customer, is_read in part:
            now_s += 1.0
            (cap.read if is_read else cap.delivered)(now_s, customer)
            rows.append((now_s, customer, is_read))
        order.shuffle(rows)
        sides = (
            Happenings(
                np.array([at_s for at_s, _, of in rows if of is side], np.float64),
                np.array([who for _, who, of in rows if of is side], np.int32),
                np.zeros(sum(of is side for *_, of in rows), np.int32),
            )
            for side in (False, True)
        )
        reading.learn(*sides)
        assert allowances(CAP, reading.rate).tolist() == [cap.allowance(who) for who in range(CUSTOMERS)]

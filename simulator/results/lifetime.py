"""Lifetime value: what customers bring from the start on, discounted, as far as costs.ltv_horizon_days.

Within the simulated horizon it is what was bought. Beyond it, it is what the BG/NBD model expects of those
who are still active; the simulator knows the rate L and the dropout p of each, so no posterior is needed.
While active a customer buys at rate L, and a time t later still is active with probability exp(-L p t)
(equation 7 of Fader, Hardie & Lee 2005 integrates their product). Discounted at a continuous rate d, what an
active customer buys in a time T from now is therefore worth, in orders,

    L (1 - exp(-(L p + d) T)) / (L p + d).

Values of orders are independent of rates, as in Fader, Hardie & Lee (2005b), "RFM and CLV", Journal of
Marketing Research 42(4):415-430, whose discounted expected transactions this sum is for BG/NBD.
"""

import numpy as np

from scenarios.schema import Costs
from simulator.customers.organic import Organic
from simulator.customers.traits import Hidden, Traits
from simulator.results.ledger import Cause, Ledger
from simulator.sending.network import DAY_S
from simulator.statistics.streams import blocks
from simulator.statistics.sums import dot

YEAR_S = 365 * DAY_S


def lifetime_value_usd(
    costs: Costs,
    order_margin: float,
    ledger: Ledger,
    traits: Traits,
    hidden: Hidden,
    organic: Organic,
    horizon_s: float,
) -> float:
    """Mean gross profit of a customer of the population, in USD of the start.

    All revenue in the ledger counts, whatever its cause: at `order_margin` what messages brought, at
    `costs.gross_margin` what came of itself. What is expected beyond the horizon is organic. If
    the horizon is longer than `ltv_horizon_days`, later revenue does not count.
    """
    until_s = costs.ltv_horizon_days * DAY_S
    discount_per_s = float(np.log1p(costs.discount_per_year)) / YEAR_S
    margins = {Cause.ORDER: order_margin, Cause.ORGANIC: costs.gross_margin}
    total = 0.0
    for cause, margin in margins.items():
        earned = (ledger.cause == cause) & (ledger.time_s <= until_s)
        worth = dot(ledger.amount_usd[earned], np.exp(-discount_per_s * ledger.time_s[earned]))
        total += margin * worth
    if horizon_s < until_s:
        ahead = _expected_usd(traits, hidden, organic, horizon_s, until_s - horizon_s, discount_per_s)
        total += costs.gross_margin * float(np.exp(-discount_per_s * horizon_s)) * ahead
    return total / traits.size


def _expected_usd(
    traits: Traits, hidden: Hidden, organic: Organic, since_s: float, ahead_s: float, discount_per_s: float
) -> float:
    """Value of what all customers are expected to buy in `ahead_s` from `since_s` on, discounted to then."""
    mean_usd = traits.order_value.typical_usd * float(np.exp(traits.order_value.within_log_sd**2 / 2))
    total = 0.0
    for _, rows in blocks(traits.size):
        rate = organic.buyers.rate_per_s[rows]
        ends = rate * organic.buyers.dropout[rows] + np.float32(discount_per_s)
        span = np.maximum(ends * np.float32(ahead_s), np.finfo(np.float32).tiny)
        orders = rate * np.float32(ahead_s) * (-np.expm1(-span) / span)
        active = organic.lapsed_s[rows] > since_s
        total += float(np.sum((orders * hidden.value_scale[rows])[active], dtype=np.float64))
    return mean_usd * total

"""Hand-made comparisons for the tests of their words, figure and document."""

from scenarios.comparison import Compared, Comparison, Difference
from scenarios.kpis import UNITS
from scenarios.loading import load
from scenarios.provenance import rows
from scenarios.result import Kpi, kpi, provenance_of

BASE: dict[str, Kpi] = {
    "messages_sent": kpi("messages_sent", 9350.0),
    "click_rate": kpi("click_rate", 0.0832, 0.082, 0.0844),
    "orders": kpi("orders", 63.0, 60.0, 66.0),
    "cac_usd": kpi("cac_usd", 1.33, 1.28, 1.38),
    "accounts_banned": kpi("accounts_banned", 0.0),
    "account_ban_rate": kpi("account_ban_rate", 0.012),
    "send_duration_s": kpi("send_duration_s", 18_527.0, 18_500.0, 18_554.0),
}


def difference(name: str, value: float, low: float, high: float) -> Difference:
    return Difference(value, low, high, UNITS[name], not low <= 0 <= high)


def comparison(**variants: dict[str, tuple[float, float, float]]) -> Comparison:
    """Variants by the (value, low, high) of their differences; KPIs that are not named are the same."""
    family = len(variants)
    return Comparison(
        scenario="bulk_send",
        seed=1,
        replications=20,
        confidence=0.95,
        family=family,
        adjusted_confidence=1 - 0.05 / family,
        base=BASE,
        variants={
            name: Compared(
                [f"campaign.title={name}"],
                BASE,
                {each: difference(each, *differs.get(each, (0.0, 0.0, 0.0))) for each in BASE},
            )
            for name, differs in variants.items()
        },
        provenance=provenance_of(rows(load("bulk_send"))),
    )


def two_variants() -> Comparison:
    return comparison(
        fast={"account_ban_rate": (0.00209, 0.00209, 0.00209), "send_duration_s": (-275.0, -276.1, -273.9)},
        click={
            "orders": (7.3, 5.6, 9.1),
            "click_rate": (0.009, 0.0083, 0.0097),
            "cac_usd": (-0.02, -0.05, 0.01),
            "accounts_banned": (0.05, -0.05, 0.15),
        },
    )


def no_difference() -> Comparison:
    return comparison(same={})

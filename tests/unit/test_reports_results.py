from rich.console import Console

from reports.terminal import kpi_table, tier_table
from scenarios.result import Kpi, Result, Tier, in_own_currency, kpi


def printed(table: object) -> str:
    console = Console(width=100)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def share(value: float) -> Kpi:
    return Kpi(value, value, value, "fraction")


def test_tiers_are_a_row_each() -> None:
    text = printed(
        tier_table([Tier("champions", share(0.2), share(0.55)), Tier("none", share(0.8), share(0.45))])
    )
    assert [line.split() for line in text.splitlines()[1:]] == [
        ["champions", "20.0%", "55.0%"],
        ["none", "80.0%", "45.0%"],
    ]


def test_money_stands_in_ones_own_currency_below() -> None:
    kpis = {"cac_usd": kpi("cac_usd", 2.0)}
    result = Result(
        kind="simulation",
        scenario="mine",
        seed=1,
        replications=2,
        horizon_s=1.0,
        kpis=kpis,
        own_currency=in_own_currency(kpis, "CNY", 7.0),
    )
    assert [line.split()[0] for line in printed(kpi_table(result)).splitlines()[1:]] == ["cac_usd", "cac_cny"]

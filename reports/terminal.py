"""Results on a terminal: tables and lines of plain text."""

from typing import Any

import msgspec
from rich.table import Table
from rich.text import Text

from reports.comparison import reading_notes, sentences, table_rows
from scenarios.comparison import Comparison
from scenarios.provenance import Row
from scenarios.result import OwnCurrency, Precision, Result, Tier, Verdict

LONGEST_VALUE = 60


def parameter_lines(row: Row) -> tuple[str, str]:
    """A parameter with its value and unit, and its meaning with its source."""
    value = f"{row.path} = {_short(row.value)} {row.unit}".rstrip()
    return value, f"    {row.meaning}; source: {row.source}"


def _short(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], msgspec.Struct):
        return f"{len(value)} entries"
    text = str(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 3]}..."


def kpi_table(answer: Result) -> Table:
    """KPIs with their intervals and units."""
    table = Table("KPI", box=None, pad_edge=False)
    for name in ("value", "low", "high"):
        table.add_column(name, justify="right")
    table.add_column("unit")
    own = answer.own_currency.kpis if isinstance(answer.own_currency, OwnCurrency) else {}
    for name, kpi in (answer.kpis | own).items():
        table.add_row(name, *(f"{number:,.6g}" for number in (kpi.value, kpi.low, kpi.high)), kpi.unit)
    return table


def tier_table(tiers: list[Tier]) -> Table:
    """Tiers of customers by recency, frequency and money, with their shares."""
    table = Table("tier (recency, frequency, money)", box=None, pad_edge=False)
    for name in ("customers", "revenue"):
        table.add_column(name, justify="right")
    for tier in tiers:
        table.add_row(tier.name, f"{tier.customers.value:.1%}", f"{tier.revenue.value:.1%}")
    return table


def verdict_line(verdict: Verdict) -> str:
    """A service level and whether it is met."""
    sign = ">=" if verdict.least else "<="
    state = "met   " if verdict.met else "MISSED"
    return f"{state} {verdict.kpi} {verdict.value:.4g} {sign} {verdict.bound:.4g} ({verdict.service_level})"


def precision_line(precision: Precision, replications: int) -> str:
    """What was asked, what was achieved, and what would have been needed (the square law)."""
    asked, achieved = precision.asked, precision.achieved
    got = "has no mean to compare with" if achieved is None else f"±{achieved:.2%} of the mean"
    line = f"precision: {precision.kpi} {got} after {replications:,} replications; asked ±{asked:.2%}"
    if precision.first is not None:
        return f"{line}, held since replication {precision.first:,}"
    if achieved is not None:
        needed = replications * (achieved / asked) ** 2
        line += f"; about {needed:,.0f} would be needed" if achieved > asked else ", but not held long enough"
    return f"{line}. NOT reached within {precision.budget:,}; raise --max-replications or --precision"


def comparison_table(answer: Comparison) -> Table:
    """A row for each KPI that differs; no rows when none does."""
    table = Table("KPI", box=None, pad_edge=False)
    table.add_column(f"base: {answer.scenario}", justify="right", no_wrap=True)
    for name in answer.variants:
        table.add_column(Text(name), no_wrap=True)
    for row in table_rows(answer):
        table.add_row(row.label, row.base, *(f"{cell.word}  {cell.figures}".rstrip() for cell in row.cells))
    return table


def comparison_paragraphs(answer: Comparison) -> tuple[list[str], ...]:
    """What can be told apart, what each variant is, and how to read the intervals."""
    settings = [f"{name}: {', '.join(variant.settings)}" for name, variant in answer.variants.items()]
    return sentences(answer), settings, reading_notes(answer)

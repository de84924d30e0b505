"""Results on a terminal: tables and lines of plain text."""

import json
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from reports.comparison import SAME, UNCLEAR, best_sentence, reading_notes, sentences, table_rows
from reports.comparison import Row as KpiRow
from scenarios.comparison import Best, Comparison
from scenarios.provenance import Row
from scenarios.result import OwnCurrency, Precision, Result, Tier, Verdict, WarmUp
from scenarios.trace import Entry

LONGEST_VALUE = 60
WIDEST = 10_000  # characters: nothing is broken
UNCLEAR_NOTE = (
    "Unclear: the interval includes 0; there may be no difference, or one for more replications to tell."
)


def parameter_lines(row: Row) -> tuple[str, str]:
    """A parameter with its value and unit, and its meaning with its source."""
    value = f"{row.path} = {_short(row.value)} {row.unit}".rstrip()
    return value, f"    {row.meaning}; source: {row.source}"


def _short(value: Any) -> str:
    """As a file would state it."""
    if isinstance(value, datetime):
        return value.isoformat()
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 3]}..."


def kpi_table(answer: Result) -> Table:
    """KPIs with their intervals and units."""
    table = Table(box=None, pad_edge=False)
    table.add_column(
        "KPI", no_wrap=True, overflow="ignore"
    )  # a name that is cut is none; units break instead
    for name in ("value", "low", "high"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("unit")
    own = answer.own_currency.kpis if isinstance(answer.own_currency, OwnCurrency) else {}
    for name, kpi in (answer.kpis | own).items():
        table.add_row(name, *(_digits(number, 6) for number in (kpi.value, kpi.low, kpi.high)), kpi.unit)
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
    value, bound = _digits(verdict.value, 4), _digits(verdict.bound, 4)
    return f"{state} {verdict.kpi} {value} {sign} {bound} ({verdict.service_level})"


def _digits(number: float, most: int) -> str:
    """So many significant digits, but never a power of ten for what is large: whole then."""
    return f"{number:,.{most}g}" if abs(number) < 10 ** (most - 1) else f"{number:,.0f}"


def precision_line(precision: Precision, replications: int) -> str:
    """What was asked, what was achieved, and what would have been needed (the square law)."""
    asked, achieved = precision.asked, precision.achieved
    got = "has no mean to compare with" if achieved is None else f"±{achieved:.2%} of the mean"
    line = f"precision: {precision.kpi} {got} after {replications:,} replications; asked ±{100 * asked:.3g}%"
    if precision.first is not None:
        return f"{line}, held since replication {precision.first:,}"
    if achieved is not None:
        needed = replications * (achieved / asked) ** 2
        line += f"; about {needed:,.0f} would be needed" if achieved > asked else ", but not held long enough"
    return f"{line}. NOT reached within {precision.budget:,}; raise --max-replications or --precision"


def warm_up_line(warm_up: WarmUp) -> str:
    """What was left out of which figures."""
    found = ", as MSER-5 finds" if warm_up.by_series else ""
    return f"without the first {warm_up.days:,} days{found}: {', '.join(warm_up.kpis)}"


def event_line(entry: Entry) -> str:
    """When, to whom or by which account, and what."""
    named = (("customer", entry.customer), ("account", entry.account))
    who = ", ".join(f"{kind} {index}" for kind, index in named if index is not None)
    return f"{entry.time}  {who}: {entry.event}"


def comparison_tables(answer: Comparison, width: int) -> list[Table]:
    """One table with a row for each KPI that differs, or one a variant where `width` characters are too few.

    None when nothing differs.
    """
    rows = table_rows(answer)
    if not rows:
        return []
    whole = _whole_table(answer, rows)
    if Measurement.get(Console(width=WIDEST), Console(width=WIDEST).options, whole).maximum <= width:
        return [whole]
    return [_variant_table(name, number, rows) for number, name in enumerate(answer.variants)]


def _whole_table(answer: Comparison, rows: list[KpiRow]) -> Table:
    table = Table("KPI", box=None, pad_edge=False)
    table.add_column(f"base: {answer.scenario}", justify="right", no_wrap=True)
    for name in answer.variants:
        table.add_column(Text(name), no_wrap=True)
    for row in rows:
        table.add_row(row.label, row.base, *(f"{cell.word}  {cell.figures}".rstrip() for cell in row.cells))
    return table


def _variant_table(name: str, number: int, rows: list[KpiRow]) -> Table:
    """What differs of one variant; a line says so if nothing does."""
    table = Table("KPI", box=None, pad_edge=False, title=Text(name, style="bold"), title_justify="left")
    table.add_column("base", justify="right")
    table.add_column("is")
    table.add_column("by")
    for row in rows:
        cell = row.cells[number]
        if cell.word != SAME:
            table.add_row(row.label, row.base, cell.word, cell.figures)
    if not table.rows:
        table.add_row("every KPI", "", SAME, "")
    return table


def comparison_paragraphs(answer: Comparison) -> tuple[list[str], ...]:
    """Which is best if that was asked, what can be told apart, what each variant is, how to read it."""
    settings = [f"{name}: {', '.join(variant.settings)}" for name, variant in answer.variants.items()]
    notes = reading_notes(answer)
    if any(cell.word == UNCLEAR for row in table_rows(answer) for cell in row.cells):
        notes.insert(1, UNCLEAR_NOTE)
    told = (sentences(answer), settings, notes)
    if not isinstance(answer.best, Best):
        return told
    return [best_sentence(answer.best, answer.base[answer.best.kpi].unit)], *told

"""The rows of a report's tables, as text ready to be laid out."""

import json
from collections.abc import Iterator
from itertools import groupby
from typing import Any, NamedTuple

import msgspec

from reports.numbers import (
    NO_VALUE,
    decimals,
    estimate,
    has_interval,
    number,
    plain,
    quantity,
    scale,
    told_apart,
)
from reports.run import WORDS, Run
from scenarios.kpis import DEFINITIONS
from scenarios.provenance import Row
from scenarios.result import Kpi, OwnCurrency, Result, Verdict

TEXTS = {definition.name: definition.text for definition in DEFINITIONS}
ACRONYMS = {"roi": "ROI", "cac": "CAC", "ltv": "LTV", "cpu": "CPU"}
UNIT_WORDS = {"usd", "s"}


class Cell(NamedTuple):
    """One estimate: the value, and "low to high" or empty. Both empty: not in this result."""

    value: str
    interval: str


class KpiRow(NamedTuple):
    name: str
    label: str
    definition: str
    unit: str
    predicted: Cell
    measured: Cell
    difference: str


class TierRow(NamedTuple):
    """A tier of customers, shares in %."""

    name: str
    customers: Cell
    revenue: Cell


class VerdictRow(NamedTuple):
    """One service level in one result; `remark` says when the interval does not settle it."""

    label: str
    kind: str
    met: bool
    figure: str
    bound: str
    remark: str


class ParameterRow(NamedTuple):
    """`value` is one line; `detail` the whole of a value that does not fit in one."""

    path: str
    value: str
    detail: str
    unit: str
    source: str
    meaning: str
    assumed: bool


class Section(NamedTuple):
    name: str
    rows: list[ParameterRow]

    @property
    def assumed(self) -> int:
        return sum(row.assumed for row in self.rows)


def label(name: str) -> str:
    """`response_time_s_p95` -> "Response time p95": a KPI's name in words, its unit left to its column."""
    words = name.replace("_per_s", " per second").replace("opt_out", "opt-out").replace("_", " ").split()
    text = " ".join(ACRONYMS.get(word, word) for word in words if word not in UNIT_WORDS)
    return text[:1].upper() + text[1:]


def kpi_rows(run: Run) -> list[KpiRow]:
    """Every KPI of either result: those with a definition in its order, then any others by name.

    Money that was simulated stands once more below, in the scenario's own currency.
    """
    present = {name for result in run.results for name in result.kpis}
    ordered = [name for name in TEXTS if name in present]
    names = ordered + sorted(present - set(ordered))
    return [row for name in names for row in (_kpi_row(run, name), *_own_rows(run, name))]


def _own_rows(run: Run, name: str) -> Iterator[KpiRow]:
    own = run.predicted.own_currency if run.predicted else None
    if not isinstance(own, OwnCurrency) or not name.endswith("_usd"):
        return
    in_own = f"{name.removesuffix('usd')}{own.code.lower()}"
    found = own.kpis[in_own]
    cell = Cell(*estimate(found, scale(found.unit, found.value)))
    text = f"The same in {own.code}, {own.per_usd:g} for one USD."
    yield KpiRow(in_own, label(name), text, found.unit, cell, Cell("", ""), "")


def _kpi_row(run: Run, name: str) -> KpiRow:
    predicted, measured = _kpi(run.predicted, name), _kpi(run.measured, name)
    found = [kpi for kpi in (predicted, measured) if kpi is not None]
    shown = scale(found[0].unit, max(abs(kpi.value) for kpi in found))
    return KpiRow(
        name,
        label(name),
        TEXTS.get(name, ""),
        shown.unit,
        Cell("", "") if predicted is None else Cell(*estimate(predicted, shown)),
        Cell("", "") if measured is None else Cell(*estimate(measured, shown)),
        _difference(predicted, measured, shown.factor),
    )


def _kpi(result: Result | None, name: str) -> Kpi | None:
    return None if result is None else result.kpis.get(name)


def _difference(predicted: Kpi | None, measured: Kpi | None, factor: float) -> str:
    """Measured less predicted, in the row's unit and relative to the prediction: `+0.40 (+9.5 %)`."""
    if predicted is None or measured is None:
        return ""
    less = (measured.value - predicted.value) * factor
    widths = [(kpi.high - kpi.low) / 2 * factor for kpi in (predicted, measured) if has_interval(kpi)]
    text = number(less, decimals(less, max(widths, default=0.0)))
    if text == NO_VALUE:
        return text
    sign = "+" if less > 0 else ""
    if predicted.value == 0:
        return f"{sign}{text}"
    relative = less / (predicted.value * factor) * 100
    return f"{sign}{text} ({sign}{number(relative, 1 if abs(relative) < 10 else 0)} %)"


def tier_rows(run: Run) -> list[TierRow]:
    """The simulated tiers of customers; none if nothing was bought."""
    tiers = None if run.predicted is None else run.predicted.tiers
    return [
        TierRow(tier.name, _in_percent(tier.customers), _in_percent(tier.revenue)) for tier in tiers or []
    ]


def _in_percent(share: Kpi) -> Cell:
    return Cell(*estimate(share, scale(share.unit, 1.0)))


def verdict_rows(run: Run) -> list[VerdictRow]:
    """Service levels in the order of the first result, predicted before measured for each."""
    order = list(dict.fromkeys(v.service_level for result in run.results for v in result.verdicts))
    pairs = [(result, verdict) for result in run.results for verdict in result.verdicts]
    pairs.sort(key=lambda pair: order.index(pair[1].service_level))
    return [_verdict_row(result, verdict) for result, verdict in pairs]


def _verdict_row(result: Result, verdict: Verdict) -> VerdictRow:
    kpi = result.kpis.get(verdict.kpi)
    unit = kpi.unit if kpi else ""
    figure, bound = told_apart(verdict.value, verdict.bound, unit)
    return VerdictRow(
        label(verdict.kpi),
        WORDS[result.kind],
        verdict.met,
        figure,
        f"{'at least' if verdict.least else 'at most'} {bound}",
        "the interval holds the bound" if kpi and kpi.low < verdict.bound < kpi.high else "",
    )


def sections(run: Run) -> list[Section]:
    """Every parameter of either result, grouped by the first part of its path in order of appearance."""
    rows = list(_parameter_rows(run))
    names = list(dict.fromkeys(_section(row) for row in rows))
    rows.sort(key=lambda row: names.index(_section(row)))
    return [Section(name, list(group)) for name, group in groupby(rows, key=_section)]


def _section(row: ParameterRow) -> str:
    return row.path.partition(".")[0] if "." in row.path else "scenario"


def _parameter_rows(run: Run) -> Iterator[ParameterRow]:
    """One row for a parameter; one for each result where the two were run with different values."""
    paths = dict.fromkeys(path for result in run.results for path in result.provenance)
    for path in paths:
        found = [(r.kind, row) for r in run.results if (row := r.provenance.get(path)) is not None]
        alike = len({_parameter_row(row) for _, row in found}) == 1
        for kind, row in found[:1] if alike else found:
            shown = _parameter_row(row)
            yield shown if alike else shown._replace(source=f"{shown.source} ({kind})")


def _parameter_row(row: Row) -> ParameterRow:
    value = msgspec.to_builtins(row.value)
    text, detail = _value_text(value)
    assumed = "assumed" in row.source
    return ParameterRow(row.path, text, detail, row.unit, row.source, row.meaning, assumed)


def _value_text(value: Any) -> tuple[str, str]:
    """A parameter's value as its file would state it: in one line, and whole if that is not all."""
    match value:
        case bool():
            return ("true" if value else "false"), ""
        case int() | float():
            return _exact(value), ""
        case str():
            return value, ""
        case list() | dict():
            if not value:
                return "none", ""
            whole = json.dumps(value, indent=2, ensure_ascii=False)
            return (f"{len(value)} entries", whole) if len(whole) > 80 else (_short(value), "")
    return "not stated", ""


def _short(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _exact(value: float) -> str:
    """All digits of a number, with thousands separators where it is whole."""
    return plain(value) if float(value).is_integer() else repr(value)


def how_made(run: Run, version: str) -> list[tuple[str, list[str]]]:
    """How each result came about: (what, one entry for each result)."""
    results = run.results
    return [
        ("Kind", [str(result.kind) for result in results]),
        ("Scenario", [result.scenario for result in results]),
        ("Seed", [str(result.seed) for result in results]),
        ("Replications", [plain(result.replications) for result in results]),
        ("Time covered", [quantity(result.horizon_s, "s") for result in results]),
        ("Messages or requests worked through", [plain(result.exposures) for result in results]),
        ("Time that it took", [quantity(r.wall_s, "s") if r.wall_s > 0 else "not recorded" for r in results]),
        ("Wavetank version", [version for _ in results]),
    ]

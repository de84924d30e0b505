"""Answers of commands as they are handed over: printed in words or as one document, written where asked."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from reports.console import err, out, print_document, print_json, say, show, table_width
from reports.terminal import (
    comparison_paragraphs,
    comparison_tables,
    event_line,
    kpi_table,
    parameter_lines,
    precision_line,
    tier_table,
    verdict_line,
    warm_up_line,
)
from scenarios import comparison, result
from scenarios.comparison import Comparison
from scenarios.loading import Loaded
from scenarios.provenance import Row
from scenarios.result import Precision, Result, WarmUp
from scenarios.trace import Entry


def hand_over(answer: Result, folder: Path | None, as_json: bool) -> None:
    """Print a result, and write it into a folder if one is given; say what `--precision` came to."""
    if folder is not None:
        say(f"written: {result.write(answer, folder)}")
    if as_json:
        print_document(result.encode(answer))
    else:
        _print_result(answer)
    if isinstance(answer.precision, Precision):
        say(precision_line(answer.precision, answer.replications))


def _print_result(answer: Result) -> None:
    Console(width=table_width()).print(kpi_table(answer))
    if isinstance(answer.warm_up, WarmUp):
        show(warm_up_line(answer.warm_up))
    if isinstance(answer.tiers, list):
        out.print("", tier_table(answer.tiers), "", sep="\n")
    for verdict in answer.verdicts:
        show(verdict_line(verdict))


def hand_over_comparison(answer: Comparison, folder: Path | None, as_json: bool) -> None:
    """Print a comparison, and write it with its figure into a folder if one is given."""
    if folder is not None:
        from reports.comparison_figure import write_figure  # with matplotlib, a second

        for path in (comparison.write(answer, folder), *write_figure(answer, folder)):
            say(f"written: {path}")
    if as_json:
        print_document(comparison.encode(answer))
    else:
        _print_comparison(answer)


def _print_comparison(answer: Comparison) -> None:
    width = table_width()
    for table in comparison_tables(answer, width):
        Console(width=width).print(table, "")
    for paragraph in comparison_paragraphs(answer):
        for line in paragraph:  # broken between words on a terminal only
            out.print(line, markup=False, highlight=False, soft_wrap=not out.is_terminal)
        out.print()


def print_parameters(rows: Sequence[Row], as_json: bool) -> None:
    """Every parameter with unit, value and source."""
    if as_json:
        print_json(rows)
        return
    for row in rows:
        value, source = parameter_lines(row)
        out.print(value, style="bold", markup=False, highlight=False)
        show(source)


def print_check(
    loaded: Loaded, contacts: int, malformed: int, orders: Mapping[str, float], as_json: bool
) -> None:
    """A valid scenario: how many contacts, how many of them malformed, and what is fitted to orders."""
    scenario = loaded.scenario
    if as_json:
        facts = {"scenario": scenario.name, "contacts": contacts, "malformed_numbers": malformed}
        print_json(facts | ({"orders": orders} if orders else {}))
        return
    out.print(
        f"{loaded.path.name}: ok. {scenario.name}: {contacts:,} contacts, "
        f"{malformed:,} with a malformed number ({malformed / contacts:.1%})",
        markup=False,
    )
    if orders:
        out.print(f"{scenario.population.orders}: BG/NBD and order values as fitted", markup=False)
    for name, value in orders.items():
        out.print(f"  {name} {value:,.6g}", highlight=False)


def print_trace(entries: Sequence[Entry], subject: str, as_json: bool) -> None:
    """The events of one customer or account."""
    if as_json:
        print_json([entry._asdict() for entry in entries])
        return
    for entry in entries:
        show(event_line(entry))
    err.print(f"{len(entries):,} events of {subject} in replication 1; times are UTC")


def say_speed(answer: Result, wall_s: float, found: int) -> None:
    """`found`: how many replications an interrupted run had left, which took none of this time."""
    line = f"{answer.exposures:,} exposures in {wall_s:.1f} s"
    if found:
        err.print(f"{line}, with {found:,} replications of an interrupted run")
    else:
        err.print(f"{line} ({answer.exposures / wall_s:,.0f} a second)")


def say_second(line: str) -> None:
    """A line of a load test under way, one a second."""
    err.print(f"  {line}", markup=False, highlight=False)

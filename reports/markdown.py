"""The KPI table as Markdown."""

from collections.abc import Sequence

from reports.run import run_of
from reports.tables import Cell, kpi_rows
from scenarios.result import Result

HEAD = "| KPI | unit | predicted | measured | difference |\n|---|---|---:|---:|---:|\n"


def kpi_table(results: Sequence[Result]) -> str:
    """One row for each KPI, intervals in brackets; InputError as for `run_of`."""
    rows = (
        f"| `{row.name}` | {row.unit} | {_cell(row.predicted)} | {_cell(row.measured)} | {row.difference} |\n"
        for row in kpi_rows(run_of(results))
    )
    return HEAD + "".join(rows)


def _cell(cell: Cell) -> str:
    return f"{cell.value} ({cell.interval})" if cell.interval else cell.value

"""Comparisons on a terminal: one table where it fits, else one a variant; nothing is cut."""

import io
from datetime import UTC, datetime

import example_comparisons
import msgspec
import pytest
from rich.console import Console

from reports.terminal import (
    comparison_paragraphs,
    comparison_tables,
    kpi_table,
    parameter_lines,
    verdict_line,
)
from scenarios.comparison import Best, Comparison
from scenarios.provenance import Row
from scenarios.result import Kpi, Result, Verdict

FOUR = example_comparisons.comparison(
    **{
        name: {
            "account_ban_rate": (0.00209, 0.0011, 0.0031),
            "orders": (sign * 7.3, sign * 7.3 - 9, sign * 7.3 + 9),
            "send_duration_s": (-275.0, -276.1, -273.9),
        }
        for name, sign in (("fast", 1), ("a_name_that_is_long", -1), ("click", 1))
    },
    same={},
)


def printed(answer: Comparison, width: int) -> list[str]:
    text = io.StringIO()
    for table in comparison_tables(answer, width):
        Console(file=text, width=width).print(table)
    return text.getvalue().splitlines()


def test_a_wide_terminal_gets_one_table_with_a_column_for_each_variant() -> None:
    lines = printed(FOUR, 200)
    assert lines[0].split() == ["KPI", "base:", "bulk_send", "fast", "a_name_that_is_long", "click", "same"]
    assert len(lines) == 4


def test_80_columns_hold_a_table_for_each_variant_with_every_word_and_figure() -> None:
    lines = printed(FOUR, 80)
    assert max(len(line) for line in lines) <= 80
    text = "\n".join(lines)
    assert "…" not in text
    assert text.count("unclear") == 3
    assert text.count("+0.21 (+0.11 to +0.31) points") == 3
    assert lines[0].strip() == "fast"
    assert "a_name_that_is_long" in text
    assert lines[-1].split() == ["every", "KPI", "the", "same"]


@pytest.mark.parametrize("width", [80, 200])
def test_no_kpis_name_is_cut_and_no_figure_is_a_power_of_ten(simulated: Result, width: int) -> None:
    larger = {name: Kpi(5e7, 4.9e7, 5.1e7, kpi.unit) for name, kpi in simulated.kpis.items()}
    larger["conversations_per_day"] = Kpi(12345.6, 12000, 13000, "conversations/day")
    text = io.StringIO()
    table = kpi_table(msgspec.structs.replace(simulated, kpis=larger))
    Console(file=text, width=width).print(table)
    found = {line.split()[0] for line in text.getvalue().splitlines() if line[:1].strip()}
    assert set(larger) <= found
    assert "50,000,000" in text.getvalue()
    assert "e+0" not in text.getvalue()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (["a"], '["a"]'),
        ([{"name": "x"}], '[{"name": "x"}]'),
        (0.5, "0.5"),
        ("Hi", "Hi"),
        ([], "[]"),
        (datetime(2026, 12, 1, tzinfo=UTC), "2026-12-01T00:00:00+00:00"),
    ],
)
def test_parameters_read_as_in_a_file(value: object, text: str) -> None:
    shown, _ = parameter_lines(Row("a.b", value, "", "assumed", "meaning"))
    assert shown == f"a.b = {text}"


def test_a_service_level_reads_as_numbers() -> None:
    verdict = Verdict("send_duration_max_s", "send_duration_s", 50_400.0, False, 5_184_000.0, False)
    assert verdict_line(verdict) == "MISSED send_duration_s 5,184,000 <= 50,400 (send_duration_max_s)"


def test_without_any_difference_there_is_no_table() -> None:
    assert comparison_tables(example_comparisons.no_difference(), 80) == []


def test_unclear_is_explained_where_it_stands() -> None:
    assert any(note.startswith("Unclear: ") for note in comparison_paragraphs(FOUR)[-1])
    clear = example_comparisons.comparison(fast={"orders": (2.0, 1.0, 3.0)})
    assert not any(note.startswith("Unclear: ") for note in comparison_paragraphs(clear)[-1])


BEST = Best(
    "orders",
    False,
    5.0,
    0.95,
    "click",
    ["click"],
    {"base": 63.0, "click": 70.3},
    {"base": 20, "click": 41},
    90,
)


def test_the_best_is_said_first() -> None:
    answer = msgspec.structs.replace(FOUR, best=BEST)
    assert comparison_paragraphs(answer)[0] == [
        "click has the highest orders: 70.3 orders. If any leads all others by 5 orders, it is this one with at "
        "least 95 % probability. Replications: base 20, click 41."
    ]


def test_no_best_says_how_to_go_on() -> None:
    undecided = msgspec.structs.replace(BEST, chosen=None, lowest=True, standing=["base", "click"])
    (line,) = comparison_paragraphs(msgspec.structs.replace(FOUR, best=undecided))[0]
    assert line == (
        "No lowest orders could be chosen within 90 replications: still possible are base, click. "
        "Raise --max-replications or --indifference. Replications: base 20, click 41."
    )

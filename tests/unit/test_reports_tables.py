import math

import msgspec
import pytest

from reports.run import run_of
from reports.tables import kpi_rows, label, sections, tier_rows, verdict_rows
from scenarios.provenance import Row
from scenarios.result import Kpi, Result, Tier, in_own_currency, kpi


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("response_time_s_p95", "Response time p95"),
        ("requests_per_s", "Requests per second"),
        ("cac_usd", "CAC"),
        ("opt_out_rate", "Opt-out rate"),
    ],
)
def test_labels_are_plain_words(name: str, words: str) -> None:
    assert label(name) == words


def test_every_kpi_has_a_row_with_unit_and_interval(simulated: Result, measured: Result) -> None:
    rows = {row.name: row for row in kpi_rows(run_of([simulated, measured]))}
    assert set(rows) == set(simulated.kpis) | set(measured.kpis)
    assert all(row.unit and row.definition for row in rows.values())
    random = [name for name, kpi in simulated.kpis.items() if kpi.low < kpi.high]
    assert all(" to " in rows[name].predicted.interval for name in random)
    assert rows["contacts_rejected"].predicted == ("812", "")


def test_money_stands_in_the_scenarios_own_currency_too(simulated: Result) -> None:
    own = in_own_currency(simulated.kpis, "EUR", 0.5)
    rows = kpi_rows(run_of([msgspec.structs.replace(simulated, own_currency=own)]))
    names = [row.name for row in rows]
    usd = [name for name in simulated.kpis if name.endswith("_usd")]
    assert usd
    for name in usd:
        row = rows[names.index(name) + 1]
        assert row.name == f"{name.removesuffix('usd')}eur"
        assert row.unit.startswith("EUR")
        assert row.definition == "The same in EUR, 0.5 for one USD."
    revenue = rows[names.index("revenue_eur")].predicted.value
    assert float(revenue.replace(",", "")) == pytest.approx(simulated.kpis["revenue_usd"].value / 2, rel=0.01)


def test_tiers_are_in_percent_with_their_intervals(simulated: Result) -> None:
    tiers = [Tier("champions", Kpi(0.2, 0.19, 0.21, "fraction"), Kpi(0.5, 0.5, 0.5, "fraction"))]
    (row,) = tier_rows(run_of([msgspec.structs.replace(simulated, tiers=tiers)]))
    assert row == ("champions", ("20.0", "19.0 to 21.0"), row.revenue)
    assert row.revenue.interval == ""
    assert tier_rows(run_of([simulated])) == []


def test_predicted_stands_beside_measured_with_their_difference(simulated: Result, measured: Result) -> None:
    row = next(r for r in kpi_rows(run_of([simulated, measured])) if r.name == "response_time_s_p95")
    assert row.unit == "ms"
    assert row.predicted == ("10.40", "10.10 to 10.70")
    assert row.measured == ("13.7", "13.1 to 14.2")
    assert row.difference == "+3.3 (+32 %)"


def test_a_kpi_of_one_result_has_no_difference(simulated: Result, measured: Result) -> None:
    row = next(r for r in kpi_rows(run_of([simulated, measured])) if r.name == "orders")
    assert row.measured == ("", "")
    assert row.difference == ""


def test_a_prediction_of_zero_has_no_relative_difference(simulated: Result, measured: Result) -> None:
    exact = msgspec.structs.replace(simulated, kpis={"error_rate": kpi("error_rate", 0.0)})
    found = msgspec.structs.replace(measured, kpis={"error_rate": kpi("error_rate", 0.01)})
    assert kpi_rows(run_of([exact, found]))[0].difference == "+1"


def test_a_kpi_that_is_not_a_number_says_so(simulated: Result) -> None:
    nan = msgspec.structs.replace(simulated, kpis={"roi": kpi("roi", math.nan)})
    assert kpi_rows(run_of([nan]))[0].predicted == ("no value", "")


def test_a_kpi_without_a_definition_comes_last(simulated: Result) -> None:
    kpis = {"a_new_one": Kpi(1.0, 1.0, 1.0, "widgets")} | simulated.kpis
    last = kpi_rows(run_of([msgspec.structs.replace(simulated, kpis=kpis)]))[-1]
    assert (last.name, last.unit, last.definition) == ("a_new_one", "widgets", "")


def test_predicted_and_measured_verdicts_of_a_level_are_neighbours(
    simulated: Result, measured: Result
) -> None:
    rows = verdict_rows(run_of([simulated, measured]))
    assert [(row.label, row.kind, row.met) for row in rows[:2]] == [
        ("Delivery rate", "predicted", False),
        ("Delivery rate", "measured", True),
    ]
    assert (rows[0].figure, rows[0].bound) == ("91.4 %", "at least 92 %")


def test_a_verdict_whose_interval_holds_the_bound_is_remarked(simulated: Result) -> None:
    wide = simulated.kpis | {"delivery_rate": kpi("delivery_rate", 0.9138, 0.90, 0.93)}
    rows = verdict_rows(run_of([msgspec.structs.replace(simulated, kpis=wide)]))
    assert rows[0].remark == "the interval holds the bound"
    assert rows[1].remark == ""


def test_every_parameter_is_listed_once_with_its_source(simulated: Result, measured: Result) -> None:
    rows = [row for section in sections(run_of([simulated, measured])) for row in section.rows]
    assert {row.path: row.source for row in rows} == {
        path: row.source for path, row in simulated.provenance.items()
    }
    assert len(rows) == len(simulated.provenance)


def test_parameters_that_differ_between_the_results_are_both_shown(
    simulated: Result, measured: Result
) -> None:
    other = Row("pacing.rate_per_min", 600, "messages/min", "--set on the command line", "cap")
    changed = msgspec.structs.replace(measured, provenance=measured.provenance | {other.path: other})
    rows = [row for section in sections(run_of([simulated, changed])) for row in section.rows]
    found = [(row.value, row.source) for row in rows if row.path == other.path]
    assert found == [
        ("12", "C020: 10-15 a minute is safe (simulation)"),
        ("600", "--set on the command line (load)"),
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (604_800.0, "604,800"),
        (0.0075, "0.0075"),
        ({"name": "there"}, '{"name": "there"}'),
        ([], "none"),
        ({}, "none"),
        (None, "not stated"),
        (math.nan, "nan"),
    ],
)
def test_parameter_values_read_as_in_the_scenario_file(simulated: Result, value: object, text: str) -> None:
    row = Row("a.b", value, "", "assumed: x", "")
    only = msgspec.structs.replace(simulated, provenance={"a.b": row})
    (section,) = sections(run_of([only]))
    assert section.rows[0].value == text
    assert section.assumed == 1


def test_a_long_value_is_counted_and_kept_whole(simulated: Result) -> None:
    rows = [row for section in sections(run_of([simulated])) for row in section.rows]
    rules = next(row for row in rows if row.path == "replies.rules")
    assert rules.value == "7 entries"
    assert '"intent": "complaint"' in rules.detail

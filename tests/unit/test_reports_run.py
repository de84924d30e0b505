import msgspec
import pytest

from reports.run import run_of
from scenarios.errors import InputError
from scenarios.provenance import Row
from scenarios.result import Result


def test_kinds_are_told_apart_whatever_their_order(simulated: Result, measured: Result) -> None:
    run = run_of([measured, simulated])
    assert run.predicted is simulated
    assert run.measured is measured


def test_nothing_to_report_is_one_clear_line() -> None:
    with pytest.raises(InputError, match="no results"):
        run_of([])


def test_two_results_of_a_kind_are_refused(simulated: Result) -> None:
    with pytest.raises(InputError, match="two results of kind 'simulation'"):
        run_of([simulated, simulated])


def test_results_of_two_scenarios_are_not_laid_side_by_side(simulated: Result, measured: Result) -> None:
    with pytest.raises(InputError, match="bulk_send, other"):
        run_of([simulated, msgspec.structs.replace(measured, scenario="other")])


@pytest.mark.parametrize("value", ["tomorrow", 7, None])
def test_a_start_that_is_no_time_is_left_out(simulated: Result, value: object) -> None:
    row = Row("experiment.start", value, "", "x", "")
    assert run_of([msgspec.structs.replace(simulated, provenance={row.path: row})]).moment(row.path) is None

import numpy as np
import pytest
from verification_table import Table, markdown


def test_a_mean_beyond_four_standard_errors_fails_and_stays_in_the_table() -> None:
    table = Table()
    values = np.random.default_rng(1).normal(1.0, 1.0, 400)
    table.mean("part", "right", 1.0, values)
    with pytest.raises(AssertionError, match="wrong"):
        table.mean("part", "wrong", 1.3, values)
    assert [row.what for row in table.rows] == ["right", "wrong"]


def test_values_without_spread_show_nothing() -> None:
    with pytest.raises(AssertionError, match="no spread"):
        Table().mean("part", "constant", 1.0, [1.0, 1.0])


def test_an_exact_row_fails_outside_its_bound() -> None:
    table = Table()
    table.exact("part", "near", 1.0, 1.04, 0.05, "printed digits")
    with pytest.raises(AssertionError, match="far"):
        table.exact("part", "far", 1.0, 1.06, 0.05, "printed digits")


def test_one_table_a_part() -> None:
    table = Table()
    table.exact("first", "a", 1.0, 1.0, 0.0, "exact")
    table.estimate("second", "b", 1.0, 1.1, 0.1)
    text = markdown(table.rows)
    assert "## first" in text
    assert "| b | 1 | 1.1 | 0.1 | +1.0 | 4 se |" in text

import csv
import io

import pytest

from server.reading_contacts import ContactShown, as_csv, harmless


@pytest.mark.parametrize("cell", ["=1+1", "+49", "-1", "@SUM(A1)", "\tx", "\rx", " =1", "\n=1"])
def test_a_cell_that_a_spreadsheet_would_work_out_is_made_text(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "Ada", "a=b", "1-2", "me@example.org", "日本"])
def test_other_cells_stay_as_they_are(cell: str) -> None:
    assert harmless(cell) == cell


def test_every_variable_has_its_column() -> None:
    rows = [
        ContactShown(1, "+12125550100", "UTC", True, False, ["a", "b"], {"name": "=Ada"}, {}),
        ContactShown(2, "+12125550101", None, False, True, [], {"city": 'Köln, "Süd"', "-x": "1"}, {}),
    ]
    read = list(csv.reader(io.StringIO(as_csv(rows).decode())))
    assert read == [
        ["id", "phone", "tags", "timezone", "consent", "opted_out", "'-x", "city", "name"],
        ["1", "12125550100", "a;b", "UTC", "yes", "no", "", "", "'=Ada"],
        ["2", "12125550101", "", "", "no", "yes", "1", 'Köln, "Süd"', ""],
    ]

import asyncio
import csv
import io

import pytest

from server.contacts.csv_cells import as_it_was, harmless
from server.contacts.importing import read_rows
from server.contacts.numbers import Numbers
from server.contacts.reading import ContactShown, as_csv
from server.http.problems import Problem


@pytest.mark.parametrize("cell", ["=1+1", "+49", "-1", "@SUM(A1)", "\tx", "\rx", " =1", "\n=1"])
def test_a_cell_that_a_spreadsheet_would_work_out_is_made_text(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "Ada", "a=b", "1-2", "me@example.org", "日本", "'twas", "''", "'"])
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


@pytest.mark.parametrize("cell", ["=1+1", "'=1+1", "''-1", "' @a", "'", "''", "'a", "Ada", "", "\t'", "'\t'"])
def test_a_cell_comes_back_as_what_it_was(cell: str) -> None:
    assert as_it_was(harmless(cell)) == cell


def test_a_variable_that_is_called_as_a_column_gets_another_name() -> None:
    row = ContactShown(
        1, "+12125550100", "UTC", True, False, [], {"Phone": "7", "id": "x1", "name": "Ada"}, {}
    )
    (read,) = csv.DictReader(io.StringIO(as_csv([row]).decode()))
    assert (read["phone"], read["id"]) == ("12125550100", "1")
    assert (read["variables.Phone"], read["variables.id"], read["name"]) == ("7", "x1", "Ada")


def test_an_export_is_an_import_and_its_other_columns_are_named() -> None:
    tags = ["'=b", "-a", "=SUM(1)", "vip"]
    rows = [
        ContactShown(7, "+12125550100", "UTC", False, True, tags, {"name": "Ada", "Tags": "x"}, {}),
        ContactShown(8, "+12125550101", None, True, False, [], {"-x": "1"}, {}),
    ]
    file = asyncio.run(read_rows(as_csv(rows), Numbers()))
    assert [(row.phone, list(row.tags)) for row in file.rows] == [
        ("+12125550100", tags),
        ("+12125550101", []),
    ]
    assert file.ignored == ("id", "timezone", "consent", "opted_out", "-x", "variables.Tags", "name")


@pytest.mark.parametrize(
    "head", ["phone,tags,Tags", "phone,Phone,tags", "phone,name", "tags", "", "phone;tags"]
)
def test_a_file_has_its_two_columns_once_each(head: str) -> None:
    with pytest.raises(Problem, match="phone and tags, once each") as caught:
        asyncio.run(read_rows(f"{head}\n".encode(), Numbers()))
    assert caught.value.field == "line 1"

from pathlib import Path

import example_comparisons
import msgspec
import pytest

from scenarios.comparison import FILE_NAME, encode, read, write
from scenarios.errors import InputError


def test_a_comparison_survives_the_disk(tmp_path: Path) -> None:
    whole = example_comparisons.two_variants()
    path = write(whole, tmp_path / "new" / "folder")
    assert encode(read(path)) == encode(read(path.parent)) == encode(whole)
    assert read(path).variants == whole.variants
    assert [file.name for file in path.parent.iterdir()] == [FILE_NAME]


def test_the_document_has_the_agreed_shape() -> None:
    document = msgspec.json.decode(encode(example_comparisons.two_variants()))
    assert document["kind"] == "comparison"
    assert set(document["variants"]["fast"]) == {"settings", "kpis", "differences"}
    assert set(document["variants"]["fast"]["differences"]["orders"]) == {
        "value", "low", "high", "unit", "distinguishable"
    }  # fmt: skip
    assert set(document["base"]["orders"]) == {"value", "low", "high", "unit"}


@pytest.mark.parametrize("text", ["{}", "nonsense", '{"kind": "simulation"}'])
def test_a_file_that_is_no_comparison_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE_NAME).write_text(text)
    with pytest.raises(InputError, match="is not a comparison document"):
        read(tmp_path)


def test_a_missing_comparison_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"compare\.json: cannot be read"):
        read(tmp_path)

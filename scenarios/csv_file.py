"""CSV files with a header, read row by row; what is malformed is named by file, line and column."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from scenarios.errors import InputError, nearest


def rows_of(path: Path, required: Sequence[str], what: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Each row as (`file: line N`, its cells by column, stripped); empty lines are passed over.

    `what` the rows are stands in the error of a file without any. Raises InputError, one line, for a file
    that cannot be read, is not UTF-8 or not CSV, lacks a required column, or has a row with another number of
    cells than its header.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            yield from _rows(csv.reader(lines), path.name, required, what)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path.name}: not UTF-8 text at byte {error.start}; save the file as UTF-8"
        ) from None
    except csv.Error as error:
        raise InputError(f"{path.name}: not a CSV file: {error}") from None


def _rows(reader: Any, file: str, required: Sequence[str], what: str) -> Iterator[tuple[str, dict[str, str]]]:
    header = _header(next(reader, []), file, required)
    is_empty = True
    for cells in reader:
        if not cells:
            continue
        where = f"{file}: line {reader.line_num}"
        if len(cells) != len(header):
            raise InputError(
                f"{where}: found {len(cells)} cells; the header has {len(header)} columns "
                "(quote a cell that holds a comma)"
            )
        yield where, dict(zip(header, (cell.strip() for cell in cells), strict=True))
        is_empty = False
    if is_empty:
        raise InputError(f"{file}: holds no {what}; it needs at least one row below the header")


def _header(cells: list[str], file: str, required: Sequence[str]) -> list[str]:
    header = [name.strip() for name in cells]
    for name in required:
        if name not in header:
            hint, found = _separated(cells) or nearest(name, header), ", ".join(header)
            raise InputError(f"{file}: line 1: column {name!r} is missing{hint} (found: {found})")
    for name in header:
        if name and header.count(name) > 1:
            raise InputError(f"{file}: line 1: column {name!r} stands twice; leave one of them out")
    return header


def _separated(cells: list[str]) -> str:
    """The mend where the one cell of a header shows that commas are not what separates them."""
    others = {";": "semicolons", "\t": "tabs"}
    mark = next((mark for mark in others if len(cells) == 1 and mark in cells[0]), None)
    return f"; columns are separated by commas, not {others[mark]}" if mark else ""

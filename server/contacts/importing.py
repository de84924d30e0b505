"""`POST /tag/import`: a file of numbers and tags, and what became of each row."""

import codecs
import csv
import io
import re
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from msgspec import Struct

from server.contacts.csv_cells import as_it_was
from server.contacts.numbers import Numbers
from server.http.problems import Problem
from server.wire import MAX_ROWS

COLUMNS = ("phone", "tags")
SEPARATORS = re.compile("[;,]")  # of tags; a cell with commas is quoted (T028)
FAILURES = 0.10  # T037: above this share of failed rows, mend the file before going on
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

Result = Literal["accepted", "duplicate", "invalid_number", "unknown_tag"]
RESULTS: tuple[Result, ...] = ("accepted", "duplicate", "invalid_number", "unknown_tag")


class Row(NamedTuple):
    line: int
    text: str  # the number as it stands in the file
    phone: str | None
    tags: tuple[str, ...]


class File(NamedTuple):
    rows: Sequence[Row]
    ignored: tuple[str, ...]  # names of the columns that were not read


class Outcome(Struct, frozen=True):
    """`detail`: which line or tag; of an accepted row the first tag that was ignored."""

    line: int
    phone: str
    result: Result
    detail: str | None


class Report(Struct, frozen=True):
    """`mend_first`: more than a tenth failed, so the file should be mended before it is used (T037).

    `ignored_columns`: those besides phone and tags; nothing of them was read.
    """

    rows: int
    counts: dict[str, int]
    mend_first: bool
    ignored_columns: list[str]
    report: list[Outcome]


async def read_rows(body: bytes, numbers: Numbers) -> File:
    """The rows of a UTF-8 CSV with the columns phone and tags (separated by `;` or `,`), as an export has.

    Other columns are not read. Problem 422 names the first malformed line.
    """
    lines = _lines(_text(body))
    header = [as_it_was(name.strip()) for name in lines[0][1]] if lines else []
    names = [name.lower() for name in header]
    if any(names.count(column) != 1 for column in COLUMNS):
        must_be = f"the columns must be {' and '.join(COLUMNS)}, once each, separated by a comma"
        raise Problem(422, f"{must_be} (found: {', '.join(header) or 'nothing'})", "line 1")
    cells = [(line, row) for line, row in lines[1:] if row]
    if not 1 <= len(cells) <= MAX_ROWS:
        why = f"found {len(cells)} rows; a file holds 1 to {MAX_ROWS}, so split a longer one (T032)"
        raise Problem(422, why, f"line {cells[MAX_ROWS][0] if cells else 2}")
    for line, row in cells:
        if len(row) != len(header):
            must_be = (
                f"must be {len(header)}, as in line 1 (a cell that holds a comma stands in quotation marks)"
            )
            raise Problem(422, f"found {len(row)} cells; {must_be}", f"line {line}")
    rows = await _rows(cells, names.index("phone"), names.index("tags"), numbers)
    return File(rows, tuple(name for name in header if name.lower() not in COLUMNS))


def _lines(text: str) -> list[tuple[int, list[str]]]:
    """The cells of each row, with the number of the line where it begins."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    lines, begins = [], 1
    try:
        for row in reader:
            lines.append((begins, row))
            begins = reader.line_num + 1
    except csv.Error as error:
        raise Problem(422, f"not a CSV file: {error}", f"line {max(reader.line_num, 1)}") from None
    return lines


def _text(body: bytes) -> str:
    """Problem 422 for another encoding than UTF-8, with or without its mark."""
    if body.startswith(UTF_16):
        raise Problem(422, "the file is UTF-16; save it as UTF-8 (in a spreadsheet: CSV UTF-8)", "line 1")
    if (at := body.find(b"\0")) >= 0:
        line = body.count(b"\n", 0, at) + 1
        raise Problem(422, "holds a NUL byte: UTF-16, or no text at all; save it as UTF-8", f"line {line}")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise Problem(
            422,
            f"not UTF-8 text at byte {error.start} (Latin-1 or Windows-1252?); save the file as UTF-8",
            f"line {line}",
        ) from None


async def _rows(
    cells: Sequence[tuple[int, list[str]]], phone_at: int, tags_at: int, numbers: Numbers
) -> list[Row]:
    texts = [as_it_was(row[phone_at].strip()) for _, row in cells]
    phones = await numbers.all_normal(texts)
    names = [[name.strip() for name in SEPARATORS.split(as_it_was(row[tags_at].strip()))] for _, row in cells]
    return [
        Row(line, text, phone, tuple(name for name in tags if name))
        for (line, _), text, phone, tags in zip(cells, texts, phones, names, strict=True)
    ]


def first_rows(rows: Sequence[Row]) -> dict[str, Row]:
    """The first row of each valid number: the ones to import (T029)."""
    first: dict[str, Row] = {}
    for row in rows:
        if row.phone is not None:
            first.setdefault(row.phone, row)
    return first


def report_of(
    file: File,
    first: Mapping[str, Row],
    unknown_tags: Mapping[str, str | None],
    *,
    ignore_unknown: bool,
) -> Report:
    """One outcome a row; `unknown_tags` by phone: the first tag of the row that does not exist."""
    rows = file.rows
    outcomes = [_outcome(row, first, unknown_tags, ignore_unknown) for row in rows]
    counts: dict[str, int] = {name: sum(one.result == name for one in outcomes) for name in RESULTS}
    failed = len(rows) - counts["accepted"]
    return Report(len(rows), counts, failed / len(rows) > FAILURES, list(file.ignored), outcomes)


def _outcome(
    row: Row, first: Mapping[str, Row], unknown_tags: Mapping[str, str | None], ignore_unknown: bool
) -> Outcome:
    if row.phone is None:
        return Outcome(row.line, row.text, "invalid_number", None)
    if first[row.phone] is not row:
        return Outcome(row.line, row.text, "duplicate", f"line {first[row.phone].line}")
    unknown = unknown_tags[row.phone]
    accepted = unknown is None or ignore_unknown
    return Outcome(row.line, row.text, "accepted" if accepted else "unknown_tag", unknown)

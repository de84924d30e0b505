"""`POST /tag/import`: a CSV of numbers and tags, and what became of each row."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from server.numbers import Numbers
from server.problems import Problem
from server.wire import MAX_ROWS

COLUMNS = ("phone", "tags")


class Row(NamedTuple):
    line: int
    text: str  # the number as it stands in the file
    phone: str | None
    tags: tuple[str, ...]


class Outcome(Struct, frozen=True):
    """`result`: accepted, duplicate, invalid_number or unknown_tag; `detail`: which line or tag."""

    line: int
    phone: str
    result: str
    detail: str | None


class Report(Struct, frozen=True):
    rows: int
    counts: dict[str, int]
    report: list[Outcome]


async def read_rows(body: bytes, numbers: Numbers) -> list[Row]:
    """The rows of a CSV with the columns phone and tags (separated by `;`).

    Problem 422 names the first malformed line.
    """
    try:
        lines = list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True))
    except UnicodeDecodeError as error:
        raise Problem(422, f"not UTF-8 text at byte {error.start}; save the file as UTF-8") from None
    except csv.Error as error:
        raise Problem(422, f"not a CSV file: {error}") from None
    header = [name.strip() for name in lines[0]] if lines else []
    if sorted(header) != sorted(COLUMNS):
        raise Problem(
            422, f"the columns must be {' and '.join(COLUMNS)} (found: {', '.join(header)})", "line 1"
        )
    cells = [(line, row) for line, row in enumerate(lines[1:], start=2) if row]
    if not 1 <= len(cells) <= MAX_ROWS:
        raise Problem(422, f"found {len(cells)} rows; a file holds 1 to {MAX_ROWS}")
    for line, row in cells:
        if len(row) != len(COLUMNS):
            raise Problem(422, f"found {len(row)} cells; must be {len(COLUMNS)}", f"line {line}")
    return await _rows(cells, header.index("phone"), numbers)


async def _rows(cells: Sequence[tuple[int, list[str]]], phone_at: int, numbers: Numbers) -> list[Row]:
    texts = [row[phone_at].strip() for _, row in cells]
    phones = await numbers.all_normal(texts)
    tags = [
        tuple(tag for tag in (t.strip() for t in row[1 - phone_at].split(";")) if tag) for _, row in cells
    ]
    return [
        Row(line, text, phone, names)
        for (line, _), text, phone, names in zip(cells, texts, phones, tags, strict=True)
    ]


def first_rows(rows: Sequence[Row]) -> dict[str, Row]:
    """The first row of each valid number: the ones to import."""
    first: dict[str, Row] = {}
    for row in rows:
        if row.phone is not None:
            first.setdefault(row.phone, row)
    return first


def report_of(
    rows: Sequence[Row], first: Mapping[str, Row], unknown_tags: Mapping[str, str | None]
) -> Report:
    """One outcome a row; `unknown_tags` by phone: None where the row was accepted."""
    outcomes = [_outcome(row, first, unknown_tags) for row in rows]
    names = ("accepted", "duplicate", "invalid_number", "unknown_tag")
    counts = {name: sum(outcome.result == name for outcome in outcomes) for name in names}
    return Report(len(rows), counts, outcomes)


def _outcome(row: Row, first: Mapping[str, Row], unknown_tags: Mapping[str, str | None]) -> Outcome:
    if row.phone is None:
        return Outcome(row.line, row.text, "invalid_number", None)
    if first[row.phone] is not row:
        return Outcome(row.line, row.text, "duplicate", f"line {first[row.phone].line}")
    unknown = unknown_tags[row.phone]
    return Outcome(row.line, row.text, "accepted" if unknown is None else "unknown_tag", unknown)

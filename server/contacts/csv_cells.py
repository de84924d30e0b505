"""Cells of a CSV that no spreadsheet takes for formulas, and their way back."""

import re

# What a spreadsheet would work out; with quotation marks before it, so that each cell has one way back.
FORMULA = re.compile(r"'*\s*[=+\-@\t\r]")


def harmless(cell: str) -> str:
    """A cell that is text to every spreadsheet: one that begins as a formula gets a quotation mark first."""
    return f"'{cell}" if FORMULA.match(cell) else cell


def as_it_was(cell: str) -> str:
    """The cell that `harmless` was given."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell, 1) else cell

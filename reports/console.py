"""The two streams of a command: the answer on stdout, all else on stderr, whatever they can show."""

import codecs
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

PLAIN = {"\N{MINUS SIGN}": "-", "±": "+-", "…": "..."}
TABLE_WIDTH = 1000  # characters of a table that is not for a terminal

out = Console(soft_wrap=True, emoji=False)  # names are printed as they are
err = Console(stderr=True, emoji=False)


def open_streams() -> None:
    """Once, at the start: a closed stream takes all and shows nothing, letters it lacks become plain ones."""
    codecs.register_error(_in_plain_letters.__name__, _in_plain_letters)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by who called
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 for the whole run
        stream = getattr(sys, name)
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=_in_plain_letters.__name__)


def show(line: str) -> None:
    """A line of the answer as it is: nothing in it is markup."""
    out.print(line, markup=False, highlight=False)


def say(line: str, style: str | None = None) -> None:
    """A line of all else as it is, never broken."""
    err.print(line, style=style, markup=False, highlight=False, soft_wrap=True)


def table_width() -> int:
    """Characters."""
    return out.width if out.is_terminal else TABLE_WIDTH


def print_json(value: Any) -> None:
    """A value as the one document on stdout."""
    print_document(msgspec.json.format(msgspec.json.encode(value), indent=2))


def print_document(content: bytes) -> None:
    """JSON is UTF-8, whatever the terminal's encoding."""
    stream = getattr(sys.stdout, "buffer", None)
    if stream is None:  # caught as text
        sys.stdout.write(content.decode() + "\n")
        return
    sys.stdout.flush()
    stream.write(content + b"\n")
    stream.flush()


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, nothing elsewhere; yields what to call with (done, total)."""
    # Here, not above: commands that end at once need no bar.
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _in_plain_letters(error: UnicodeError) -> tuple[str, int]:
    """What an encoding lacks, in letters that each has: a minus must not become a question mark."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(PLAIN.get(letter, "?") for letter in text), error.end

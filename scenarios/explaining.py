"""What is wrong with a value of a scenario file, in one line: file, field, found, allowed."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from scenarios.errors import nearest
from scenarios.parameters import CLOCK
from scenarios.schema import Scenario

KINDS = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
BOUNDS = (("ge", ">="), ("gt", ">"), ("le", "<="), ("lt", "<"))


def file_of(dotted: str, path: Path, origins: Mapping[str, str]) -> str:
    """Name of the file that set a parameter, or `--set`; the scenario's own for what is not set."""
    origin = origins.get(dotted, str(path))
    return origin if origin == "--set" else Path(origin).name


def struct_of(kind: Any) -> type[msgspec.Struct] | None:
    """The type itself if it is a table of fields."""
    return kind if isinstance(kind, type) and issubclass(kind, msgspec.Struct) else None


def explained(error: str, merged: Mapping[str, Any], path: Path, origins: Mapping[str, str]) -> str:
    """msgspec's `Expected ... - at `$.a.b`` as file, field, found, allowed."""
    what, _, where = error.partition(" - at `$")
    dotted = where.rstrip("`").lstrip(".")
    if missing := re.search(r"missing required field `(\w+)`", what):
        field = ".".join(part for part in (dotted, missing[1]) if part)
        return f"{path.name}: {field}: is missing; it has no default, so the scenario must state it"
    parts = re.findall(r"[^.\[\]]+", dotted)
    found: Any = merged
    for part in parts:
        found = found[int(part)] if part.isdigit() else found[part]
    file = file_of(_set_at(dotted, origins), path, origins)
    kind = _kind_at(parts)
    if unknown := re.search(r"unknown field `(\w+)`", what):
        fields = [info.name for info in msgspec.structs.fields(struct_of(kind) or Scenario)]
        hint = nearest(unknown[1], fields)
        return f"{file}: {dotted}.{unknown[1]}: unknown field{hint} (allowed: {', '.join(fields)})"
    form = _form(kind)
    return f"{file}: {dotted}: found {_shown(found)}; {f'must be {form}' if form else _plain(what)}"


def _set_at(dotted: str, origins: Mapping[str, str]) -> str:
    """The parameter at, above or below this path that was set."""
    section = dotted.partition("[")[0]
    below = (path for path in origins if path.startswith(f"{section}."))
    return next(below, section)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = value.isoformat() if isinstance(value, date | time) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _kind_at(parts: Sequence[str]) -> Any:
    """The type that the schema has at a path of names and of places in lists; None if it has none."""
    kind: Any = Scenario
    for part in parts:
        inner = kind.__origin__ if get_origin(kind) is Annotated else kind
        struct = struct_of(inner)
        if struct is not None:
            kind = next((info.type for info in msgspec.structs.fields(struct) if info.name == part), None)
        else:
            kind = next(iter(get_args(inner)), None)
    return kind


def _form(kind: Any, meta: Any = None) -> str:
    """`a whole number >= 1 and <= 6,000`; empty for what has no simple form."""
    if get_origin(kind) is Annotated:
        return _form(kind.__origin__, kind.__metadata__[0])
    if get_origin(kind) is Literal:
        return " or ".join(map(repr, sorted(get_args(kind))))
    if get_origin(kind) in (Union, UnionType):
        forms = [_form(one) for one in get_args(kind) if one is not NoneType]
        return " or ".join(forms) if all(forms) else ""
    if struct_of(kind) is not None:
        return "a table of fields"
    if kind is datetime:
        return "a moment with its zone, as 2026-12-01T14:00:00Z"
    if getattr(meta, "pattern", None) is not None:
        return "a clock time HH:MM" if meta.pattern == CLOCK else f"text that matches {meta.pattern}"
    if get_origin(kind) is dict:
        return "a table of text"
    if get_origin(kind) is tuple and Ellipsis not in get_args(kind):
        return f"a list of {len(get_args(kind))}"
    if get_origin(kind) in (list, tuple):
        return _list_form(meta)
    if kind is str and getattr(meta, "min_length", None):
        return "text that is not empty"
    if kind not in KINDS:
        return ""
    bounds = [
        f"{sign} {_number(getattr(meta, name))}"
        for name, sign in BOUNDS
        if getattr(meta, name, None) is not None
    ]
    return f"{KINDS[kind]} {' and '.join(bounds)}".rstrip()


def _list_form(meta: Any) -> str:
    least, most = getattr(meta, "min_length", None), getattr(meta, "max_length", None)
    if least and least == most:
        return f"a list of {least}"
    return "a list that is not empty" if least else "a list"


def _number(bound: float) -> str:
    return f"{bound:,}" if isinstance(bound, int) else f"{bound:g}"


def _plain(what: str) -> str:
    return re.sub(r", got .*$", "", what.replace("Expected", "must be", 1).replace("`", ""))

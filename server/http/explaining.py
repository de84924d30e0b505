"""What is wrong with JSON of another shape than its type: where, and what it may be instead.

msgspec names the place and the first fault; what is allowed there is read from the type, once it has failed.
"""

import re
from collections.abc import Iterator, Sequence
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import msgspec
from msgspec import Meta, Struct

from scenarios.errors import nearest

# What decoding raises for bytes that are no JSON, no UTF-8, or nested deeper than Python can go.
NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
STEP = re.compile(r"\.[^.\[]+|\[(?:\.\.\.|\d+)\]")  # of a path: a field; a place in a list, or some key
NAMED = re.compile(r"Object (contains unknown|missing required) field `(.*)`", re.DOTALL)
SOME_KEY = "[...]"  # of a dictionary; msgspec does not say which


class Fault(NamedTuple):
    """`path` is None for the whole document; `is_missing`: nothing is there."""

    what: str
    path: str | None
    is_missing: bool = False


def fault_of(error: msgspec.ValidationError, kind: Any, raw: bytes | None = None) -> Fault:
    """What msgspec found wrong when it decoded `kind`, with what is allowed there.

    `raw`: the document, in which the keys of dictionaries are looked up; without it they are "[...]".
    """
    what, _, where = str(error).partition(" - at `$")
    steps = STEP.findall(where.rstrip("`"))
    if SOME_KEY in steps:
        steps = _with_keys(steps, kind, _decoded(raw))
    parts = _at(kind, steps)
    if (named := NAMED.match(what)) is None:
        return Fault(_told(what, parts), _joined(steps) or None)
    if is_missing := named[1].startswith("missing"):
        what = f"the field {named[2]} is missing"
    else:
        fields = _fields(parts)
        may_be = nearest(named[2], fields) or f"; there are {', '.join(fields)}"
        what = f"unknown field {named[2]}{may_be if fields else ''}"
    return Fault(what, _joined([*steps, f".{named[2]}"]), is_missing)


class _Part(NamedTuple):
    """One of the types that a value may have, and what the type's description says."""

    kind: Any
    about: str


def _parts(kind: Any, about: str = "") -> Iterator[_Part]:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated:
        told = [meta.description for meta in inner[1:] if isinstance(meta, Meta) and meta.description]
        yield from _parts(inner[0], told[0] if told else about)
    elif origin in (Union, UnionType):
        for one in inner:
            yield from _parts(one, about)
    else:
        yield _Part(kind, about)


def _at(kind: Any, steps: Sequence[str]) -> list[_Part]:
    """What may stand at a path."""
    parts = list(_parts(kind))
    for step in steps:
        parts = [part for above in parts for one in _below(above.kind, step) for part in _parts(one)]
    return parts


def _below(kind: Any, step: str) -> list[Any]:
    """The types of a field, of an item, or of a dictionary's value; none where there is no such thing."""
    if _is_struct(kind):
        return [field.type for field in msgspec.structs.fields(kind) if f".{field.encode_name}" == step]
    return [get_args(kind)[-1]] if get_origin(kind) in (list, dict) else []


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)


def _with_keys(steps: Sequence[str], kind: Any, value: Any) -> list[str]:
    """The path with the first key of each dictionary whose value is wrong; as it is from where none is found.

    The document may hold a key twice, and another value under it than the one that was found wrong.
    """
    found: list[str] = []
    for step in steps:
        if step == SOME_KEY and isinstance(value, dict):
            below = [one for above in _at(kind, found) for one in _below(above.kind, step)]
            step = next((f".{key}" for key, one in value.items() if not _fits(one, below)), step)
        if step == SOME_KEY:
            break
        found.append(step)
        value = _inside(value, step)
    return [*found, *steps[len(found) :]]


def _inside(value: Any, step: str) -> Any:
    """What stands in `value` at a step; None where there is nothing."""
    if step.startswith("."):
        return value.get(step[1:]) if isinstance(value, dict) else None
    place = int(step[1:-1])
    return value[place] if isinstance(value, list) and place < len(value) else None


def _fits(value: Any, kinds: Sequence[Any]) -> bool:
    return any(_is(value, kind) for kind in kinds)


def _is(value: Any, kind: Any) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True


def _decoded(raw: bytes | None) -> Any:
    """The document; None where what comes after its fault cannot be read."""
    try:
        return None if raw is None else msgspec.json.decode(raw)
    except NOT_JSON:
        return None


def _fields(parts: Sequence[_Part]) -> list[str]:
    structs = [part.kind for part in parts if _is_struct(part.kind)]
    return [field.encode_name for kind in structs for field in msgspec.structs.fields(kind)]


def _told(what: str, parts: Sequence[_Part]) -> str:
    words = [str(word) for part in parts if get_origin(part.kind) is Literal for word in get_args(part.kind)]
    if what.startswith("Invalid enum value") and words:
        return f"{what}; must be one of {', '.join(words)}"
    about = next((part.about for part in parts if part.about), "")
    if about and " matching regex " in what:
        return about
    return f"{what}; {about}" if about else what


def _joined(steps: Sequence[str]) -> str:
    return "".join(steps).removeprefix(".")

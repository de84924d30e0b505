"""Every parameter of a scenario with its value, unit and source."""

from pathlib import Path
from typing import Any

import msgspec

from scenarios.loading import Loaded, leaves


class Row(msgspec.Struct, frozen=True):
    """One parameter. `source` is a claim id, a paper, "assumed: why", or who set the value."""

    path: str
    value: Any
    unit: str
    source: str
    meaning: str


def rows(loaded: Loaded) -> list[Row]:
    """One row for every parameter of the schema, in its order."""
    return [_row(loaded, path, info) for path, info in leaves()]


def _row(loaded: Loaded, path: str, info: Any) -> Row:
    meta = info.type.__metadata__[0]
    value: Any = loaded.scenario
    for name in path.split("."):
        value = getattr(value, name)
    return Row(
        path=path,
        value=_plain(value),
        unit=meta.extra["unit"],
        source=_source(loaded, path, meta.extra["source"], _is_default(info, value)),
        meaning=meta.description,
    )


def _plain(value: Any) -> Any:
    """Lists and tables as they are after a way through a file."""
    if isinstance(value, list | tuple | dict | msgspec.Struct):
        return msgspec.json.decode(msgspec.json.encode(value))
    return value


def _is_default(info: Any, value: Any) -> bool:
    return info.default is not msgspec.NODEFAULT and bool(info.default == value)


def _source(loaded: Loaded, path: str, of_default: str, is_default: bool) -> str:
    origin = loaded.origins.get(path)
    if origin == "--set":
        return "--set on the command line"
    if path in loaded.sources:
        return loaded.sources[path]
    if origin is None or is_default:
        return of_default
    # The default's source says nothing of another value.
    hint = ", which states no source" if of_default not in ("", "scenario") else ""
    return f"{Path(origin).name}{hint}"

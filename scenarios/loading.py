"""From a scenario file to a `Scenario`: TOML, `extends`, `--set`, sources beside values, one-line errors."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from scenarios.checks import problem_of
from scenarios.errors import InputError, nearest
from scenarios.explaining import explained, file_of, struct_of
from scenarios.schema import Scenario
from scenarios.schema.business import pace_of

SHIPPED = Path(__file__).parent
LEAST_RUNS, MOST_RUNS, CUSTOMERS_IN_ALL = 3, 20, 200_000  # where experiment.replications is 0
VALUE_KEYS = ({"value"}, {"value", "source"})


class Loaded(NamedTuple):
    """A checked scenario with where it came from.

    `sources` maps a dotted path to the source that the file states beside that value; `origins` maps it to
    the file (or `--set`) that set it. Paths in neither hold the schema's default.
    """

    scenario: Scenario
    path: Path
    sources: dict[str, str]
    origins: dict[str, str]

    @property
    def contacts_path(self) -> Path:
        """Where the contact file is: relative to the scenario file that was loaded."""
        return (self.path.parent / self.scenario.population.contacts).resolve()

    @property
    def orders_path(self) -> Path | None:
        """Where the file of past orders is, likewise; None if the scenario names none."""
        name = self.scenario.population.orders
        return (self.path.parent / name).resolve() if name else None


def shipped() -> dict[str, Path]:
    """Name -> path of every scenario that comes with the product."""
    return {path.stem: path for path in sorted(SHIPPED.glob("*.toml"))}


def find(name_or_path: str) -> Path:
    """The file of a shipped scenario's name or of a path; InputError if there is none."""
    known = shipped()
    if name_or_path in known:
        return known[name_or_path]
    path = Path(name_or_path)
    if path.is_file():
        return path
    if path.suffix == ".toml" or "/" in name_or_path:
        raise InputError(f"{name_or_path}: no such scenario file")
    hint = nearest(name_or_path, list(known))
    raise InputError(f"{name_or_path}: no shipped scenario of that name{hint} (have: {', '.join(known)})")


def load(name_or_path: str, settings: Sequence[str] = ()) -> Loaded:
    """Load, override and check a scenario.

    `settings` are `PATH=VALUE` strings, applied in order after the file; VALUE is TOML,
    and bare words are strings.
    Raises InputError with one line that names file, field, what was found and what is allowed.
    """
    path = find(name_or_path)
    layers = [(str(p), table) for p, table in _chain(path)]
    layers += [(f"--set {setting}", _table_of(setting)) for setting in settings]
    merged: dict[str, Any] = {}
    sources: dict[str, str] = {}
    origins: dict[str, str] = {}
    for origin, table in layers:
        plain = _unwrap(table, "", sources, origins, "--set" if origin.startswith("--set") else origin)
        _check_names(plain, Scenario, "", origin)
        merged = _merge(merged, plain)
    _rebase_files(merged, origins, path)
    scenario = _paced(with_replications(_convert(merged, path, origins)), sources, origins)
    if problem := problem_of(scenario) or _unstated_rate(scenario, origins):
        raise InputError(f"{file_of(problem.partition(':')[0], path, origins)}: {problem}")
    loaded = Loaded(scenario, path, sources, origins)
    for field, file, name in (
        ("population.contacts", loaded.contacts_path, scenario.population.contacts),
        ("population.orders", loaded.orders_path, scenario.population.orders),
    ):
        if file is not None and not file.is_file():
            raise InputError(_no_file(field, file, name, path, origins))
    return loaded


def _no_file(field: str, file: Path, name: str, path: Path, origins: Mapping[str, str]) -> str:
    origin = file_of(field, path, origins)
    if file.is_dir():
        return f"{origin}: {field}: found {name!r}, which is a folder; give the path of a CSV"
    if origin == "--set":  # made absolute when it was set
        shown = file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
        return (
            f"--set: {field}: found {str(shown)!r}; no such file; give the path of a CSV from where you are"
        )
    return (
        f"{origin}: {field}: found {name!r}; no such file beside the scenario; give the path of a CSV "
        f"relative to {origin}"
    )


def _unstated_rate(scenario: Scenario, origins: Mapping[str, str]) -> str | None:
    """A currency of one's own at the default of 1, unless that is stated: a few are at par."""
    currency = scenario.costs.currency
    if currency == "USD" or "costs.usd_rate" in origins:
        return None
    return f"costs.currency: found {currency} without costs.usd_rate; state how many {currency} are one USD"


def extends(path: Path) -> bool:
    """Whether a scenario file builds on another one; InputError if it cannot be read."""
    return "extends" in _read(path)


def leaves(kind: type[msgspec.Struct] = Scenario, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every parameter of the schema as (dotted path, msgspec field), in order of definition."""
    for info in msgspec.structs.fields(kind):
        path = f"{prefix}{info.name}"
        inner = struct_of(info.type)
        if inner is not None:
            yield from leaves(inner, f"{path}.")
        else:
            yield path, info


def _chain(path: Path, seen: tuple[Path, ...] = ()) -> list[tuple[Path, dict[str, Any]]]:
    """The file and those it extends, furthest ancestor first."""
    if path in seen:
        raise InputError(
            f"{path.name}: extends: goes round in a circle ({' -> '.join(p.name for p in seen)})"
        )
    table = _read(path)
    parent = table.pop("extends", None)
    if parent is None:
        return [(path, table)]
    if not isinstance(parent, str):
        raise InputError(f"{path.name}: extends: found {parent!r}; must be a scenario name or a path")
    return [*_chain(_parent(path, parent), (*seen, path)), (path, table)]


def _parent(path: Path, name: str) -> Path:
    base = path.parent / name
    try:
        return base if base.is_file() else find(name)
    except InputError as error:
        raise InputError(f"{path.name}: extends: {error}") from None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))  # Windows editors write a byte order mark
    except RecursionError:
        raise InputError(f"{path.name}: not valid TOML: nested too deeply") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path.name}: not valid TOML: {error}") from None
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path.name}: not UTF-8 text at byte {error.start}; save the file as UTF-8"
        ) from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None


def _table_of(setting: str) -> dict[str, Any]:
    """`a.b=1` as `{"a": {"b": 1}}`."""
    dotted, equals, text = setting.partition("=")
    if not equals or not all(dotted.strip().split(".")):
        raise InputError(f"--set {setting}: must be PATH=VALUE, as in pacing.rate_per_min=25")
    try:
        table = tomllib.loads(f"value = {text}")
        value = table["value"] if len(table) == 1 else text  # a line break may hide a second setting
    except RecursionError:
        raise InputError(f"--set {dotted}: the value is nested too deeply") from None
    except ValueError:  # no TOML, or a number of thousands of digits
        value = text
    nested: Any = value
    for name in reversed(dotted.strip().split(".")):
        nested = {name: nested}
    return dict(nested)


def _unwrap(
    table: Mapping[str, Any],
    prefix: str,
    sources: dict[str, str],
    origins: dict[str, str],
    origin: str,
) -> dict[str, Any]:
    """Strip `{value, source}` wrappers and note sources and origins by path."""
    plain: dict[str, Any] = {}
    for name, value in table.items():
        path = f"{prefix}{name}"
        if isinstance(value, Mapping) and set(value) not in VALUE_KEYS and path != "campaign.fallbacks":
            plain[name] = _unwrap(value, f"{path}.", sources, origins, origin)
            continue
        sources.pop(path, None)
        if isinstance(value, Mapping) and set(value) in VALUE_KEYS:
            if "source" in value:
                sources[path] = str(value["source"])
            value = value["value"]
        origins[path] = origin
        plain[name] = value
    return plain


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, value in over.items():
        old = merged.get(name)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        merged[name] = _merge(old, value) if both else value  # type: ignore[arg-type]
    return merged


def _rebase_files(merged: dict[str, Any], origins: Mapping[str, str], path: Path) -> None:
    """A file named by a parent is beside the parent; `--set` names one from the working folder."""
    population = merged.get("population")
    if not isinstance(population, dict):
        return
    for name in ("contacts", "orders"):
        file = population.get(name)
        origin = origins.get(f"population.{name}", str(path))
        folder = Path.cwd() if origin == "--set" else Path(origin).parent
        if isinstance(file, str) and file and folder.resolve() != path.parent.resolve():
            population[name] = str((folder / file).resolve())


def _check_names(table: Mapping[str, Any], kind: type[msgspec.Struct], prefix: str, origin: str) -> None:
    """Unknown field -> InputError naming the nearest valid one."""
    fields = {info.name: info for info in msgspec.structs.fields(kind)}
    where = origin if origin.startswith("--set") else Path(origin).name
    for name, value in table.items():
        if name not in fields:
            hint = nearest(name, list(fields))
            raise InputError(f"{where}: {prefix}{name}: unknown field{hint} (allowed: {', '.join(fields)})")
        inner = struct_of(fields[name].type)
        if inner is None:
            continue
        if not isinstance(value, Mapping):
            raise InputError(f"{where}: {prefix}{name}: found {value!r}; must be a table of fields")
        _check_names(value, inner, f"{prefix}{name}.", origin)


def with_replications(scenario: Scenario) -> Scenario:
    """The scenario with a number of replications, where it leaves that open."""
    experiment = scenario.experiment
    if experiment.replications:
        return scenario
    wanted = max(LEAST_RUNS, min(MOST_RUNS, CUSTOMERS_IN_ALL // scenario.population.size))
    return msgspec.structs.replace(
        scenario, experiment=msgspec.structs.replace(experiment, replications=wanted)
    )


def _paced(scenario: Scenario, sources: dict[str, str], origins: dict[str, str]) -> Scenario:
    """With the pace of a business's numbers, whatever the scenario that it extends says of an app's."""
    if scenario.accounts.kind != "business":
        return scenario
    pace = pace_of(scenario.business)
    for name in pace:
        path = f"pacing.{name}"
        if origins.pop(path, None) == "--set":
            raise InputError(
                f"--set {path}: accounts.kind is business, whose pace is business.messages_per_s; set that"
            )
        sources[path] = "derived: business.messages_per_s, of a number of the platform"
    return msgspec.structs.replace(scenario, pacing=msgspec.structs.replace(scenario.pacing, **pace))


def _convert(merged: dict[str, Any], path: Path, origins: Mapping[str, str]) -> Scenario:
    try:
        return msgspec.convert(merged, Scenario)
    except msgspec.ValidationError as error:
        raise InputError(explained(str(error), merged, path, origins)) from None

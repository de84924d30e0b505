"""Variants of a scenario to compare with it: from the command line or from files that extend it."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from scenarios.errors import InputError
from scenarios.loading import Loaded, extends, find, load
from scenarios.provenance import rows

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
# a comma within quotes, brackets or braces belongs to a value
SETTING = re.compile(r"""(?:"[^"]*"|'[^']*'|\[[^\]]*\]|\{[^}]*\}|[^,])+""")
SHARED = ("seed", "replications", "confidence", "warm_up_days")  # of [experiment]: pairs need the same


class Variant(NamedTuple):
    """A scenario beside its base. `settings`: PATH=VALUE, what was stated to differ."""

    name: str
    settings: list[str]
    loaded: Loaded


def variants_of(
    base: Loaded, stated: Sequence[str], files: Sequence[Path], settings: Sequence[str] = ()
) -> list[Variant]:
    """Load variants stated as `NAME:PATH=VALUE,...`, then those in TOML files, named by their stem.

    `settings` (those of the base, PATH=VALUE) apply to every variant: below what a stated one says, above
    what a file says. Raises InputError, in one line, for a malformed variant, a name given twice, a file that
    extends nothing, no variant at all, or one whose random numbers would not pair with the base's.
    """
    variants = [_stated(base, text, settings) for text in stated]
    variants += [_from_file(base, path, settings) for path in files]
    if not variants:
        raise InputError(
            "no variant to compare with; give --variant NAME:PATH=VALUE or a file that extends it"
        )
    names = [variant.name for variant in variants]
    for name in names:
        if name == "base" or names.count(name) > 1:
            raise InputError(f"variant {name}: the name is taken; give each variant a name of its own")
    for variant in variants:
        _check_pairs(base, variant)
    return variants


def _stated(base: Loaded, text: str, settings: Sequence[str]) -> Variant:
    name, colon, rest = text.partition(":")
    own = [part.strip() for part in SETTING.findall(rest)]
    if not colon or not own or not NAME.fullmatch(name):
        raise InputError(
            f"--variant {text}: must be NAME:PATH=VALUE, as in fast:pacing.rate_per_min=25 "
            "(a name has letters, digits, '_', '.' and '-')"
        )
    try:
        return Variant(name, own, load(str(base.path), [*settings, *own]))
    except InputError as error:
        what = str(error).removeprefix("--set ").removeprefix("--set: ")
        raise InputError(f"variant {name}: {what}") from None


def _from_file(base: Loaded, path: Path, settings: Sequence[str]) -> Variant:
    file = find(str(path))
    if not extends(file):
        raise InputError(
            f"{file.name}: extends: is missing; a variant names the scenario that it extends, "
            f"as in extends = {base.scenario.name!r}, and states what differs"
        )
    loaded = load(str(file), settings)
    return Variant(file.stem, _differing(base, loaded), loaded)


def _differing(base: Loaded, other: Loaded) -> list[str]:
    """Parameters whose values differ, as PATH=VALUE; not its name and title."""
    passed_over = {"name", "title"}
    if base.contacts_path == other.contacts_path:  # the same file, named from another folder
        passed_over.add("population.contacts")
    if base.orders_path == other.orders_path:
        passed_over.add("population.orders")
    pairs = zip(rows(base), rows(other), strict=True)
    return [
        f"{row.path}={msgspec.json.encode(row.value).decode()}"
        for before, row in pairs
        if row.value != before.value and row.path not in passed_over
    ]


def _check_pairs(base: Loaded, variant: Variant) -> None:
    for name in SHARED:
        ours, theirs = (getattr(x.scenario.experiment, name) for x in (base, variant.loaded))
        if ours != theirs:
            raise InputError(
                f"variant {variant.name}: experiment.{name}: found {theirs}; must be the base's {ours}, "
                f"so that each replication is paired; set it for all with --set experiment.{name}={theirs}"
            )

"""Every parameter at the ends of its range: a run whose arithmetic stays sound, or one line that refuses it."""

import warnings
from collections.abc import Iterator
from math import isinf
from typing import Any

import pytest

from scenarios.errors import InputError
from scenarios.json_schema import json_schema
from scenarios.loading import load
from simulator.results.summary import simulate_once
from simulator.world import world_of

SMALL = ["population.size=40", "experiment.replications=2", "experiment.horizon_days=3"]
FIXED = {setting.split("=")[0] for setting in SMALL}
LARGE = 1e9  # where a parameter has no end
NEAR = 1e-9  # of an end that is not in the range
SCHEMA = json_schema()


def numbers(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Paths of all numbers, with what the schema says of them."""
    if "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].rsplit("/", 1)[-1]]
    for one in schema.get("anyOf", []):
        yield from numbers(one, path)
    properties = schema.get("properties", {})
    if {"value", "source"} <= properties.keys():
        yield from numbers(properties["value"], path)
    else:
        for name, one in properties.items():
            yield from numbers(one, f"{path}.{name}" if path else name)
    if schema.get("type") in ("number", "integer"):
        yield path, schema


def ends(schema: dict[str, Any]) -> tuple[float, float]:
    whole = schema["type"] == "integer"
    near = 1 if whole else NEAR
    low = schema.get("minimum", schema.get("exclusiveMinimum", 0) + near)
    high = schema.get("maximum", schema.get("exclusiveMaximum", LARGE) - near)
    return (int(low), int(high)) if whole else (low, high)


CASES = [
    (path, value)
    for path, schema in dict(numbers(SCHEMA)).items()
    if path not in FIXED
    for value in ends(schema)
]


@pytest.mark.parametrize(("path", "value"), CASES)
def test_an_extreme_parameter_is_simulated_or_refused(path: str, value: float) -> None:
    scenario = "business_push" if path.startswith("business.") else "daily_programme"
    try:
        loaded = load(scenario, [*SMALL, f"{path}={value}"])
    except InputError as error:
        refusal = str(error)
        assert path.partition(".")[0] in refusal
        assert "\n" not in refusal
        return
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kpis = simulate_once(world_of(loaded), 1).kpis
    assert kpis["messages_sent"] >= kpis["messages_delivered"] >= kpis["messages_read"] >= 0
    assert not any(map(isinf, kpis.values()))

"""JSON Schema of scenario files as people write them, for editors."""

from typing import Any

import msgspec

from scenarios.schema import Scenario


def json_schema() -> dict[str, Any]:
    """The schema of `Scenario`, with `extends` and with sources beside values; nothing is required of a
    file, since it may extend another."""
    schema = msgspec.json.schema(Scenario)
    for definition in schema["$defs"].values():
        definition.pop("required", None)
        for name, field in definition.get("properties", {}).items():
            if "$ref" not in field:
                definition["properties"][name] = _with_source(field)
    schema["$defs"]["Scenario"]["properties"]["extends"] = {
        "description": "scenario that this one changes: a shipped name or a path",
        "type": "string",
    }
    return schema


def _with_source(field: dict[str, Any]) -> dict[str, Any]:
    sourced = {
        "type": "object",
        "properties": {"value": field, "source": {"type": "string"}},
        "required": ["value"],
        "additionalProperties": False,
    }
    return {"description": field.get("description", ""), "anyOf": [field, sourced]}

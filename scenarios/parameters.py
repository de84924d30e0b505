"""How a parameter of a scenario is declared: its range, unit, meaning and the source of its default.

A source is a claim id of the project's claims files (C020, G058, ...), a published paper, or "assumed" with
the reason.
"""

from typing import Any

from msgspec import Meta, Struct


def parameter(
    text: str,
    *,
    unit: str = "",
    source: str = "",
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    min_length: int | None = None,
    max_length: int | None = None,
    pattern: str | None = None,
) -> Meta:
    """Range, meaning, unit and default's source of one parameter, as msgspec metadata."""
    limits: dict[str, Any] = {
        "ge": ge,
        "gt": gt,
        "le": le,
        "lt": lt,
        "min_length": min_length,
        "max_length": max_length,
        "pattern": pattern,
    }
    return Meta(
        description=text,
        extra={"unit": unit, "source": source},
        extra_json_schema={"x-unit": unit, "x-source": source},
        **{name: limit for name, limit in limits.items() if limit is not None},
    )


class Frozen(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of every scenario struct: immutable, and a typo is an error."""


CLOCK = r"^([01]\d|2[0-3]):[0-5]\d$"

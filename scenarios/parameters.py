"""How a parameter of a scenario is declared: its range, unit, meaning and the source of its default.

A source is a claim id of the project's claims files (C020, G058, ...), a published paper, or "assumed" with
the reason.
"""

from typing import Any

from msgspec import Meta, Struct

MOST = 1_000_000_000  # of a number that states no highest: enough for any price, time or count of this world


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
    """Range, meaning, unit and default's source of one parameter, as msgspec metadata.

    A number that states a least value and no highest is at most MOST: what is infinite, or overflows, is no
    answer to anything.
    """
    if (ge is not None or gt is not None) and le is None and lt is None:
        le = MOST
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

"""The document of a comparison: a base scenario and its variants under the same luck."""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from scenarios import documents
from scenarios.provenance import Row
from scenarios.result import Kpi

FILE_NAME = "compare.json"


class Difference(Struct, frozen=True):
    """Variant - base, paired by replication, in the KPI's unit.

    `low`, `high`: its interval at the comparison's `adjusted_confidence`; `distinguishable`: it excludes 0.
    """

    value: float
    low: float
    high: float
    unit: str
    distinguishable: bool


class Compared(Struct, frozen=True):
    """A variant: what was stated to differ, its KPIs, and their differences from the base's."""

    settings: list[str]
    kpis: dict[str, Kpi]
    differences: dict[str, Difference]


class Best(Struct, frozen=True):
    """Which of base and variants has the highest (or `lowest`) mean of a KPI.

    If one leads every other by `indifference` (the KPI's unit), it is `chosen` with probability >=
    `confidence`; None: not decided within `budget` replications. `standing`: those not left out by then.
    `means`: over the `replications` of each.
    """

    kpi: str
    lowest: bool
    indifference: float
    confidence: float
    chosen: str | None
    standing: list[str]
    means: dict[str, float]
    replications: dict[str, int]
    budget: int


class Comparison(Struct, frozen=True, kw_only=True):
    """`confidence` is that of each KPI's interval; `adjusted_confidence` that of each difference's.

    Bonferroni: with `family` variants, 1 - (1 - confidence) / family; so all verdicts on one KPI hold
    together with at least `confidence`.
    """

    kind: Literal["comparison"] = "comparison"
    scenario: str
    seed: int
    replications: Annotated[int, Meta(ge=2)]
    confidence: float
    family: Annotated[int, Meta(ge=1)]
    adjusted_confidence: float
    base: dict[str, Kpi]
    variants: dict[str, Compared]
    best: Best | UnsetType = UNSET  # left out of the document where it was not asked
    provenance: dict[str, Row]


encode = documents.encode


def write(comparison: Comparison, folder: Path) -> Path:
    """Write `compare.json` into a folder (made if missing), whole or not at all."""
    return documents.write(encode(comparison), folder, FILE_NAME)


def read(path: Path) -> Comparison:
    """Read a comparison from its file or its folder; InputError if it is missing or malformed."""
    return documents.read(path, FILE_NAME, Comparison, "comparison document")

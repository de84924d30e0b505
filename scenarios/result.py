"""The result document: the same shape from the simulator and from a load test."""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from scenarios import documents
from scenarios.kpis import UNITS
from scenarios.provenance import Row

FILE_NAME = "result.json"


class Kpi(Struct, frozen=True):
    """An estimate with its interval; low = value = high where nothing is random."""

    value: float
    low: float
    high: float
    unit: str


class Series(Struct, frozen=True):
    """A time series: seconds from the start, and a value for each."""

    t_s: list[float]
    value: list[float]


class Distribution(Struct, frozen=True):
    """An empirical distribution: `counts[i]` observations in `[edges[i], edges[i + 1])`."""

    edges: list[float]
    counts: list[float]
    unit: str


class Calibration(Struct, frozen=True):
    """What an idle server needs for a message, and for each of many that come at once.

    `times_s`: from a message to its answer, in s, each > 0, sent one after another. `busy_share`, in (0, 1]:
    how much of that the server itself is busy, so that others must wait; the rest (a flush to disk, a
    hand-over) passes for many messages at once. `together_s`, > 0: of a server that answers what came
    meanwhile together, as one that commits in groups does, how much each further message of a group takes;
    null: each is answered by itself. `client_s`: what the load generator itself takes for a message, which
    goes through it one after another, on its way out and back; 0: not measured.
    """

    times_s: list[float]
    busy_share: float
    together_s: float | None = None
    client_s: float = 0.0


class Precision(Struct, frozen=True):
    """Replications added until an interval was narrow enough.

    `asked` and `achieved`: half-width of the interval of `kpi` / mean (`achieved` is None where that is
    undefined). `first`: the number of replications from which on it held; None if it did not hold within
    `budget` replications.
    """

    kpi: str
    asked: float
    achieved: float | None
    first: int | None
    budget: int


class OwnCurrency(Struct, frozen=True):
    """The KPIs that are money once more, in the scenario's own currency; `per_usd` of it are one USD."""

    code: str
    per_usd: float
    kpis: dict[str, Kpi]


class Tier(Struct, frozen=True):
    """A tier of customers by recency, frequency and money: fractions of customers and of revenue."""

    name: str
    customers: Kpi
    revenue: Kpi


class Survival(Struct, frozen=True):
    """How long accounts last, all replications together: Kaplan-Meier, with an interval at each step.

    From `days[i]` days after their first use, the moment of a ban, until the next a share of `share[i]` is
    not banned, `low[i]` to `high[i]`; before the first it is 1. `at_risk[i]` were watched until then. Of
    `accounts` that were used `banned` were banned; none was watched for longer than `watched_days`.
    """

    days: list[float]
    at_risk: list[int]
    share: list[float]
    low: list[float]
    high: list[float]
    accounts: int
    banned: int
    watched_days: float


class WarmUp(Struct, frozen=True):
    """The first `days` days, which the KPIs named in `kpis` leave out.

    `by_series`: how many MSER-5 would leave out of each daily series, of which `days` is the most; empty
    where the scenario states the number.
    """

    days: int
    kpis: list[str]
    by_series: dict[str, int]


class Verdict(Struct, frozen=True):
    """A service level against its KPI; `least`: the bound is the least allowed value, else the most."""

    service_level: str
    kpi: str
    bound: float
    least: bool
    value: float
    met: bool


class Result(Struct, frozen=True, kw_only=True):
    kind: Literal["simulation", "load"]
    scenario: str
    seed: int
    replications: Annotated[int, Meta(ge=1)]
    horizon_s: float
    kpis: dict[str, Kpi]
    series: dict[str, Series] = field(default_factory=dict)
    distributions: dict[str, Distribution] = field(default_factory=dict)
    verdicts: list[Verdict] = field(default_factory=list)
    calibration: Calibration | UnsetType = UNSET  # left out of the document where there is none
    precision: Precision | UnsetType = UNSET  # likewise
    own_currency: OwnCurrency | UnsetType = UNSET  # left out if it is USD
    tiers: list[Tier] | UnsetType = UNSET  # from the most valuable to those who bought nothing
    survival: Survival | UnsetType = UNSET  # of accounts; left out where none was used
    warm_up: WarmUp | UnsetType = UNSET  # left out where nothing is
    provenance: dict[str, Row] = field(default_factory=dict)
    wall_s: float = 0.0
    exposures: int = 0


def kpi(name: str, value: float, low: float | None = None, high: float | None = None) -> Kpi:
    """A KPI of a known name; KeyError for a name without a definition."""
    return Kpi(value, value if low is None else low, value if high is None else high, UNITS[name])


def in_own_currency(kpis: dict[str, Kpi], code: str, per_usd: float) -> OwnCurrency | UnsetType:
    """Every KPI named `..._usd` in a currency of which `per_usd` are one USD; unset for USD itself."""
    if code == "USD":
        return UNSET
    own = {
        f"{name.removesuffix('usd')}{code.lower()}": Kpi(
            found.value * per_usd,
            found.low * per_usd,
            found.high * per_usd,
            found.unit.replace("USD", code),
        )
        for name, found in kpis.items()
        if name.endswith("_usd")
    }
    return OwnCurrency(code, per_usd, own)


def provenance_of(rows: list[Row]) -> dict[str, Row]:
    return {row.path: row for row in rows}


encode = documents.encode


def write(result: Result, folder: Path) -> Path:
    """Write `result.json` into a folder (made if missing), whole or not at all."""
    return documents.write(encode(result), folder, FILE_NAME)


def read(path: Path) -> Result:
    """Read a result from its file or its folder; InputError if it is missing or malformed."""
    return documents.read(path, FILE_NAME, Result, "result document")

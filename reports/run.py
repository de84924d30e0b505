"""What one page is about: a simulation, a load test, or both of the same scenario."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from scenarios.errors import InputError
from scenarios.result import Kpi, Result

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?$")
WORDS = {"simulation": "predicted", "load": "measured"}


class Run(msgspec.Struct, frozen=True):
    """The predicted and the measured result of one scenario; at least one is there."""

    predicted: Result | None
    measured: Result | None

    @property
    def results(self) -> list[Result]:
        return [result for result in (self.predicted, self.measured) if result is not None]

    @property
    def scenario(self) -> str:
        return self.results[0].scenario

    def kpi(self, name: str) -> Kpi | None:
        """The predicted KPI, or the measured one where nothing was predicted."""
        return next((result.kpis[name] for result in self.results if name in result.kpis), None)

    def parameter(self, path: str) -> Any:
        """A parameter's value in plain types (a time is ISO text), None if the results do not carry it."""
        row = next((result.provenance[path] for result in self.results if path in result.provenance), None)
        return None if row is None else msgspec.to_builtins(row.value)

    def number(self, path: str) -> float | None:
        value = self.parameter(path)
        return value if isinstance(value, int | float) else None

    def moment(self, path: str) -> datetime | None:
        """A parameter that is a time with its zone."""
        value = self.parameter(path)
        return datetime.fromisoformat(value) if isinstance(value, str) and TIME.match(value) else None


def run_of(results: Sequence[Result]) -> Run:
    """The results of one run; InputError if there is none, two of a kind, or more than one scenario."""
    if not results:
        raise InputError("report: no results; give at least one folder with a result.json")
    scenarios = sorted({result.scenario for result in results})
    if len(scenarios) > 1:
        raise InputError(f"report: results of several scenarios ({', '.join(scenarios)}); give those of one")
    kinds = [result.kind for result in results]
    if len(set(kinds)) < len(kinds):
        raise InputError(
            f"report: two results of kind {max(kinds, key=kinds.count)!r}; a page shows one of each"
        )
    by_kind = {result.kind: result for result in results}
    return Run(by_kind.get("simulation"), by_kind.get("load"))

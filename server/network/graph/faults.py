"""Faults on demand: each for the next so many chances or for a share of them, drawn by a seed of its own.

A request's faults: `latency` (wait `seconds`, then go on), `error` (refuse with the platform's `code`),
`outage` (HTTP `http`, and no JSON), `drop_request` (close the connection, nothing was done), `drop_answer`
(done, but the connection is closed before the answer: the client cannot know).
A message's: `fail` (accepted; later `failed` with `code`).
A webhook's, for the updates that `of` names or for all: `drop` (never told), `duplicate` (told twice),
`reorder` (held back up to `seconds`, so that later ones overtake it), `slow` (told `seconds` later).
"""

from collections.abc import Callable
from itertools import count
from typing import Annotated, Literal

from msgspec import Meta, Struct, structs

from server.network.errors import CODES
from server.network.graph.chance import draws

Kind = Literal[
    "latency",
    "error",
    "outage",
    "drop_request",
    "drop_answer",
    "fail",
    "drop",
    "duplicate",
    "reorder",
    "slow",
]
Of = Literal["sent", "delivered", "read", "failed", "message", "account"]
REQUEST_KINDS: tuple[Kind, ...] = ("latency", "error", "outage", "drop_request", "drop_answer")
NEEDS_CODE = ("error", "fail")
NEEDS_SECONDS = ("latency", "reorder", "slow")
WEBHOOK_KINDS: tuple[Kind, ...] = ("drop", "duplicate", "reorder", "slow")


class Fault(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is asked for. `seconds` of the emulator's clock; `next` None: until it is taken off.

    `number` (a phone_number_id) limits it to one number.
    """

    kind: Kind
    share: Annotated[float, Meta(gt=0, le=1)] = 1.0
    next: Annotated[int, Meta(ge=1)] | None = None
    seconds: Annotated[float, Meta(ge=0, le=7 * 86_400)] | None = None
    code: int | None = None
    http: Annotated[int, Meta(ge=500, le=599)] = 503
    of: Of | None = None
    number: str | None = None
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 1


class Shown(Struct):
    """A fault that is on, as it is listed: `seen` chances, `hits` of them taken."""

    id: int
    fault: Fault
    seen: int = 0
    hits: int = 0

    @property
    def is_over(self) -> bool:
        return self.fault.next is not None and self.hits >= self.fault.next


def problem_of(fault: Fault) -> tuple[str, str] | None:
    """The field of a fault that does not fit its kind, and why; None: it is sound."""
    if fault.kind in NEEDS_CODE and fault.code not in CODES:
        return "code", f"a fault of kind {fault.kind} needs a known error code"
    if fault.kind in NEEDS_SECONDS and fault.seconds is None:
        return "seconds", f"a fault of kind {fault.kind} needs seconds"
    if fault.of is not None and fault.kind not in WEBHOOK_KINDS:
        return "of", f"a fault of kind {fault.kind} is of no webhook"
    return None


class Faults:
    """The faults that are on."""

    def __init__(self) -> None:
        self._on: dict[int, Shown] = {}
        self._next_id = count(1)

    def add(self, fault: Fault) -> Shown:
        """Turn it on."""
        shown = Shown(next(self._next_id), fault)
        self._on[shown.id] = shown
        return shown

    def remove(self, fault_id: int) -> bool:
        """Turn it off; whether it was on."""
        return self._on.pop(fault_id, None) is not None

    def clear(self) -> None:
        self._on.clear()

    def listed(self) -> list[Shown]:
        return list(self._on.values())

    def hits(self, kinds: tuple[Kind, ...], number: str, of: Of | None = None) -> list[tuple[Fault, float]]:
        """The faults of these kinds that strike now, oldest first, each with a number in (0, 1) of its
        own.
        """
        if not self._on:
            return []
        return self._strike(lambda f: f.kind in kinds and f.number in (None, number) and f.of in (None, of))

    def _strike(self, fits: Callable[[Fault], bool]) -> list[tuple[Fault, float]]:
        struck = []
        for shown in list(self._on.values()):
            if not fits(shown.fault):
                continue
            shown.seen += 1
            chance, extra = draws(shown.fault.seed, f"fault/{shown.seen}", 2)
            if chance < shown.fault.share:
                shown.hits += 1
                struck.append((shown.fault, extra))
                if shown.is_over:
                    del self._on[shown.id]
        return struck


def as_listed(shown: Shown) -> dict[str, object]:
    """For an answer in JSON."""
    return {"id": shown.id, **structs.asdict(shown.fault), "seen": shown.seen, "hits": shown.hits}

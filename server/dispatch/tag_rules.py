"""Tags that come and go by themselves: at once with an event, or while a condition holds."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

import numpy as np

from server.dispatch.contact_index import Bits, ContactIndex
from server.dispatch.filters import Expression

DEADLINE_S = 300.0  # T110: an event's rule is applied this soon
ALARM_S = 3_600.0  # T111: later than this harms the follow-up


class EventRuleLike(Protocol):
    """`on` is an event; the tags may hold {date} (of the event, UTC) and {product}."""

    @property
    def on(self) -> str: ...
    @property
    def add(self) -> Sequence[str]: ...
    @property
    def remove(self) -> Sequence[str]: ...


class StandingRule(NamedTuple):
    """While `when` holds for a contact it carries the tags of `add` and none of `remove`."""

    when: Expression
    add: tuple[str, ...]
    remove: tuple[str, ...]


class Event(NamedTuple):
    kind: str
    at_s: float  # Unix seconds
    product: str | None


class Change(NamedTuple):
    """Tags to give and to take, by name."""

    add: tuple[str, ...]
    remove: tuple[str, ...]


def on_event(rules: Iterable[EventRuleLike], event: Event) -> Change:
    """What the rules make of one event. A tag with {product} is left out where the event names none.

    Where one rule gives what another takes, giving wins.
    """
    fired = [rule for rule in rules if rule.on == event.kind]
    add = dict.fromkeys(name for rule in fired for name in _filled(rule.add, event))
    remove = dict.fromkeys(name for rule in fired for name in _filled(rule.remove, event))
    return Change(tuple(add), tuple(name for name in remove if name not in add))


def _filled(names: Iterable[str], event: Event) -> list[str]:
    date = datetime.fromtimestamp(event.at_s, UTC).date().isoformat()
    return [
        name.replace("{date}", date).replace("{product}", event.product or "")
        for name in names
        if event.product is not None or "{product}" not in name
    ]


def due_changes(
    index: ContactIndex, rules: Iterable[StandingRule], now_s: float
) -> dict[str, tuple[Bits, Bits]]:
    """By tag: who must get it, and who must lose it, for every standing rule to hold at `now_s`.

    A tag that the index does not know is carried by nobody. Earlier rules win over later ones.
    """
    wanted: dict[str, Bits] = {}
    unwanted: dict[str, Bits] = {}
    for rule in rules:
        bits = index.matching(rule.when, now_s)
        for names, mine, theirs in ((rule.add, wanted, unwanted), (rule.remove, unwanted, wanted)):
            for name in names:
                free = bits & ~theirs[name] if name in theirs else bits
                mine[name] = mine[name] | free if name in mine else free
    changes = {}
    for name in {**wanted, **unwanted}:
        carried = index.carrying(name)
        nobody = np.zeros_like(carried)
        gain = wanted.get(name, nobody) & ~carried
        lose = unwanted.get(name, nobody) & carried
        if gain.any() or lose.any():
            changes[name] = (gain, lose)
    return changes

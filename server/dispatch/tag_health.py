"""How healthy tags are: used by nobody, carried by too many, out of date, at odds with each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from server.dispatch.contact_index import ContactIndex, size_of
from server.dispatch.filters import AllOf, Counted, Did, Not
from server.dispatch.tag_rules import StandingRule, due_changes

DAY_S = 86_400.0
IDLE_S = 30 * DAY_S  # T128: used by no broadcast for longer
STALE_S = 180 * DAY_S  # C241 and T114: 6 months
OVERLOADED = 0.40  # T131: of all contacts
MOST_ON_ONE = 15  # C245: more tags on one customer slow service
MISMATCH = 0.05  # C240: links at odds with the rules
CONFLICTS = 0.08  # C237: customers with tags that contradict each other
TOO_COARSE, HEALTHY_FROM, HEALTHY_TO, TOO_MANY = 30, 50, 80, 100  # T150, T148, T149: tags in all

Verdict = Literal["ok", "idle", "overloaded", "stale"]
Band = Literal["coarse", "growing", "healthy", "large", "unmanageable"]


class TagTimes(NamedTuple):
    """Unix seconds: when it was made, last used by a send, last given to or taken from anybody."""

    created_s: float
    used_s: float | None
    updated_s: float


class TagState(NamedTuple):
    """`sleeping`: contacts that carry it and have done nothing for 6 months (T114, T138)."""

    contacts: int
    share: float
    sleeping: int
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True)
class TaxonomyHealth:
    """`mismatch`: share of links at odds with the standing rules; `conflicting`: share of contacts."""

    tags: int
    band: Band
    links: int
    most_on_one: int
    overtagged: int
    mismatch: float
    conflicting: float
    alarms: tuple[str, ...]


ASLEEP = AllOf((Not(Did("interacted", STALE_S)), Not(Did("added", STALE_S))))


def tag_state(index: ContactIndex, name: str, times: TagTimes, now_s: float) -> TagState:
    """One tag. A new one has 30 days before it is idle."""
    carried = index.carrying(name) & index.present
    contacts, everybody = size_of(carried), size_of(index.present)
    share = contacts / everybody if everybody else 0.0
    tests: dict[Verdict, bool] = {
        "idle": now_s - max(times.used_s or 0.0, times.created_s) > IDLE_S,
        "overloaded": share > OVERLOADED,
        "stale": now_s - times.updated_s > STALE_S,
    }
    verdicts = tuple(verdict for verdict, holds in tests.items() if holds)
    sleeping = size_of(carried & index.matching(ASLEEP, now_s))
    return TagState(contacts, share, sleeping, verdicts or ("ok",))


def taxonomy_health(
    index: ContactIndex, rules: Sequence[StandingRule], conflicts: Sequence[tuple[str, str]], now_s: float
) -> TaxonomyHealth:
    """All tags. `conflicts` are pairs of tags that nobody should carry together."""
    everybody = size_of(index.present)
    links = sum(size_of(bits & index.present) for bits in index.tags.values())
    wrong = sum(size_of(gain) + size_of(lose) for gain, lose in due_changes(index, rules, now_s).values())
    torn = index.present & ~index.present
    for one, other in conflicts:
        torn = torn | index.carrying(one) & index.carrying(other)
    mismatch = wrong / links if links else 0.0
    conflicting = size_of(torn) / everybody if everybody else 0.0
    overtagged = size_of(index.matching(Counted("tags", ">", MOST_ON_ONE), now_s))
    band = band_of(len(index.tags))
    tests = {
        "mismatch": mismatch >= MISMATCH,
        "conflicts": conflicting > CONFLICTS,
        "overtagged": overtagged > 0,
        "too_many_tags": band == "unmanageable",
    }
    alarms = tuple(name for name, holds in tests.items() if holds)
    most = index.most_tags()
    return TaxonomyHealth(len(index.tags), band, links, most, overtagged, mismatch, conflicting, alarms)


def band_of(tags: int) -> Band:
    """By the number of tags (T148-T150); between the bands of the source: growing, large (ours)."""
    if tags < TOO_COARSE:
        return "coarse"
    if tags < HEALTHY_FROM:
        return "growing"
    if tags <= HEALTHY_TO:
        return "healthy"
    return "large" if tags <= TOO_MANY else "unmanageable"

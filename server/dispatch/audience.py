"""Which contacts a campaign is for, by their tags."""

from collections.abc import Set
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Audience:
    """Tag names: a contact carries each of `all`, none of `none`, and one of `any` unless that is empty."""

    all: frozenset[str] = frozenset()
    any: frozenset[str] = frozenset()
    none: frozenset[str] = frozenset()


def matches(audience: Audience, tags: Set[str]) -> bool:
    """Whether a contact with these tags belongs to the audience; an empty audience takes everybody."""
    return (
        audience.all <= tags
        and (not audience.any or not audience.any.isdisjoint(tags))
        and audience.none.isdisjoint(tags)
    )

"""Event rules, standing rules, and the health of tags, on small indexes."""

from typing import NamedTuple

import numpy as np
import pytest

from server.dispatch.contact_index import ContactIndex
from server.dispatch.filters import parse
from server.dispatch.tag_health import TagTimes, band_of, tag_state, taxonomy_health
from server.dispatch.tag_rules import Change, Event, StandingRule, due_changes, on_event

DAY_S = 86_400.0
NOW_S = 1_764_597_600.0  # 2025-12-01 14:00 UTC


class Rule(NamedTuple):
    on: str
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


ORDER = Rule("ordered", ("purchased-{date}", "product-{product}"), ("cart_abandoned",))


def index_of(count: int, **tags: list[int]) -> ContactIndex:
    index = ContactIndex()
    ids = np.arange(1, count + 1)
    index.add_contacts(ids, ["UTC"] * count, [44] * count, [True] * count)
    for name, carrying in tags.items():
        index.add_tag(name, np.array(carrying, np.int64))
    return index


def changes(index: ContactIndex, *rules: StandingRule) -> dict[str, tuple[list[int], list[int]]]:
    found = due_changes(index, rules, NOW_S)
    return {
        name: (index.ids(gain).tolist(), index.ids(lose).tolist()) for name, (gain, lose) in found.items()
    }


def standing(when: str, add: tuple[str, ...] = (), remove: tuple[str, ...] = ()) -> StandingRule:
    return StandingRule(parse(when), add, remove)


def test_an_order_gives_its_date_and_product_and_takes_the_cart() -> None:
    change = on_event([ORDER], Event("ordered", NOW_S, "boots"))
    assert change == Change(("purchased-2025-12-01", "product-boots"), ("cart_abandoned",))


def test_without_a_product_no_tag_is_named_after_one() -> None:
    assert on_event([ORDER], Event("ordered", NOW_S, None)).add == ("purchased-2025-12-01",)
    assert on_event([ORDER], Event("clicked", NOW_S, "boots")) == Change((), ())


def test_what_one_rule_gives_another_does_not_take() -> None:
    rules = [Rule("clicked", ("a", "b")), Rule("clicked", ("b",), ("a", "c"))]
    assert on_event(rules, Event("clicked", NOW_S, None)) == Change(("a", "b"), ("c",))


def test_a_standing_rule_asks_only_for_what_is_not_so_yet() -> None:
    index = index_of(4, new=[1, 2], loyal=[1], old=[1, 3])
    rule = standing("new", ("loyal",), ("old",))
    assert changes(index, rule) == {"loyal": ([2], []), "old": ([], [1])}
    index.add_tag("loyal", np.array([2]))
    index.remove_tag("old", np.array([1]))
    assert changes(index, rule) == {}


def test_the_earlier_standing_rule_wins() -> None:
    index = index_of(3, a=[1, 2], b=[2, 3], x=[3])
    give, take = standing("a", ("x",)), standing("b", (), ("x",))
    assert changes(index, give, take) == {"x": ([1, 2], [3])}
    assert changes(index, take, give) == {"x": ([1], [3])}


def test_a_rule_on_a_tag_that_nobody_made_concerns_nobody() -> None:
    assert changes(index_of(2), standing("vip", ("x",))) == {}


def times(created: float = 0, used: float | None = None, updated: float = 0) -> TagTimes:
    """Days ago."""
    return TagTimes(
        NOW_S - created * DAY_S, None if used is None else NOW_S - used * DAY_S, NOW_S - updated * DAY_S
    )


@pytest.mark.parametrize(
    ("of_tag", "verdicts"),
    [
        (times(created=30), ("ok",)),
        (times(created=31), ("idle",)),
        (times(created=90, used=30), ("ok",)),
        (times(created=90, used=31), ("idle",)),
        (times(created=200, used=1, updated=180), ("ok",)),
        (times(created=200, used=1, updated=181), ("stale",)),
    ],
)
def test_a_tag_is_idle_after_30_days_without_a_send_and_stale_after_six_months(
    of_tag: TagTimes, verdicts: tuple[str, ...]
) -> None:
    assert tag_state(index_of(10, a=[1]), "a", of_tag, NOW_S).verdicts == verdicts


@pytest.mark.parametrize(("carrying", "overloaded"), [(4, False), (5, True)])
def test_a_tag_on_more_than_two_fifths_of_all_is_overloaded(carrying: int, overloaded: bool) -> None:
    state = tag_state(index_of(10, a=list(range(1, carrying + 1))), "a", times(), NOW_S)
    assert ("overloaded" in state.verdicts) == overloaded
    assert state.share == carrying / 10


def test_who_did_nothing_for_six_months_sleeps_unless_they_are_new() -> None:
    index = index_of(4, a=[1, 2, 3])
    index.saw("added", np.array([1, 2, 3, 4]), NOW_S - np.array([200, 200, 10, 200]) * DAY_S)
    index.saw("read", np.array([2]), np.array([NOW_S - 100 * DAY_S]))
    assert tag_state(index, "a", times(), NOW_S).sleeping == 1


def test_the_taxonomy_counts_links_conflicts_and_what_is_at_odds_with_the_rules() -> None:
    index = index_of(10, vip=[1, 2, 3], angry=[3], gone=[9])
    state = taxonomy_health(
        index, [standing("vip", (), ("gone",)), standing("angry", ("care",))], [("vip", "angry")], NOW_S
    )
    assert (state.tags, state.links, state.most_on_one) == (3, 5, 2)
    assert state.mismatch == 1 / 5
    assert state.conflicting == 1 / 10
    assert state.alarms == ("mismatch", "conflicts")


@pytest.mark.parametrize(
    ("tags", "band"),
    [(29, "coarse"), (30, "growing"), (50, "healthy"), (80, "healthy"), (81, "large"), (101, "unmanageable")],
)
def test_bands_of_the_number_of_tags(tags: int, band: str) -> None:
    assert band_of(tags) == band

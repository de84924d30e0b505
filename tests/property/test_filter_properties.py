"""The index against sets of Python, contact by contact; the parser against its own writing and against noise."""

import operator
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.dispatch.contact_index import ContactIndex, size_of
from server.dispatch.filters import (
    ATTRIBUTES,
    EVENT_WORDS,
    AllOf,
    AnyOf,
    Counted,
    Did,
    Expression,
    FilterError,
    Is,
    Not,
    Tagged,
    parse,
)

NOW_S = 1_700_000_000.0
DAY_S = 86_400.0
TAGS = ("vip", "bought", "summer sale")
EVENTS = ("clicked", "ordered", "read", "replied")
ZONES = (None, "Europe/Berlin", "Asia/Tokyo")
COMPARE = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Person(NamedTuple):
    id: int
    tags: frozenset[str]
    events: tuple[tuple[str, float], ...]  # kind, days ago
    zone: str | None
    code: int
    consent: bool


PEOPLE = st.lists(
    st.builds(
        Person,
        id=st.integers(1, 3_000),
        tags=st.frozensets(st.sampled_from(TAGS)),
        events=st.lists(st.tuples(st.sampled_from(EVENTS), st.floats(0.01, 99.0)), max_size=4).map(tuple),
        zone=st.sampled_from(ZONES),
        code=st.sampled_from((1, 44, 852)),
        consent=st.booleans(),
    ),
    max_size=12,
    unique_by=lambda person: person.id,
)
LEAVES = st.one_of(
    st.sampled_from(TAGS).map(lambda name: Tagged(name, 0)),
    st.builds(
        Did,
        st.sampled_from((*EVENTS, "interacted", "first_order")),
        st.none() | st.integers(1, 100).map(lambda days: days * DAY_S),
    ),
    st.builds(
        Counted,
        st.sampled_from(("orders", "clicks", "tags")),
        st.sampled_from(tuple(COMPARE)),
        st.integers(0, 4),
    ),
    st.sampled_from((Is("consent", "yes"), Is("consent", "no"), Is("country_code", "44"))),
    st.sampled_from(("Europe/Berlin", "Pacific/Chatham")).map(lambda zone: Is("timezone", zone)),
)
EXPRESSIONS: st.SearchStrategy[Expression] = st.recursive(
    LEAVES,
    lambda parts: st.one_of(
        parts.map(Not),
        st.lists(parts, min_size=2, max_size=3).map(lambda several: AllOf(tuple(several))),
        st.lists(parts, min_size=2, max_size=3).map(lambda several: AnyOf(tuple(several))),
    ),
    max_leaves=8,
)


def index_of(people: list[Person]) -> ContactIndex:
    index = ContactIndex()
    for name in TAGS:
        index.add_tag(name, np.array([one.id for one in people if name in one.tags], np.int64))
    for one in people:
        index.add_contacts(np.array([one.id]), [one.zone], [one.code], [one.consent])
        for event, days in one.events:
            index.saw(event, np.array([one.id]), np.array([NOW_S - days * DAY_S]))
    return index


def holds(expression: Expression, one: Person) -> bool:
    match expression:
        case Tagged(name):
            return name in one.tags
        case Not(part):
            return not holds(part, one)
        case AllOf(parts):
            return all(holds(part, one) for part in parts)
        case AnyOf(parts):
            return any(holds(part, one) for part in parts)
        case Did(event, within_s):
            return any(within_s is None or days * DAY_S <= within_s for days in days_ago(one, event))
        case Counted("tags", comparison, number):
            return bool(COMPARE[comparison](len(one.tags), number))
        case Counted(attribute, comparison, number):
            return bool(COMPARE[comparison](len(days_ago(one, attribute[:-1] + "ed")), number))
        case Is("consent", value):
            return one.consent == (value == "yes")
        case Is("country_code", value):
            return str(one.code) == value
        case Is(_, value):
            return one.zone == value


def days_ago(one: Person, event: str) -> list[float]:
    """When, in days; of the first order only the first."""
    if event == "first_order":
        ordered = days_ago(one, "ordered")
        return [max(ordered)] if ordered else []
    kinds = EVENTS if event == "interacted" else (event,)
    return [days for kind, days in one.events if kind in kinds]


@given(PEOPLE, EXPRESSIONS)
def test_the_index_agrees_with_a_look_at_each_contact(people: list[Person], expression: Expression) -> None:
    index = index_of(people)
    bits = index.matching(expression, NOW_S)
    expected = sorted(one.id for one in people if holds(expression, one))
    assert index.ids(bits).tolist() == expected
    assert size_of(bits) == len(expected)


@given(PEOPLE, st.integers(0, 3_001), st.integers(1, 5))
def test_pages_hold_everybody_once(people: list[Person], after: int, limit: int) -> None:
    index = index_of(people)
    bits = index.matching(AllOf(()), NOW_S)
    found: list[int] = []
    while page := index.ids(bits, after, limit).tolist():
        found += page
        after = page[-1]
    assert found == [one.id for one in sorted(people) if one.id > (found[0] - 1 if found else after)]


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(TAGS), st.frozensets(st.integers(0, 40)))))
def test_tags_come_and_go(changes: list[tuple[bool, str, frozenset[int]]]) -> None:
    index, carried = ContactIndex(), {name: set[int]() for name in TAGS}
    for add, name, ids in changes:
        (index.add_tag if add else index.remove_tag)(name, np.array(sorted(ids), np.int64))
        carried[name] = carried[name] | ids if add else carried[name] - ids
    for name in index.tags:
        assert set(index.ids(index.tags[name]).tolist()) == carried[name]
    for one in range(41):
        assert index.counts.get("tags", np.zeros(41))[one] == sum(one in ids for ids in carried.values())


def written(expression: Expression) -> str:
    match expression:
        case Tagged(name):
            return f'"{name}"'
        case Did(event, None):
            return f"ever {EVENT_WORDS[event][0]}"
        case Did(event, within_s):
            return f"{EVENT_WORDS[event][-1].upper()} in {within_s / DAY_S:.0f} days"
        case Counted(attribute, comparison, number):
            return f"{attribute}{comparison}{number}"
        case Is(attribute, value):
            return f'{attribute} = "{value}"'
        case Not(part):
            return f"NOT ({written(part)})"
        case AllOf(parts):
            return " and ".join(f"({written(part)})" for part in parts)
        case AnyOf(parts):
            return " OR ".join(f"({written(part)})" for part in parts)


def unplaced(expression: Expression) -> Expression:
    match expression:
        case Tagged(name):
            return Tagged(name, 0)
        case Not(part):
            return Not(unplaced(part))
        case AllOf(parts):
            return AllOf(tuple(map(unplaced, parts)))
        case AnyOf(parts):
            return AnyOf(tuple(map(unplaced, parts)))
    return expression


@given(EXPRESSIONS)
def test_what_is_written_is_read(expression: Expression) -> None:
    assert unplaced(parse(written(expression))) == expression


WORDS = st.sampled_from(
    ("and", "OR", "not", "exclude", "(", ")", "in", "no", "7", "days", "=", '"', "vip", *ATTRIBUTES)
)


@given(st.lists(WORDS | st.text(max_size=4), max_size=12).map(" ".join))
def test_any_text_is_an_expression_or_one_line_that_says_where(text: str) -> None:
    try:
        parse(text)
    except FilterError as error:
        if not (1 <= error.position <= len(text) + 1 and "\n" not in str(error)):
            pytest.fail(str(error))

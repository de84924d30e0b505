"""Standing rules come to rest, turns depend on time alone, and no file breaks the import."""

import asyncio

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from server.contacts.csv_cells import FORMULA, as_it_was, harmless
from server.contacts.importing import first_rows, read_rows, report_of
from server.contacts.numbers import Numbers
from server.dispatch.contact_index import ContactIndex
from server.dispatch.filters import AllOf, AnyOf, Did, Expression, Tagged
from server.dispatch.routing import Turn, turn_at
from server.dispatch.tag_rules import StandingRule, due_changes
from server.http.problems import Problem
from server.wire import MAX_ROWS

NOW_S = 1e9
CAUSES = ("bought", "new")  # tags that no rule gives or takes
EFFECTS = ("loyal", "lost", "vip")
WHEN: st.SearchStrategy[Expression] = st.one_of(
    st.sampled_from(CAUSES).map(lambda name: Tagged(name, 0)),
    st.just(Did("clicked", 86_400.0)),
    st.just(AllOf((Tagged("bought", 0), Did("clicked", None)))),
    st.just(AnyOf((Tagged("bought", 0), Tagged("new", 0)))),
)
NAMES = st.frozensets(st.sampled_from(EFFECTS), max_size=2).map(tuple)
RULES = st.lists(st.builds(StandingRule, when=WHEN, add=NAMES, remove=NAMES), max_size=4)
PEOPLE = st.dictionaries(
    st.integers(1, 30),
    st.tuples(st.frozensets(st.sampled_from((*CAUSES, *EFFECTS))), st.booleans()),
    max_size=10,
)


def index_of(people: dict[int, tuple[frozenset[str], bool]]) -> ContactIndex:
    index = ContactIndex()
    ids = np.array(sorted(people), np.int64)
    index.add_contacts(ids, [None] * len(ids), [1] * len(ids), [True] * len(ids))
    for name in (*CAUSES, *EFFECTS):
        index.add_tag(name, np.array([one for one in sorted(people) if name in people[one][0]], np.int64))
    clicked = np.array([one for one in sorted(people) if people[one][1]], np.int64)
    index.saw("clicked", clicked, np.full(len(clicked), NOW_S))
    return index


@given(PEOPLE, RULES)
def test_after_its_changes_no_rule_wants_more(
    people: dict[int, tuple[frozenset[str], bool]], rules: list[StandingRule]
) -> None:
    index = index_of(people)
    for name, (gain, lose) in due_changes(index, rules, NOW_S).items():
        index.add_tag(name, index.ids(gain))
        index.remove_tag(name, index.ids(lose))
    assert due_changes(index, rules, NOW_S) == {}
    # The first rule holds for everybody that it means, except where it contradicts itself.
    for rule in rules[:1]:
        bits = index.matching(rule.when, NOW_S)
        for name in rule.add:
            assert not (bits & ~index.carrying(name)).any()


@given(st.floats(0, 1e5), st.lists(st.floats(0, 1e4), max_size=8), st.integers(1, 6))
def test_whoever_looks_when_finds_the_same_holder(start_s: float, waits_s: list[float], team: int) -> None:
    agents = [f"agent-{number}" for number in range(team)]
    first = Turn(agents[0], start_s, 0)
    now_s, stepwise = start_s, first
    for wait_s in waits_s:
        now_s += wait_s
        stepwise = turn_at(agents, stepwise, now_s)
    at_once = turn_at(agents, first, now_s)
    assert abs(stepwise.since_s - at_once.since_s) < 120.001
    assert abs(stepwise.passes - at_once.passes) <= 1  # at the very edge of a turn, by rounding
    assert stepwise.agent == agents[stepwise.passes % team]
    assert now_s - stepwise.since_s < 120.001


ROW = st.tuples(
    st.sampled_from(("+12125550100", "12125550101", "+1 (212) 555-0102", "12", "", "=1+1", "١٢٣")),
    st.sampled_from(("vip", "vip;bought", '"vip,bought"', "", "unheard", ";;", '"')),
)
FILES = st.one_of(
    st.binary(max_size=200),
    st.lists(ROW, max_size=6)
    .map(lambda rows: "phone,tags\n" + "\n".join(map(",".join, rows)))
    .map(str.encode),
    st.lists(ROW, max_size=6)
    .map(lambda rows: "id,Phone,tags\n" + "".join(f'"a\nb",{phone},{tags}\n' for phone, tags in rows))
    .map(str.encode),
    st.text(max_size=60).map(lambda text: f"phone,tags\r\n{text}".encode("utf-16")),
    st.text(max_size=60).map(lambda text: f"\ufeffTags,Phone\r\n{text}".encode()),
)


@given(FILES, st.booleans())
def test_a_file_is_imported_row_by_row_or_refused_in_one_line(body: bytes, ignore: bool) -> None:
    try:
        file = asyncio.run(read_rows(body, Numbers()))
        rows = file.rows
    except Problem as problem:
        refused = (problem.status, "\n" in problem.detail)
        if refused != (422, False):
            raise
        return
    assert 1 <= len(rows) <= MAX_ROWS
    first = first_rows(rows)
    unknown = {
        phone: next((tag for tag in row.tags if tag not in ("vip", "bought")), None)
        for phone, row in first.items()
    }
    report = report_of(file, first, unknown, ignore_unknown=ignore)
    assert sum(report.counts.values()) == report.rows == len(report.report) == len(rows)
    assert report.counts["accepted"] == sum(ignore or tag is None for tag in unknown.values())


CELLS = st.text("'=+-@\t\r a") | st.text()


@given(CELLS)
def test_a_cell_is_made_harmless_and_comes_back(cell: str) -> None:
    shown = harmless(cell)
    assert as_it_was(shown) == cell
    assert not FORMULA.match(shown) or shown.startswith("'")

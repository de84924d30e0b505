"""Policies over generated texts: replies, consent, audiences, content keys, retries."""

from typing import NamedTuple

from hypothesis import assume, given
from hypothesis import strategies as st

from server.dispatch.audience import Audience, matches
from server.dispatch.consent import is_opt_out
from server.dispatch.content import content_key, words_of
from server.dispatch.replies import SHORTEST_FUZZY, Rulebook, decide, new_rules
from server.dispatch.retries import REASONS, retry_at


class Rule(NamedTuple):
    intent: str
    keywords: tuple[str, ...]
    answer: str = "answer"
    escalate: bool = False


LETTERS = "abcdeghilnoprstuвгдекмнопрстुकगचतनपमरसはいうえお价格订单éöß"
WORD = st.text(LETTERS, min_size=1, max_size=12).filter(words_of)
KEYWORD = st.lists(WORD, min_size=1, max_size=3).map(" ".join)
RULES = st.lists(
    st.builds(
        Rule, intent=st.uuids().map(str), keywords=st.lists(KEYWORD, min_size=1, max_size=5).map(tuple)
    ),
    min_size=1,
    max_size=6,
)
NOISE = st.text('!?.,;:-()"/ \t\n…—', max_size=4)


def book(rules: list[Rule], fuzzy_score: float = 82) -> Rulebook:
    return new_rules(rules, fuzzy_score=fuzzy_score, delay_min_s=5, delay_max_s=10, max_per_hour=3)


def intent(rulebook: Rulebook, text: str) -> tuple[str | None, str | None]:
    decision = decide(rulebook, text, recent_answers=0, with_human=False, key=0)
    return decision.intent, decision.matched


def first_with(rules: list[Rule], text: str) -> str | None:
    """The plain reading of "the first rule with one of its keywords in the text", without any index."""
    said = f" {' '.join(words_of(text))} "
    for rule in rules:
        if any(f" {' '.join(words_of(keyword))} " in said for keyword in rule.keywords):
            return rule.intent
    return None


@given(RULES, st.lists(st.one_of(WORD, KEYWORD), max_size=6), st.data())
def test_exact_matching_is_the_first_rule_with_a_keyword_in_the_text(
    rules: list[Rule], other: list[str], data: st.DataObject
) -> None:
    keywords = [keyword for rule in rules for keyword in rule.keywords]
    text = " ".join(data.draw(st.permutations([*other, data.draw(st.sampled_from(keywords))])))
    assert intent(book(rules), text) == (first_with(rules, text), "exact")


@given(RULES, st.lists(WORD, max_size=8).map(" ".join))
def test_without_misspellings_allowed_all_matching_is_exact(rules: list[Rule], text: str) -> None:
    expected = first_with(rules, text)
    assert intent(book(rules, fuzzy_score=100), text) == (expected, "exact" if expected else None)


@given(RULES, st.lists(WORD, max_size=5).map(" ".join), NOISE, NOISE)
def test_case_and_punctuation_around_a_text_change_nothing(
    rules: list[Rule], text: str, before: str, after: str
) -> None:
    assume("ß" not in text)
    rulebook = book(rules)
    assert intent(rulebook, f"{before}{text.upper()}{after}") == intent(rulebook, text)


@given(st.text("abcdefgh", min_size=5, max_size=10), st.data())
def test_one_edit_after_the_first_letter_of_a_word_of_five_to_ten_letters_still_matches(
    word: str, data: st.DataObject
) -> None:
    place = data.draw(st.integers(1, len(word) - 1))
    letter = data.draw(st.sampled_from("xyz"))
    misspelt = data.draw(
        st.sampled_from(
            [
                word[:place] + word[place + 1 :],
                word[:place] + letter + word[place:],
                word[:place] + letter + word[place + 1 :],
            ]
        )
    )
    assume(misspelt != word)
    assert intent(book([Rule("it", (word,))]), misspelt) == ("it", "fuzzy")


@given(st.text("abc", min_size=1, max_size=3), st.text("abc", min_size=1, max_size=3))
def test_short_words_match_exactly_or_not_at_all(keyword: str, text: str) -> None:
    assert len(keyword) < SHORTEST_FUZZY
    assert intent(book([Rule("it", (keyword,))]), text)[0] == ("it" if text == keyword else None)


@given(RULES, st.text(max_size=80), st.integers(0, 6), st.booleans(), st.integers())
def test_decisions_are_consistent_for_any_text(
    rules: list[Rule], text: str, recent: int, with_human: bool, key: int
) -> None:
    rulebook = book(rules)
    decision = decide(rulebook, text, recent_answers=recent, with_human=with_human, key=key)
    assert decision == decide(rulebook, text, recent_answers=recent, with_human=with_human, key=key)
    assert (decision.action == "answered") <= (recent < 3 and not with_human)
    assert (decision.answer is None) == (decision.delay_s == 0.0)
    assert decision.answer is None or 5 <= decision.delay_s <= 10
    assert not with_human or decision.action == "escalated"


@given(st.sampled_from(["STOP", "unsubscribe", "cancelar", "стоп", "退订", "बंद", "수신거부"]), NOISE, NOISE)
def test_punctuation_never_hides_an_opt_out(keyword: str, before: str, after: str) -> None:
    assert is_opt_out(f"{before}{keyword}{after}")


@given(
    st.lists(st.sampled_from(["the", "music", "bus", "order", "where", "dont", "stop", "please"]), max_size=8)
)
def test_any_word_of_substance_makes_it_no_opt_out(words: list[str]) -> None:
    of_substance = any(word not in ("stop", "please") for word in words)
    assert is_opt_out(" ".join(words)) == ("stop" in words and not of_substance)


@given(st.text(), st.text())
def test_content_keys_are_equal_for_equal_texts_only(one: str, other: str) -> None:
    assert (content_key(one) == content_key(other)) == (one == other)


TAGS = st.frozensets(st.sampled_from("abcdef"))


@given(TAGS, TAGS, TAGS, TAGS)
def test_an_audience_is_what_its_three_sets_say(
    of_all: frozenset[str], of_any: frozenset[str], of_none: frozenset[str], tags: frozenset[str]
) -> None:
    expected = (
        all(tag in tags for tag in of_all)
        and (not of_any or any(tag in tags for tag in of_any))
        and not any(tag in tags for tag in of_none)
    )
    assert matches(Audience(of_all, of_any, of_none), tags) == expected


@given(st.sampled_from(sorted(REASONS)), st.floats(0, 1e9), st.integers(0, 5))
def test_a_message_is_tried_at_most_retries_times_again(reason: str, failed_s: float, retries: int) -> None:
    attempt, due = 1, retry_at(reason, failed_s, 1, retry_after_s=60.0, retries=retries)
    while due is not None:
        assert due > failed_s or due == failed_s + 60.0
        attempt, failed_s = attempt + 1, due
        due = retry_at(reason, failed_s, attempt, retry_after_s=60.0, retries=retries)
    assert attempt in (1, retries + 1)

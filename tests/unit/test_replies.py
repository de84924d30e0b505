from typing import NamedTuple

import pytest

from scenarios.loading import load
from server.dispatch.replies import Decision, Rulebook, decide, new_rules


class Rule(NamedTuple):
    intent: str
    keywords: tuple[str, ...]
    answer: str
    escalate: bool = False


RULES = (
    Rule("complaint", ("broken", "refund", "not acceptable"), "A colleague takes over.", escalate=True),
    Rule("order_status", ("where is my order", "tracking"), "Follow it here."),
    Rule("order", ("order", "buy", "take it"), "Here is your basket."),
    Rule("price", ("price", "how much", "cost", "价格", "कीमत"), "From 29 USD."),
    Rule("greeting", ("hi", "hello", "👋"), "Hello!"),
)


def book(rules: tuple[Rule, ...] = RULES, fuzzy_score: float = 82) -> Rulebook:
    return new_rules(rules, fuzzy_score=fuzzy_score, delay_min_s=5, delay_max_s=10, max_per_hour=3)


def ask(text: str, *, recent_answers: int = 0, with_human: bool = False, key: int = 1) -> Decision:
    return decide(book(), text, recent_answers=recent_answers, with_human=with_human, key=key)


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("HELLO!", "greeting"),
        ("oh, hi...", "greeting"),
        ("👋👋", "greeting"),
        ("Where is  my\norder??", "order_status"),
        ("I'll take it", "order"),
        ("请问价格多少", "price"),
        ("कीमत?", "price"),
        ("how much for an order", "order"),  # the first rule wins, not the first word
    ],
)
def test_keywords_match_as_they_stand(text: str, intent: str) -> None:
    assert (ask(text).intent, ask(text).matched) == (intent, "exact")


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("helo", "greeting"),  # a letter missing
        ("what is the prise", "price"),  # a letter wrong
        ("helllo", "greeting"),  # a letter too many
        ("trakcing", "order_status"),  # two letters swapped
        ("whre is my ordr", "order_status"),  # a phrase with two misspelt words
        ("not aceptable", "complaint"),
        ("hwo much is the crost", "price"),
    ],
)
def test_misspelt_keywords_match(text: str, intent: str) -> None:
    assert (ask(text).intent, ask(text).matched) == (intent, "fuzzy")


@pytest.mark.parametrize(
    "text",
    [
        "hit",  # short words must be right
        "most",  # four letters leave no room for a wrong one
        "mello",  # the first letter must be right
        "hxlxo",  # two wrong in five
        "where is my parcel",  # half a phrase
        "order" * 3,  # a keyword inside a word
        "thigh",
        "",
        "?!",
        "लीमतों",
    ],
)
def test_other_words_are_unmatched(text: str) -> None:
    assert ask(text) == Decision("unmatched", None, None, 0.0, None)


def test_an_exact_keyword_of_a_late_rule_beats_a_misspelt_one_of_an_early_rule() -> None:
    assert ask("hello, refnd").intent == "greeting"
    assert ask("refnd").intent == "complaint"


def test_a_score_of_100_accepts_no_misspelling() -> None:
    strict = book(fuzzy_score=100)
    assert decide(strict, "prise", recent_answers=0, with_human=False, key=1).action == "unmatched"
    assert decide(strict, "price", recent_answers=0, with_human=False, key=1).action == "answered"


def test_an_escalating_rule_answers_and_hands_over() -> None:
    decision = ask("it came broken")
    assert (decision.action, decision.answer) == ("escalated", "A colleague takes over.")


def test_nothing_is_automatic_once_a_person_has_taken_over() -> None:
    assert ask("hello", with_human=True) == Decision("escalated", None, None, 0.0, None)


def test_the_fourth_automatic_answer_of_an_hour_goes_to_a_person() -> None:
    assert [ask("hello", recent_answers=n).action for n in range(5)] == ["answered"] * 3 + ["escalated"] * 2
    assert ask("hello", recent_answers=3).answer is None


def test_an_unmatched_message_triggers_no_loop_guard() -> None:
    assert ask("qwxyz", recent_answers=9).action == "unmatched"


def test_delays_fill_their_range_and_depend_on_the_key_alone() -> None:
    delays = [ask("hello", key=key).delay_s for key in range(2_000)]
    assert delays == [ask("hi", key=key).delay_s for key in range(2_000)]
    assert 5 <= min(delays) < 5.01
    assert 9.99 < max(delays) <= 10
    assert sum(delays) / len(delays) == pytest.approx(7.5, abs=0.1)


def test_a_keyword_without_a_letter_is_refused() -> None:
    with pytest.raises(ValueError, match=r"order: keyword '\?!' holds no letter"):
        book((Rule("order", ("?!",), "x"),))


def test_every_wording_of_the_shipped_scenario_means_what_it_expects() -> None:
    scenario = load("bulk_send").scenario
    replies = scenario.replies
    rulebook = new_rules(
        replies.rules,
        fuzzy_score=replies.fuzzy_score,
        delay_min_s=replies.delay_min_s,
        delay_max_s=replies.delay_max_s,
        max_per_hour=replies.max_per_hour,
    )
    checked = 0
    for script in scenario.conversations.scripts:
        for turn in script.turns[:1] if script.kind == "complaint" else script.turns:
            for says in turn.says:
                if turn.expect == "opted_out":
                    continue  # consent decides on these
                decision = decide(rulebook, says, recent_answers=0, with_human=False, key=0)
                got = "escalated" if decision.action == "escalated" else decision.intent
                assert got == turn.expect, says
                checked += 1
    assert checked > 30


def test_a_decision_names_the_keyword_that_was_met() -> None:
    assert ask("The PRICE, please: how much?").keyword == "price"
    assert ask("How   much is the prise? Where is my order").keyword == "where is my order"
    assert ask("the prise?").keyword == "price"
    assert ask("price", recent_answers=3).keyword == "price"
    assert ask("weather").keyword is None
    assert ask("price", with_human=True).keyword is None

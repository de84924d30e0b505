"""What answers say, when customers lose patience, and who takes over: the pure decisions."""

from typing import NamedTuple

import pytest

from server.dispatch.answers import Extras, Known, Staged, staged, with_extras
from server.dispatch.content import words_of
from server.dispatch.routing import (
    Teams,
    Turn,
    least_loaded,
    new_teams,
    team_of,
    turn_at,
    whole_team_unread,
)
from server.dispatch.sentiment import is_negative, is_urgent, next_run, phrases_of

DAY_S = 86_400.0
NOW_S = 1_000 * DAY_S
EXTRAS = Extras(order_link="Your order: https://shop.example/o", coupon="10 % for you: BACK")


class Team(NamedTuple):
    name: str
    agents: tuple[str, ...]
    keywords: tuple[str, ...] = ()
    accounts: tuple[int, ...] = ()


SERVICE = Team("service", ("a", "b", "c"), ("complaint", "投诉", "жалоба", "شكوى", "réclamation"))
SALES = Team("sales", ("d",), ("price", "how much"))


def teams(*named: Team) -> Teams:
    return new_teams(named or (SERVICE, SALES), fuzzy_score=82)


def test_a_short_answer_comes_first_and_its_guide_when_asked_again() -> None:
    assert staged("short", "long", asked_before=False) == Staged("short", "long")
    assert staged("short", "long", asked_before=True) == Staged("long", None)
    assert staged("short", None, asked_before=True) == Staged("short", None)


@pytest.mark.parametrize(
    ("known", "adds"),
    [
        (Known(), ""),
        (Known(ordered_s=NOW_S - 7 * DAY_S, interacted_s=NOW_S - 7 * DAY_S), EXTRAS.order_link),
        (Known(ordered_s=NOW_S - 8 * DAY_S, interacted_s=NOW_S - 8 * DAY_S), ""),
        (Known(interacted_s=NOW_S - 30 * DAY_S), ""),
        (Known(interacted_s=NOW_S - 31 * DAY_S), EXTRAS.coupon),
        (Known(interacted_s=NOW_S - 40 * DAY_S, added_s=NOW_S - 300 * DAY_S), EXTRAS.coupon),
        (Known(added_s=NOW_S - 40 * DAY_S), EXTRAS.coupon),
        (Known(added_s=NOW_S - 1 * DAY_S), ""),
    ],
)
def test_an_answer_follows_what_the_customer_lately_did(known: Known, adds: str) -> None:
    assert with_extras("Hello", known, EXTRAS, NOW_S) == "\n".join(filter(None, ("Hello", adds)))
    assert with_extras("Hello", known, Extras(), NOW_S) == "Hello"


NEGATIVE = phrases_of(["awful", "waste of time", "太差", "плохо", "Ärgerlich", "سيء"])


@pytest.mark.parametrize(
    "text",
    [
        "This is AWFUL!",
        "what a waste of time",
        "质量太差了",
        "всё плохо",
        "sehr ärgerlich.",
        "sehr a\u0308rgerlich",
        "هذا سيء",
    ],
)
def test_negative_words_are_heard_in_every_script(text: str) -> None:
    assert is_negative(NEGATIVE, words_of(text))


@pytest.mark.parametrize("text", ["", "a lawful offer", "time of waste", "差太", "ok"])
def test_other_words_are_not_negative(text: str) -> None:
    assert not is_negative(NEGATIVE, words_of(text))


def test_a_negative_word_without_letters_is_refused() -> None:
    with pytest.raises(ValueError, match="negative word '!'"):
        phrases_of(["!"])


def test_the_fourth_negative_message_in_a_row_is_urgent() -> None:
    runs, run = [], 0
    for negative in (True, True, True, False, True, True, True, True):
        run = next_run(run, negative)
        runs.append(is_urgent(run))
    assert runs == [False] * 7 + [True]


@pytest.mark.parametrize(
    ("text", "team"),
    [
        ("What is the price?", "sales"),
        ("how  MUCH is it", "sales"),
        ("What is the prise?", "sales"),
        ("a complaint about the price", "service"),
        ("complaind", "service"),
        ("我要投诉你们", "service"),
        ("У меня жалоба", "service"),
        ("لدي شكوى", "service"),
        ("une RE\u0301CLAMATION", "service"),
        ("hello?", "sales"),
    ],
)
def test_the_first_team_with_a_keyword_answers_else_the_last(text: str, team: str) -> None:
    assert team_of(teams(), text) == team


def test_teams_must_have_agents_and_readable_keywords() -> None:
    with pytest.raises(ValueError, match="at least one"):
        new_teams([], fuzzy_score=82)
    with pytest.raises(ValueError, match="team empty"):
        teams(Team("empty", ()))
    with pytest.raises(ValueError, match="holds no letter"):
        teams(Team("x", ("a",), ("?",)))


def test_the_agent_with_the_least_to_do_is_chosen() -> None:
    assert least_loaded("abc", {}) == "a"
    assert least_loaded("abc", {"a": 2, "b": 1, "c": 1}) == "b"


@pytest.mark.parametrize(
    ("after_s", "agent", "passes"),
    [
        (0, "b", 0),
        (119, "b", 0),
        (120, "c", 1),
        (239, "c", 1),
        (240, "a", 2),
        (360, "b", 3),
        (3_600, "b", 30),
    ],
)
def test_every_two_minutes_unread_the_next_agent_has_it(after_s: float, agent: str, passes: int) -> None:
    turn = turn_at("abc", Turn("b", 50.0, 0), 50.0 + after_s)
    assert turn == Turn(agent, 50.0 + 120 * passes, passes)


def test_stopping_and_starting_makes_no_difference_to_turns() -> None:
    stepwise = Turn("a", 0.0, 0)
    for now_s in range(0, 1_000, 7):
        stepwise = turn_at("abc", stepwise, float(now_s))
    assert stepwise == turn_at("abc", Turn("a", 0.0, 0), 994.0)


def test_one_agent_alone_keeps_it_and_the_alarm_rises() -> None:
    turn = turn_at("a", Turn("a", 0.0, 0), 130.0)
    assert turn == Turn("a", 120.0, 1)
    assert whole_team_unread("a", turn.passes)
    assert not whole_team_unread("abc", 2)


def test_an_agent_who_left_the_team_is_followed_by_the_first() -> None:
    assert turn_at("abc", Turn("gone", 0.0, 0), 120.0).agent == "a"

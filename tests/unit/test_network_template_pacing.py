from math import inf

from hypothesis import given
from hypothesis import strategies as st

from server.network.template_pacing import UTILITY_S, Pacer, PacingParameters

T0 = 1_780_000_000.0
PARAMETERS = PacingParameters(threshold=3)


def held_from_the_fourth() -> Pacer:
    pacer = Pacer(PARAMETERS)
    assert [pacer.holds(T0, "sale", "marketing", "UNKNOWN") for _ in range(5)] == [False] * 3 + [True] * 2
    return pacer


def test_without_a_threshold_nothing_is_held() -> None:
    pacer = Pacer(None)
    assert not any(pacer.holds(T0, "sale", "marketing", "UNKNOWN") for _ in range(1000))
    assert pacer.review(T0, "sale", "RED") is None


def test_a_good_signal_releases_once_users_had_time_and_paces_no_more() -> None:
    pacer = held_from_the_fourth()
    assert pacer.review(T0 + PARAMETERS.feedback_s - 1, "sale", "GREEN") is None
    assert pacer.review(T0 + PARAMETERS.feedback_s, "sale", "GREEN") == "released"
    assert pacer.review(T0 + PARAMETERS.feedback_s, "sale", "GREEN") is None
    assert not any(pacer.holds(T0 + 4000, "sale", "marketing", "YELLOW") for _ in range(10))


def test_a_bad_signal_drops_at_once() -> None:
    pacer = held_from_the_fourth()
    assert pacer.review(T0 + 1, "sale", "RED") == "dropped"
    assert not pacer.is_holding("sale")


def test_without_a_clear_signal_all_is_released_after_an_hour() -> None:
    pacer = held_from_the_fourth()
    assert pacer.decide_s("sale") == T0 + 3600
    assert pacer.review(T0 + 3599, "sale", "YELLOW") is None
    assert pacer.review(T0 + 3600, "sale", "YELLOW") == "released"
    assert pacer.decide_s("sale") == inf


def test_an_unpaused_template_is_paced_anew() -> None:
    pacer = held_from_the_fourth()
    pacer.review(T0, "sale", "RED")
    pacer.begin("sale")
    assert [pacer.holds(T0, "sale", "marketing", "UNKNOWN") for _ in range(4)] == [False] * 3 + [True]


def test_an_edit_does_not_let_go_what_is_held() -> None:
    pacer = held_from_the_fourth()
    pacer.begin("sale")
    assert pacer.is_holding("sale")


def test_a_template_of_good_quality_is_not_paced() -> None:
    pacer = Pacer(PARAMETERS)
    assert not any(pacer.holds(T0, "sale", "marketing", "GREEN") for _ in range(10))
    assert [pacer.holds(T0, "sale", "marketing", "YELLOW") for _ in range(4)] == [False] * 3 + [True]


def test_utility_is_paced_for_a_week_after_one_of_them_was_paused_and_authentication_never() -> None:
    pacer = Pacer(PacingParameters(threshold=0))
    assert not pacer.holds(T0, "order", "utility", "UNKNOWN")
    pacer.paused(T0, "marketing")
    assert not pacer.holds(T0, "order", "utility", "UNKNOWN")
    pacer.paused(T0, "utility")
    assert not pacer.holds(T0, "code", "authentication", "UNKNOWN")
    assert not pacer.holds(T0 + UTILITY_S, "order", "utility", "UNKNOWN")
    assert pacer.holds(T0 + UTILITY_S - 1, "order", "utility", "UNKNOWN")


steps = st.lists(
    st.tuples(
        st.sampled_from([0.0, 60.0, 900.0, 3600.0]), st.sampled_from(["UNKNOWN", "GREEN", "YELLOW", "RED"])
    ),
    max_size=40,
)


@given(steps, st.integers(0, 5))
def test_nothing_is_held_longer_than_an_hour_and_nothing_before_the_threshold(
    steps: list, threshold: int
) -> None:  # type: ignore[type-arg]
    pacer, now, sent, since = Pacer(PacingParameters(threshold)), T0, 0, None
    for gap, rating in steps:
        now += gap
        outcome = pacer.review(now, "sale", rating)
        if since is not None:
            assert (outcome == "dropped") == (rating == "RED")
            assert outcome is not None or now - since < 3600
        if outcome is not None:
            since = None
        if pacer.holds(now, "sale", "marketing", rating):
            since = now if since is None else since
            assert sent >= threshold
        else:
            sent += 1
        assert pacer.is_holding("sale") == (since is not None)

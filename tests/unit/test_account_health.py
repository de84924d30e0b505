import pytest

from server.dispatch.account_health import (
    MONTH_DAYS,
    Record,
    advice,
    fleet_open_rate,
    health,
    open_rate,
)

GOOD = Record(
    open=True, age_days=90.0, attempts=1_000, delivered=950, failed=50, blocks=0, sent_last_hour=150
)


def months(count: float) -> float:
    return count * MONTH_DAYS


def test_an_account_that_nothing_speaks_against_has_a_hundred() -> None:
    assert health(GOOD) == (100, "healthy", ())
    assert health(GOOD._replace(age_days=None, attempts=0, delivered=0, failed=0)).score == 100


@pytest.mark.parametrize(
    ("change", "score", "cause"),
    [
        ({"delivered": 820, "failed": 180}, 60, "delivery"),
        ({"delivered": 870, "failed": 130}, 80, "delivery"),
        ({"delivered": 1_000, "failed": 0, "blocks": 5}, 70, "blocks"),
        ({"age_days": months(12)}, 85, "age"),
        ({"sent_last_hour": 250}, 85, "load"),
    ],
)
def test_each_part_pulls_by_its_weight(change: dict[str, float], score: int, cause: str) -> None:
    found = health(GOOD._replace(**change))
    assert (found.score, found.causes) == (score, (cause,))


def test_causes_come_worst_first_and_a_bad_account_is_an_alarm() -> None:
    found = health(GOOD._replace(delivered=820, failed=180, sent_last_hour=225))
    assert (found.state, found.causes) == ("alarm", ("delivery", "load"))
    assert health(GOOD._replace(open=False)) == (0, "banned", ("banned",))


def test_a_few_attempts_say_nothing_of_delivery() -> None:
    assert health(GOOD._replace(attempts=19, delivered=0, failed=19, blocks=3)).score == 100


@pytest.mark.parametrize(("age", "rate"), [(0, 0.85), (6, 0.85), (9, 0.735), (12, 0.62), (30, 0.62)])
def test_the_open_rate_falls_from_six_to_twelve_months(age: float, rate: float) -> None:
    assert open_rate(months(age)) == pytest.approx(rate)


def test_the_oldest_thirty_percent_are_replaced_once_they_are_six_months_old() -> None:
    ages = [months(age) for age in (1, 2, 3, 4, 5, 6.5, 7, 8, 9, 13)]
    assert advice(ages) == ["keep"] * 7 + ["replace", "replace", "overdue"]
    assert advice([months(age) for age in (1, 2, 3, 4)]) == ["keep"] * 4
    assert advice([None, months(14), months(15)]) == ["keep", "overdue", "overdue"]
    assert advice([]) == []


def test_rotation_keeps_a_fleet_of_a_year_above_eighty_percent() -> None:
    ages = [months(age) for age in (0, 2, 5, 7, 8, 9, 11)]
    worn = fleet_open_rate(ages)
    fresh = fleet_open_rate(
        [0.0 if one != "keep" else age for one, age in zip(advice(ages), ages, strict=True)]
    )
    assert worn is not None
    assert fresh is not None
    assert worn < 0.80 < fresh
    assert fleet_open_rate([]) is None

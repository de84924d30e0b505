import pytest

from server.dispatch.import_pace import held_until_s

MINUTE_S, HOUR_S = 60.0, 3600.0
DELAY_S = 1.5 * HOUR_S  # T045: 1 to 2 h


@pytest.mark.parametrize(
    ("minutes", "until_minute"),
    [
        ([], None),
        ([0, 1, 2], None),  # T044: more than 3 in an hour
        ([0, 1, 2, 3], 93),
        ([0, 20, 40, 60], None),  # the first is out of the hour
        ([0, 20, 40, 59], 149),
        ([0, 15, 30, 45, 300], 135),  # systems_002 C5: files 15 minutes apart are too fast from the fourth on
        ([0, 1, 2, 3, 4], 94),  # the last one counts
    ],
)
def test_more_than_three_large_files_in_an_hour_hold_what_follows(
    minutes: list[float], until_minute: float | None
) -> None:
    until_s = held_until_s([minute * MINUTE_S for minute in minutes], DELAY_S)
    assert until_s == (None if until_minute is None else until_minute * MINUTE_S)


def test_without_a_delay_nothing_is_held() -> None:
    assert held_until_s([0.0] * 10, 0.0) is None

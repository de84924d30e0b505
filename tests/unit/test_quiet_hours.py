"""Windows of the customer's day, also where clocks change."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from server.dispatch.quiet_hours import Calendar, windows


def local_windows(
    zone: str, quiet_from: str, quiet_until: str, first: str, last: str
) -> list[tuple[str, str]]:
    """Windows that meet the UTC days `first` to `last`, as local times with their offset."""
    start_s = datetime.fromisoformat(first).replace(tzinfo=UTC).timestamp()
    end_s = datetime.fromisoformat(last).replace(tzinfo=UTC).timestamp()
    pairs = zip(*windows(zone, quiet_from, quiet_until, start_s, end_s), strict=True)
    return [(local(zone, opens), local(zone, closes)) for opens, closes in pairs]


def local(zone: str, at_s: float) -> str:
    return datetime.fromtimestamp(at_s, ZoneInfo(zone)).strftime("%d %H:%M%z")


def test_windows_are_the_hours_between_in_local_time() -> None:
    assert local_windows("Asia/Kolkata", "22:00", "08:00", "2025-01-10", "2025-01-11") == [
        ("10 08:00+0530", "10 22:00+0530")
    ]


def test_windows_may_cross_midnight() -> None:
    assert local_windows("UTC", "01:00", "09:00", "2025-01-10", "2025-01-11") == [
        ("09 09:00+0000", "10 01:00+0000"),
        ("10 09:00+0000", "11 01:00+0000"),
    ]


def test_quiet_from_midnight_lets_the_window_end_there() -> None:
    assert local_windows("UTC", "00:00", "08:00", "2025-01-10T12:00", "2025-01-10T13:00") == [
        ("10 08:00+0000", "11 00:00+0000")
    ]


def test_offsets_follow_the_clock_change_between_opening_and_closing() -> None:
    assert local_windows("Europe/Berlin", "22:00", "02:00", "2025-10-26", "2025-10-26T12:00") == [
        ("26 02:00+0100", "26 22:00+0100")
    ]
    assert local_windows("Europe/Berlin", "22:00", "08:00", "2025-03-29T12:00", "2025-03-30T12:00") == [
        ("29 08:00+0100", "29 22:00+0100"),
        ("30 08:00+0200", "30 22:00+0200"),
    ]


def test_a_boundary_that_the_clock_skips_is_the_change_itself() -> None:
    # On 30 March 2025 Berlin goes from 02:00 to 03:00.
    opening = local_windows("Europe/Berlin", "22:00", "02:30", "2025-03-30", "2025-03-30T12:00")
    assert opening == [("30 03:00+0200", "30 22:00+0200")]
    closing = local_windows("Europe/Berlin", "02:30", "12:00", "2025-03-29T20:00", "2025-03-30T01:00")
    assert closing == [("29 12:00+0100", "30 03:00+0200")]


def test_a_boundary_that_occurs_twice_closes_first_and_opens_last() -> None:
    # On 26 October 2025 Berlin goes from 03:00 back to 02:00.
    opening = local_windows("Europe/Berlin", "22:00", "02:30", "2025-10-26", "2025-10-26T12:00")
    assert opening == [("26 02:30+0100", "26 22:00+0100")]
    closing = local_windows("Europe/Berlin", "02:30", "12:00", "2025-10-25T20:00", "2025-10-26T02:00")
    assert closing == [("25 12:00+0200", "26 02:30+0200")]


def test_a_date_that_a_zone_skips_has_no_window() -> None:
    # Samoa went from 29 to 31 December 2011 when it crossed the date line.
    assert local_windows("Pacific/Apia", "22:00", "08:00", "2011-12-29T18:00", "2011-12-31T12:00") == [
        ("29 08:00-1000", "29 22:00-1000"),
        ("31 08:00+1400", "31 22:00+1400"),
    ]


def test_midnight_twice_means_no_quiet_hours() -> None:
    opens, closes = windows("UTC", "00:00", "00:00", 0.0, 1.0)
    assert opens.tolist() == [-np.inf]
    assert closes.tolist() == [np.inf]


@pytest.mark.parametrize(
    ("zone", "quiet_from", "quiet_until", "message"),
    [
        ("UTC", "08:00", "08:00", "leaves no time to send"),
        ("UTC", "24:00", "08:00", "quiet_from is '24:00'"),
        ("UTC", "22:00", "8 am", "quiet_until is '8 am'"),
        ("Europe/Berlim", "22:00", "08:00", "time zone 'Europe/Berlim' is unknown"),
        ("../etc", "22:00", "08:00", "is unknown"),
        ("", "22:00", "08:00", "is unknown"),
    ],
)
def test_bad_input_is_one_clear_line(zone: str, quiet_from: str, quiet_until: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        windows(zone, quiet_from, quiet_until, 0.0, 1.0)
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match=message):
        Calendar(zone, quiet_from, quiet_until)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia", "UTC"])
@pytest.mark.parametrize(("quiet_from", "quiet_until"), [("22:00", "08:00"), ("02:30", "09:00")])
def test_calendar_finds_the_window_that_contains_a_time_or_follows_it(
    zone: str, quiet_from: str, quiet_until: str
) -> None:
    start_s = datetime(2011, 1, 1, tzinfo=UTC).timestamp()
    end_s = start_s + 2 * 366 * 86_400
    opens, closes = windows(zone, quiet_from, quiet_until, start_s, end_s)
    calendar = Calendar(zone, quiet_from, quiet_until)
    for at_s in [*opens[1:-1], *closes[:-2], *np.linspace(start_s, end_s - 3 * 86_400, 997)]:
        after = int(np.argmax(closes > at_s))
        expected = round(opens[after] * 1e6), round(closes[after] * 1e6)
        assert calendar.window(int(at_s * 1e6)) == expected


def test_calendar_without_quiet_hours_is_always_open() -> None:
    opens_us, closes_us = Calendar("UTC", "00:00", "00:00").window(0)
    assert opens_us < 0 < 10**18 < closes_us

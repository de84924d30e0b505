import math

import pytest

from reports.numbers import duration, estimate, number, quantity, scale, told_apart, with_interval
from scenarios.result import Kpi


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "0 s"),
        (0.0000042, "0.0042 ms"),
        (0.0137, "13.7 ms"),
        (12.5, "12.5 s"),
        (119.96, "2 min"),
        (200, "3 min 20 s"),
        (3599.7, "1 h"),
        (48_000, "13 h 20 min"),
        (183_600, "2 d 3 h"),
        (604_800, "7 d"),
        (math.nan, "no value"),
    ],
)
def test_durations_read_as_people_say_them(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("kpi", "words"),
    [
        (Kpi(8961.4, 8949.0, 8973.8, "messages"), "8,961 (8,949 to 8,974)"),
        (Kpi(0.0842, 0.0828, 0.0855, "fraction"), "8.42 % (8.28 to 8.55 %)"),
        (Kpi(0.0151, 0.0144, 0.0158, "fraction per 30 days"), "1.51 % (1.44 to 1.58 %)"),
        (Kpi(1.44, 1.36, 1.52, "USD"), "1.44 (1.36 to 1.52)"),
        (Kpi(812.0, 812.0, 812.0, "contacts"), "812"),
        (Kpi(-0.4, -1.2, 0.4, "USD"), "−0.4 (−1.2 to 0.4)"),
        (Kpi(math.nan, math.nan, math.nan, "fraction"), "no value"),
    ],
)
def test_estimates_show_the_digits_that_their_interval_bears(kpi: Kpi, words: str) -> None:
    assert with_interval(kpi) == words


def test_value_and_interval_share_one_time_unit() -> None:
    kpi = Kpi(0.0137, 0.0131, 0.0142, "s")
    assert scale(kpi.unit, kpi.value) == (1000.0, "ms")
    assert estimate(kpi, scale(kpi.unit, kpi.value)) == ("13.7", "13.1 to 14.2")


def test_a_value_close_to_its_bound_reads_differently() -> None:
    assert told_apart(0.91996, 0.92, "fraction") == ("91.996 %", "92 %")
    assert told_apart(0.5, 0.5, "fraction") == ("50 %", "50 %")


def test_a_rounded_zero_has_no_sign() -> None:
    assert number(-0.0001, 2) == "0.00"


def test_an_infinite_quantity_has_no_value() -> None:
    assert quantity(math.inf, "USD") == "no value"

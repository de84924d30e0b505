import pytest

from server.dispatch.alarms import FEWEST, Observed, check, share


def state(name: str, value: float | None, **others: float) -> str:
    (found,) = (one for one in check(Observed(**{name: value, **others})) if one.name == name)
    return found.state


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("delivery_rate", 0.97, "healthy"),  # C154: 0.92 to 0.97
        ("delivery_rate", 0.92, "healthy"),
        ("delivery_rate", 0.919, "warning"),
        ("delivery_rate", 0.90, "warning"),
        ("delivery_rate", 0.899, "alarm"),  # C155: below 0.90
        ("invalid_number_share", 0.05, "healthy"),  # C156 is exclusive
        ("invalid_number_share", 0.051, "alarm"),
        ("hourly_cap_share", 0.90, "healthy"),
        ("hourly_cap_share", 0.95, "warning"),
        ("hourly_cap_share", 1.0, "warning"),  # at the cap is allowed (C101)
        ("hourly_cap_share", 1.005, "alarm"),
        ("sends_per_minute", 15, "healthy"),  # C020
        ("sends_per_minute", 16, "warning"),
        ("sends_per_minute", 20, "warning"),  # exactly 20 is not above (C018)
        ("sends_per_minute", 21, "alarm"),
        ("response_time_s", 480, "healthy"),  # C161: more than 8 minutes
        ("response_time_s", 481, "alarm"),
        ("longest_wait_s", 301, "alarm"),  # C111: 5 minutes
        ("top_keyword_share", 0.59, "warning"),  # C064: 0.60 to 0.80
        ("top_keyword_share", 0.60, "healthy"),
        ("top_keyword_share", 0.80, "healthy"),
        ("top_keyword_share", 0.81, "warning"),
        ("top_keyword_share", 1.0, "warning"),
        ("network_delay_s", 5.0, "healthy"),  # C131 is exclusive
        ("network_delay_s", 5.1, "alarm"),
        ("large_imports", 3, "healthy"),  # T044: more than 3 in an hour
        ("large_imports", 4, "alarm"),
        ("unmatched_share", 0.20, "healthy"),  # C065
        ("unmatched_share", 0.21, "alarm"),
        ("completion_share", 0.85, "alarm"),  # C066: over 0.85 is ideal
        ("completion_share", 0.86, "healthy"),
        ("banned_share", 0.012, "healthy"),  # C106
        ("banned_share", 0.02, "alarm"),
        ("sends_after_stop", 0, "healthy"),  # C033
        ("sends_after_stop", 1, "alarm"),
        ("dispatch_lag_s", 2.9, "healthy"),  # C098: under 3 s
        ("dispatch_lag_s", 3.0, "alarm"),
        ("tag_rule_delay_s", 300, "healthy"),  # T110
        ("tag_rule_delay_s", 301, "warning"),
        ("tag_rule_delay_s", 3_601, "alarm"),  # T111
        ("fleet_open_rate", 0.80, "healthy"),  # C143
        ("fleet_open_rate", 0.79, "alarm"),
        ("delivery_rate", None, "unknown"),
    ],
)
def test_limits_are_those_of_the_claims(name: str, value: float | None, expected: str) -> None:
    assert state(name, value) == expected


def test_every_figure_is_checked_against_claims() -> None:
    found = check(Observed())
    assert {one.name for one in found} == set(Observed.__dataclass_fields__)
    assert {one.state for one in found} == {"unknown"}
    assert all(one.claims for one in found)


def test_a_check_tells_the_limit_that_it_broke() -> None:
    (warning,) = (one for one in check(Observed(delivery_rate=0.91)) if one.name == "delivery_rate")
    assert (warning.limit, warning.state) == (0.92, "warning")
    (alarm,) = (one for one in check(Observed(delivery_rate=0.5)) if one.name == "delivery_rate")
    assert (alarm.limit, alarm.claims) == (0.90, ("C154", "C155"))
    for value, limit in ((0.5, 0.60), (0.9, 0.80)):
        (band,) = (one for one in check(Observed(top_keyword_share=value)) if one.name == "top_keyword_share")
        assert (band.limit, band.claims) == (limit, ("C063", "C064"))


@pytest.mark.parametrize(
    ("others", "cause"),
    [
        ({"invalid_number_share": 0.08}, "clean the list"),
        ({"hourly_cap_share": 1.2}, "hourly cap"),
        ({}, "or"),
    ],
)
def test_poor_delivery_is_put_down_to_the_cause_that_is_seen(others: dict[str, float], cause: str) -> None:
    found = check(Observed(delivery_rate=0.5, **others))
    (delivery,) = (one for one in found if one.name == "delivery_rate")
    assert delivery.cause is not None
    assert cause in delivery.cause


def test_healthy_figures_have_no_cause() -> None:
    assert [one.cause for one in check(Observed(delivery_rate=0.95)) if one.name == "delivery_rate"] == [None]


def test_a_share_of_few_says_nothing() -> None:
    assert share(1, FEWEST - 1) is None
    assert share(1, FEWEST) == 1 / FEWEST

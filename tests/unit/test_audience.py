import pytest

from server.dispatch.audience import Audience, matches

TAGS = frozenset({"bought", "vip"})


@pytest.mark.parametrize(
    ("audience", "expected"),
    [
        (Audience(), True),
        (Audience(all=frozenset({"bought"})), True),
        (Audience(all=frozenset({"bought", "prospect"})), False),
        (Audience(any=frozenset({"prospect", "vip"})), True),
        (Audience(any=frozenset({"prospect"})), False),
        (Audience(none=frozenset({"prospect"})), True),
        (Audience(none=frozenset({"vip"})), False),
        (Audience(all=frozenset({"vip"}), none=frozenset({"vip"})), False),
        (
            Audience(all=frozenset({"vip"}), any=frozenset({"bought", "x"}), none=frozenset({"prospect"})),
            True,
        ),
    ],
)
def test_all_any_and_none_hold_together(audience: Audience, expected: bool) -> None:
    assert matches(audience, TAGS) is expected


def test_a_contact_without_tags_is_in_no_audience_that_asks_for_one() -> None:
    assert not matches(Audience(any=frozenset({"vip"})), frozenset())
    assert matches(Audience(none=frozenset({"vip"})), frozenset())

import pytest

from server.dispatch.filters import (
    DEEPEST,
    EVERYBODY,
    LONGEST,
    AllOf,
    AnyOf,
    Counted,
    Did,
    FilterError,
    Is,
    Not,
    Tagged,
    check_tags,
    parse,
)

DAY_S = 86_400.0


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("", EVERYBODY),
        ("  ", EVERYBODY),
        ("vip", Tagged("vip", 1)),
        ('"summer sale"', Tagged("summer sale", 1)),
        ('tag = "and"', Tagged("and", 7)),
        ("tag != vip", Not(Tagged("vip", 8))),
        ("a or b and c", AnyOf((Tagged("a", 1), AllOf((Tagged("b", 6), Tagged("c", 12)))))),
        ("(a OR b) AND c", AllOf((AnyOf((Tagged("a", 2), Tagged("b", 7))), Tagged("c", 14)))),
        ("a EXCLUDE b", AllOf((Tagged("a", 1), Not(Tagged("b", 11))))),
        ("a AND EXCLUDE b", AllOf((Tagged("a", 1), Not(Tagged("b", 15))))),
        ("NOT a", Not(Tagged("a", 5))),
        ("clicked in 7 days", Did("clicked", 7 * DAY_S)),
        ("no order in 60 days", Not(Did("ordered", 60 * DAY_S))),
        ("replied IN 1 Month", Did("replied", 30 * DAY_S)),
        ("read in 30 minutes", Did("read", 1_800)),
        ("never ordered", Not(Did("ordered", None))),
        ("ever clicked", Did("clicked", None)),
        ("orders >= 3", Counted("orders", ">=", 3)),
        ("tags>15", Counted("tags", ">", 15)),
        ("consent = no", Is("consent", "no")),
        ("timezone = Europe/Berlin", Is("timezone", "Europe/Berlin")),
        ("country_code != +44", Not(Is("country_code", "44"))),
        # Words of conditions are tags where no condition follows.
        ("bought AND no AND never", AllOf((Tagged("bought", 1), Tagged("no", 12), Tagged("never", 19)))),
        ("клиент AND 顾客", AllOf((Tagged("клиент", 1), Tagged("顾客", 12)))),
    ],
)
def test_expressions(text: str, expression: object) -> None:
    assert parse(text) == expression


@pytest.mark.parametrize(
    ("text", "position", "says"),
    [
        ("vip AND", 8, "a tag, an attribute or an event expected; found the end"),
        ("OR vip", 1, "found 'OR'"),
        ("(a", 3, "the parenthesis of position 1 is not closed"),
        ("a)", 2, "an unopened parenthesis"),
        ("()", 2, "found ')'"),
        ("a b", 3, "AND or OR expected; found 'b'"),
        ('"x', 1, "a quotation mark without its end"),
        ('""', 1, "an empty or unprintable name"),
        ('"a\nb"', 1, "an empty or unprintable name"),
        ("a !b", 3, "found '!'"),
        ("clicked in days", 12, "a number of days"),
        ("clicked in 7", 13, "minutes, hours, days, weeks or months expected"),
        ("clicked in 7 fortnights", 14, "found 'fortnights'"),
        ("clicked in 9999999 days", 12, "at most 999999"),
        ("no order", 9, "as in: order in 7 days"),
        ("clickd in 7 days", 1, "did you mean clicked?"),
        ("no flowers in 7 days", 4, "no such event: 'flowers'; one of: added,"),
        ("zone = UTC", 1, "did you mean timezone?"),
        ("timezone = Mars", 12, "time zone 'Mars' is unknown: use an IANA name"),
        ('timezone = "../x"', 12, "unknown"),
        ("country_code = DE", 16, "found 'DE'; a country code has 1 to 3 digits, as 44"),
        ("country_code = ٤٤", 16, "1 to 3 digits"),
        ("timezone > UTC", 10, "timezone can only be = or !="),
        ("tag =", 6, "a tag expected"),
        ("orders > many", 10, "a whole number expected"),
        ("orders > ²", 10, "a whole number expected"),
        ("consent = maybe", 11, "consent must be yes or no"),
        ("NOT " * (DEEPEST + 1) + "a", 4 * DEEPEST + 5, "nested more than 50 deep"),
        ("(" * (DEEPEST + 1) + "a", DEEPEST + 1, "nested more than 50 deep"),
        ("a" * (LONGEST + 1), LONGEST, "longer than 4096 characters"),
    ],
)
def test_errors_say_where_and_what(text: str, position: int, says: str) -> None:
    with pytest.raises(FilterError) as error:
        parse(text)
    assert error.value.position == position
    assert str(error.value).startswith(f"position {position}: ")
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_an_unknown_tag_is_an_error_at_its_place() -> None:
    expression = parse("vip AND (orders > 1 OR NOT newsleter)")
    with pytest.raises(FilterError, match="position 28: no such tag: newsleter; did you mean newsletter"):
        check_tags(expression, {"vip", "newsletter"})
    check_tags(expression, {"vip", "newsleter"})

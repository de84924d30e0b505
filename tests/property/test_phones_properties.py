"""The quick check of a number against the full check of `phonenumbers`."""

import phonenumbers
from hypothesis import example, given, settings
from hypothesis import strategies as st
from phonenumbers.phonenumberutil import COUNTRY_CODE_TO_REGION_CODE

from scenarios import phones


def _examples() -> list[str]:
    """A number of each kind of each region, as the library gives them."""
    found = [
        phonenumbers.example_number_for_type(region, kind)
        for regions in COUNTRY_CODE_TO_REGION_CODE.values()
        for region in regions
        for kind in phonenumbers.PhoneNumberType.values()
    ]
    found += [phonenumbers.example_number_for_non_geo_entity(code) for code in COUNTRY_CODE_TO_REGION_CODE]
    return [
        phonenumbers.format_number(one, phonenumbers.PhoneNumberFormat.E164)
        for one in found
        if one is not None
    ]


EXAMPLES = _examples()


@st.composite
def numbers(draw: st.DrawFn) -> str:
    """An example with some digits otherwise, some added, some left out."""
    number = list(draw(st.sampled_from(EXAMPLES)))
    for at in draw(st.lists(st.integers(1, len(number) - 1), max_size=4)):
        number[at] = draw(st.sampled_from("0123456789"))
    cut = draw(st.integers(0, 2))
    return "".join(number)[: len(number) - cut] + draw(st.text("0123456789", max_size=2))


@settings(max_examples=1_000)
@given(numbers())
@example("+4402079460001")  # with the 0 that is dialled inside the country
@example("+39061234567")  # where the 0 is part of the number
@example("+77012345678")  # Kazakhstan, which shares +7
@example("+80012345678")  # no country at all
def test_the_quick_check_agrees_with_the_full_one(number: str) -> None:
    assert phones.e164(number) == phones._parsed(number)


def test_the_quick_check_sees_nearly_every_good_number() -> None:
    """Else it would be quick for nobody."""
    good = [number for number in EXAMPLES if phones._parsed(number) == number]
    assert sum(map(phones._is_plain, good)) > 0.95 * len(good) > 1_000


@given(st.text(max_size=20))
def test_any_text_is_a_number_or_none(text: str) -> None:
    number = phones.e164(text)
    assert number is None or phones.e164(number) == number

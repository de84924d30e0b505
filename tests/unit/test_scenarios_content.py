import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.content import renderer, texts_of

PIECES = st.lists(st.sampled_from(["{name}", "{order}", "{{", "}}", "%", "%s", "%%", "15 % off", " ", "é"]))


@given(PIECES, st.text(min_size=1), st.text(min_size=1))
def test_a_text_is_what_str_format_makes(pieces: list[str], name: str, order: str) -> None:
    template = "".join(pieces)
    variables = {"name": name, "order": order}
    assert renderer(template, {})(variables) == template.format(**variables)


def test_an_empty_variable_takes_its_fallback_or_there_is_no_text() -> None:
    render = renderer("Hi {name}, {order}", {"name": "there"})
    assert render({"order": "A1"}) == render({"order": "A1", "name": ""}) == "Hi there, A1"
    assert render({"name": "Ada"}) is render({"name": "Ada", "order": ""}) is None


@given(
    PIECES,
    st.lists(st.dictionaries(st.sampled_from(["name", "order"]), st.sampled_from(["", "Ada", "%s"]))),
    st.sampled_from([{}, {"name": "there"}]),
)
def test_texts_of_many_are_those_of_each(
    pieces: list[str], each: list[dict[str, str]], fallbacks: dict[str, str]
) -> None:
    template = "".join(pieces)
    render = renderer(template, fallbacks)
    assert texts_of(template, fallbacks, each) == [render(one) for one in each]


@pytest.mark.parametrize("template", ["{", "{0}", "{name!r}", "{name:>9}", "{a.b}", "{}"])
def test_formats_are_no_variables(template: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - string.Formatter words some of them
        renderer(template, {})

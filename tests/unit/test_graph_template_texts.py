"""What the platform refuses in the texts of a template, and what it takes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.network.errors import sync_error
from server.network.graph.refusal import ApiError
from server.network.graph.template_texts import check_texts, variables


def body(text: str, *examples: object) -> dict[str, Any]:
    return {"type": "BODY", "text": text, **({"example": {"body_text": list(examples)}} if examples else {})}


def named(text: str, *names: str) -> dict[str, Any]:
    examples = [{"param_name": name, "example": "x"} for name in names]
    return {"type": "BODY", "text": text, "example": {"body_text_named_params": examples}}


def subcode(component: dict[str, Any], parameter_format: str = "POSITIONAL") -> int | None:
    with pytest.raises(ApiError) as caught:
        check_texts([component], parameter_format)
    assert (caught.value.code, caught.value.message) == (100, "Invalid parameter")
    assert caught.value.user is not None
    return caught.value.subcode


def test_variables_are_counted_once() -> None:
    assert variables("{{1}} {{ 2 }} {{1}} {{name}}") == ["1", "2", "name"]


@pytest.mark.parametrize(
    ("component", "parameter_format"),
    [
        (body("Hi"), "POSITIONAL"),
        (body("Hi {{1}} and {{2}}!! Bye", ["a", "b"]), "POSITIONAL"),
        (body("Hi {{2}} and {{1}} and {{2}} again", ["a", "b"]), "POSITIONAL"),
        (body("Hi {{1}} again", "a"), "POSITIONAL"),
        (body("👋 {{1}} 👋", ["a"]), "POSITIONAL"),
        (named("Hi {{name}} of {{town}} again", "town", "name"), "NAMED"),
        (
            {"type": "HEADER", "format": "TEXT", "text": "{{1}}", "example": {"header_text": ["a"]}},
            "POSITIONAL",
        ),
        ({"type": "HEADER", "format": "LOCATION"}, "POSITIONAL"),
        ({"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["4::aW"]}}, "POSITIONAL"),
        ({"type": "BUTTONS", "buttons": [{"type": "URL", "url": "https://x", "text": "x"}]}, "POSITIONAL"),
    ],
)
def test_sound_texts_are_taken(component: dict[str, Any], parameter_format: str) -> None:
    check_texts([component], parameter_format)


@pytest.mark.parametrize(
    "text", ["{{1}} is here", "It is {{1}}", "It is {{1}}.", "*{{1}}*: it is here", " {{1}}\n{{2}} "]
)
def test_a_body_neither_starts_nor_ends_with_a_variable(text: str) -> None:
    assert subcode(body(text, ["a"] * len(variables(text)))) == 2388299


@pytest.mark.parametrize(
    "text",
    ["Hi {{0}} again", "Hi {{2}} again", "Hi {{1}} and {{3}} again", "Hi {{01}} again", "Hi {{name}} again"],
)
def test_numbers_begin_with_1_and_have_no_gap(text: str) -> None:
    assert subcode(body(text, ["a"] * len(variables(text)))) == 2388072


def test_names_and_numbers_are_not_mixed() -> None:
    assert subcode(body("Hi {{1}} of {{town}} again", ["a", "b"])) == 2388072
    assert subcode(named("Hi {{1}} of {{town}} again", "1", "town"), "NAMED") == 2388072


@pytest.mark.parametrize("text", ["Hi {{}} again", "Hi {{first name}} again", "Hi {{1 again", "Hi 1}} again"])
def test_braces_that_are_no_variable_are_refused(text: str) -> None:
    assert subcode(body(text)) == 2388072


@pytest.mark.parametrize(
    "component",
    [
        body("Hi {{1}} again"),
        body("Hi {{1}} and {{2}} again", ["a"]),
        body("Hi {{1}} and {{2}} again", "a", "b"),
        body("Hi {{1}} again", []),
        {**body("Hi {{1}} again"), "example": "a"},
        {"type": "HEADER", "format": "TEXT", "text": "Hi {{1}}"},
        {"type": "HEADER", "format": "VIDEO"},
        {"type": "BUTTONS", "buttons": [{"type": "URL", "url": "https://x/{{1}}", "text": "x"}]},
    ],
)
def test_every_variable_and_file_needs_an_example(component: dict[str, Any]) -> None:
    assert subcode(component) == 2388043


def test_every_name_needs_an_example() -> None:
    assert subcode(named("Hi {{name}} of {{town}} again", "town"), "NAMED") == 2388043
    assert subcode(body("Hi {{name}} again", ["a"]), "NAMED") == 2388043


@pytest.mark.parametrize(
    ("component", "code"),
    [
        ({"type": "HEADER", "format": "TEXT", "text": "{{1}} and {{2}}"}, 2388047),
        ({"type": "FOOTER", "text": "Hi {{1}} again"}, 2388073),
        ({"type": "HEADER", "format": "TEXT", "text": "x" * 61}, 2388040),
        ({"type": "FOOTER", "text": "x" * 61}, 2388040),
        (body("x" * 1025), 2388040),
    ],
)
def test_headers_and_footers_have_limits_of_their_own(component: dict[str, Any], code: int) -> None:
    assert subcode(component) == code


def test_the_words_are_those_that_users_are_shown() -> None:
    with pytest.raises(ApiError) as caught:
        check_texts([body("Hi {{1}}", ["a"])], "POSITIONAL")
    error = sync_error(100, "A", message="Invalid parameter", subcode=2388299, user=caught.value.user)[
        "error"
    ]
    assert error["error_user_title"] == "Leading or trailing params not allowed"
    assert error["error_user_msg"] == "Variables can't be at the start or end of the template."


@given(st.text(st.sampled_from("{}123 a.x\n"), max_size=30), st.sampled_from(["POSITIONAL", "NAMED"]))
def test_any_text_is_taken_or_refused_with_a_subcode(text: str, parameter_format: str) -> None:
    names = variables(text)
    positional, by_name = body(text, ["x"] * len(names)), named(text, *names)
    example = {"example": {**positional["example"], **by_name["example"]}}
    found: int | None = None
    try:
        check_texts([{**positional, **example}], parameter_format)
    except ApiError as error:
        found = error.subcode
    assert found in (None, 2388072, 2388299)
    is_as_declared = all(name.isdecimal() == (parameter_format == "POSITIONAL") for name in names)
    assert is_as_declared or found == 2388072

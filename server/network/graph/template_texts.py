"""What the platform refuses in the texts of a new template: variables, their examples, lengths.

Subcodes and what each stands for: the platform's table of errors of template creation. The words of 2388043
and 2388299, and that spaces and punctuation around a variable do not count as text, are what users of the
platform were answered. Assumed: which of the subcodes a gap, a variable 0, a mixture of names and numbers and
broken braces get. Not looked at: the share of variables in a text (2388293), whose limit is not published,
the cards of carousels, the number and labels of buttons, and authentication templates, whose text is the
platform's own.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple
from unicodedata import category

from server.network.graph.refusal import ApiError

VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
NO_TEXT = frozenset("PZC")  # first letters of Unicode categories: punctuation, separators, control
WITH_HANDLE = ("IMAGE", "VIDEO", "DOCUMENT")


class Part(NamedTuple):
    """What holds for the text of one type of component."""

    longest: int  # characters
    most_variables: int
    badly_formed: int  # the subcode


PARTS = {
    "HEADER": Part(60, 1, 2388047),
    "BODY": Part(1024, 1024, 2388072),
    "FOOTER": Part(60, 0, 2388073),
}


def variables(text: str) -> list[str]:
    """The names or places between double braces, each once, in order."""
    return list(dict.fromkeys(VARIABLE.findall(text)))


def check_texts(components: Sequence[dict[str, Any]], parameter_format: str) -> None:
    """ApiError 100 with a subcode for what the platform refuses; `parameter_format`: POSITIONAL or NAMED."""
    for component in components:
        kind = str(component.get("type", "")).upper()
        if kind in PARTS:
            _check_text(kind, PARTS[kind], component, parameter_format)
        if kind == "HEADER" and str(component.get("format", "")).upper() in WITH_HANDLE:
            _demand_example(kind, is_there=bool(component.get("example")))
        for button in component.get("buttons") or ():
            if variables(str(button.get("url", ""))):
                _demand_example("BUTTONS", is_there=bool(button.get("example")))


def _check_text(kind: str, part: Part, component: dict[str, Any], parameter_format: str) -> None:
    text = str(component.get("text") or "")
    if len(text) > part.longest:
        why = f"The {kind} is limited to {part.longest} characters"
        raise _refused(2388040, "Character limit exceeded", why)
    names = variables(text)
    if why := _bad_form(text, names, part, parameter_format):
        raise _refused(part.badly_formed, f"Message {kind.lower()} format is incorrect", f"The {kind} {why}")
    if kind == "BODY" and names and _dangles(text):
        why = "Variables can't be at the start or end of the template."
        raise _refused(2388299, "Leading or trailing params not allowed", why)
    if names:
        _demand_example(kind, is_there=_has_examples(kind, component.get("example"), names, parameter_format))


def _bad_form(text: str, names: Sequence[str], part: Part, parameter_format: str) -> str:
    """What is wrong with the variables; nothing when they are sound."""
    rest = VARIABLE.sub("", text)
    if "{{" in rest or "}}" in rest:
        return "has braces that are no variable: write {{1}}, or {{name}}"
    if len(names) > part.most_variables:
        return f"has too many variables: at most {part.most_variables}"
    if parameter_format == "NAMED":
        numbers = [name for name in names if name.isdecimal()]
        return f"mixes names and numbers: {{{{{numbers[0]}}}}} is no name" if numbers else ""
    if set(names) != {str(number) for number in range(1, len(names) + 1)}:
        return "needs variables numbered from {{1}} without a gap (or parameter_format NAMED)"
    return ""


def _dangles(text: str) -> bool:
    """Whether there is no text before the first variable, or none after the last."""
    found = list(VARIABLE.finditer(text))
    edges = text[: found[0].start()], text[found[-1].end() :]
    return any(all(category(sign)[0] in NO_TEXT for sign in edge) for edge in edges)


def _has_examples(kind: str, example: object, names: Sequence[str], parameter_format: str) -> bool:
    """One for each variable. A body's are rows; a value that stands where a row should is one of its own."""
    if not isinstance(example, dict):
        return False
    key = f"{kind.lower()}_text"
    listed = example.get(f"{key}_named_params" if parameter_format == "NAMED" else key)
    if not isinstance(listed, list) or not listed:
        return False
    if parameter_format == "NAMED":
        return set(names) <= {one.get("param_name") for one in listed if isinstance(one, dict)}
    rows = [one if isinstance(one, list) else [one] for one in listed]
    return all(len(row) == len(names) for row in rows)


def _demand_example(kind: str, *, is_there: bool) -> None:
    if not is_there:
        title = 'Message template "components" param is missing expected field(s)'
        raise _refused(2388043, title, f"component of type {kind} is missing expected field(s) (example)")


def _refused(subcode: int, title: str, why: str) -> ApiError:
    return ApiError(100, why, subcode=subcode, message="Invalid parameter", user=(title, why))

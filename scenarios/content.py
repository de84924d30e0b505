"""Message templates: which variables they need, and their text for one contact."""

import string
from collections.abc import Callable, Mapping


def variables_of(template: str) -> tuple[str, ...]:
    """Names in braces, in order; ValueError for a template that is not one."""
    names = [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]
    for name in names:
        if not name.isidentifier():
            raise ValueError(f"{{{name}}} is not a variable name")
    return tuple(names)


def renderer(template: str, fallbacks: Mapping[str, str]) -> Callable[[Mapping[str, str]], str | None]:
    """A function from a contact's variables to its text; None when one is empty and has no fallback."""
    names = variables_of(template)

    def render(variables: Mapping[str, str]) -> str | None:
        values = {name: variables.get(name) or fallbacks.get(name) for name in names}
        return template.format(**values) if all(values.values()) else None

    return render

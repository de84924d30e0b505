"""Message templates: which variables they need, and their text for one contact."""

import string
from collections.abc import Callable, Mapping


def variables_of(template: str) -> tuple[str, ...]:
    """Names in braces, in order; ValueError for a template that is not one."""
    names = []
    for _, name, spec, conversion in string.Formatter().parse(template):
        if name is None:
            continue
        if not name.isidentifier() or spec or conversion:
            # formats could make a short template fill the memory
            raise ValueError(f"{{{name}}} is not a plain variable name")
        names.append(name)
    return tuple(names)


def renderer(template: str, fallbacks: Mapping[str, str]) -> Callable[[Mapping[str, str]], str | None]:
    """A function from a contact's variables to its text; None when one is empty and has no fallback."""
    names = variables_of(template)

    def render(variables: Mapping[str, str]) -> str | None:
        values = {name: variables.get(name) or fallbacks.get(name) for name in names}
        return template.format(**values) if all(values.values()) else None

    return render

"""Message templates of a business account: kept, listed, reviewed, and checked against what is sent.

Platform 1.1: unknown name or language, or not approved, is 132001; a wrong number of parameters 132000 with
its details; paused 132015; disabled 132016. Which can be edited is the platform's page on templates; that
a value must be there (131008), and in one line (132018), is what users of the platform were answered.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any, Literal, TypeGuard

from msgspec import Struct, field

from server.network import quality
from server.network.graph.authentication import with_preset_text
from server.network.graph.outgoing import Component, Parameter, TemplateUse
from server.network.graph.refusal import ApiError, invalid_parameter
from server.network.graph.template_texts import check_texts, variables
from server.network.rules import Category

Status = Literal["PENDING", "APPROVED", "REJECTED", "PAUSED", "DISABLED"]
CATEGORIES: dict[str, Category] = {
    "MARKETING": "marketing",
    "UTILITY": "utility",
    "AUTHENTICATION": "authentication",
}
FORMATS = ("POSITIONAL", "NAMED")
NAME = re.compile(r"[a-z0-9_]{1,512}")
FIRST_ID = 7_000_000_000_001
MEDIA_FORMATS = ("IMAGE", "VIDEO", "DOCUMENT", "LOCATION")
EDITABLE: tuple[Status, ...] = ("APPROVED", "REJECTED", "PAUSED")
NOT_ONE_LINE = re.compile(r"[\n\r\t]| {5}")


class Template(Struct, kw_only=True):
    """One name in one language."""

    id: str
    name: str
    language: str
    category: str
    status: Status  # as reviewed, or as set by hand; see `state`
    components: list[dict[str, Any]]
    parameter_format: str = "POSITIONAL"
    rejected_reason: str = "NONE"
    made_s: float  # Unix seconds
    rated: quality.Template  # what users think of it, and the pauses that this brings
    blocks_s: list[float] = field(default_factory=list)  # when users blocked a number because of it

    def shown(self) -> dict[str, Any]:
        """As the API lists it."""
        return {
            "name": self.name,
            "parameter_format": self.parameter_format,
            "components": self.components,
            "language": self.language,
            "status": self.state,
            "category": self.category,
            "rejected_reason": self.rejected_reason,
            "quality_score": {"score": self.rated.ratings.rating, "date": int(self.made_s)},
            "id": self.id,
        }

    def component(self, kind: str) -> dict[str, Any] | None:
        """The component of this type (HEADER, BODY, FOOTER, BUTTONS), if it has one."""
        return next((one for one in self.components if str(one.get("type", "")).upper() == kind), None)

    @property
    def state(self) -> Status:
        """Its status, with the pauses for low quality."""
        return self.rated.status if self.status == "APPROVED" else self.status

    @property
    def kind(self) -> Category:
        """Its category as limits and prices name it."""
        return CATEGORIES[self.category]

    @property
    def body_text(self) -> str:
        return str((self.component("BODY") or {}).get("text", ""))


class Templates:
    """All templates of one business account."""

    def __init__(self) -> None:
        self._by_key: dict[tuple[str, str], Template] = {}
        self._by_id: dict[str, Template] = {}
        self._next_id = count(FIRST_ID)

    def __iter__(self) -> Iterator[Template]:
        return iter(self._by_key.values())

    def get(self, template_id: str) -> Template | None:
        return self._by_id.get(template_id)

    def named(self, name: str) -> list[Template]:
        """The template in all its languages."""
        return [one for one in self._by_key.values() if one.name == name]

    def find(self, name: str, language: str) -> Template | None:
        return self._by_key.get((name, language))

    def add(self, given: dict[str, Any], status: Status, now_s: float) -> Template:
        """A new template from a request's JSON; ApiError 100 for what cannot be one."""
        name, language, category = given.get("name"), given.get("language"), given.get("category")
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise invalid_parameter("name", "1 to 512 of a-z, 0-9 and _")
        language = checked_language(language)
        if not isinstance(category, str) or category.upper() not in CATEGORIES:
            raise invalid_parameter("category", f"one of {', '.join(CATEGORIES)}")
        if (name, language) in self._by_key:
            raise ApiError(
                100,
                f"There is already {language} content for this template.",
                subcode=2388024,
                message="Invalid parameter",
            )
        parameter_format = _parameter_format(given.get("parameter_format"))
        components = checked_components(given.get("components"), category.upper(), parameter_format)
        template_id = str(next(self._next_id))
        identity = {
            "message_template_id": int(template_id),
            "message_template_name": name,
            "message_template_language": language,
        }
        template = Template(
            id=template_id,
            name=name,
            language=language,
            category=category.upper(),
            status=status,
            components=components,
            parameter_format=parameter_format,
            made_s=now_s,
            rated=quality.Template(identity, category=category.upper()),
        )
        self._by_key[name, language] = self._by_id[template.id] = template
        return template

    def remove(self, name: str, template_id: str | None = None) -> bool:
        """Delete a template in all languages, or the one with this id; whether there was one."""
        gone = [one for one in self.named(name) if template_id in (None, one.id)]
        for one in gone:
            del self._by_key[one.name, one.language]
            del self._by_id[one.id]
        return bool(gone)


def checked_language(given: object) -> str:
    """A code such as en_US; ApiError 100 for what cannot be one."""
    if not isinstance(given, str) or not 2 <= len(given) <= 10:
        raise invalid_parameter("language", "a code such as en_US")
    return given


def _are_objects(value: object) -> TypeGuard[list[dict[str, Any]]]:
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)


def checked_components(components: object, category: str, parameter_format: str) -> list[dict[str, Any]]:
    """Components of a request; ApiError 100 unless there is a body, and all texts are sound.

    An authentication template's text is the platform's own, and is written in here.
    """
    if not _are_objects(components):
        raise invalid_parameter("components", "a list of objects")
    if not all(_are_objects(one.get("buttons", [])) for one in components):
        raise invalid_parameter("components", "buttons are a list of objects")
    body = next((one for one in components if str(one.get("type", "")).upper() == "BODY"), None)
    if body is None:
        raise invalid_parameter("components", "a component of type BODY is required")
    text = body.get("text")
    if category == "AUTHENTICATION" and text is None:
        return with_preset_text(components)
    if not isinstance(text, str) or not text:
        raise invalid_parameter("components", "the body needs a text")
    if category != "AUTHENTICATION":
        check_texts(components, parameter_format)
    return components


def edit(template: Template, given: dict[str, Any]) -> None:
    """Other components, which must be reviewed again; ApiError 100 for what cannot be, or not now."""
    if template.state not in EDITABLE:
        may_be = ", ".join(EDITABLE)
        raise invalid_parameter("id", f"a template that is one of {may_be}; this one is {template.state}")
    if "components" in given:
        template.components = checked_components(
            given["components"], template.category, template.parameter_format
        )
    template.status = "PENDING"


def _parameter_format(given: object) -> str:
    wanted = "POSITIONAL" if given is None else str(given).upper()
    if wanted not in FORMATS:
        raise invalid_parameter("parameter_format", f"one of {', '.join(FORMATS)}")
    return wanted


def check_use(templates: Templates, use: TemplateUse) -> Template:
    """The template that a message uses; ApiError unless it may be sent like this."""
    template = templates.find(use.name, use.language.code)
    if template is None or template.state in ("PENDING", "REJECTED"):
        raise ApiError(132001, f"template name ({use.name}) does not exist in {use.language.code}")
    if template.state == "PAUSED":
        raise ApiError(132015, f"template {use.name} is paused due to low quality")
    if template.state == "DISABLED":
        raise ApiError(132016, f"template {use.name} was paused too many times and is disabled")
    given = {component.type.lower(): component for component in use.components}
    _check_text("body", template.body_text, given.get("body"), template.parameter_format)
    _check_header(template.component("HEADER") or {}, given.get("header"), template.parameter_format)
    _check_buttons(template.component("BUTTONS") or {}, use.components)
    return template


def _check_text(where: str, text: str, given: Component | None, parameter_format: str) -> None:
    """As many parameters as the text has variables, and of the same names."""
    expected = variables(text)
    parameters = given.parameters if given is not None else []
    if len(parameters) != len(expected):
        raise ApiError(
            132000,
            f"{where}: number of localizable_params ({len(parameters)}) does not match the expected number "
            f"of params ({len(expected)})",
        )
    if parameter_format == "NAMED":
        missing = set(expected) - {one.parameter_name for one in parameters}
        if missing:
            raise ApiError(100, f"{where}: Parameter name is missing or empty: {min(missing)}")
    for one in parameters:
        _check_value(one)


def _check_value(parameter: Parameter) -> None:
    """A text must be there, in one line; what else may stand for a variable is not looked at."""
    if parameter.type.lower() != "text":
        return
    if parameter.text is None or parameter.text == "":
        raise ApiError(131008, "Parameter of type text is missing text value")
    if NOT_ONE_LINE.search(str(parameter.text)):
        why = "Param text cannot have new-line/tab characters or more than 4 consecutive spaces"
        raise ApiError(132018, why)


def _check_header(header: dict[str, Any], given: Component | None, parameter_format: str) -> None:
    kind = str(header.get("format", "TEXT")).upper() if header else ""
    if kind not in MEDIA_FORMATS:
        _check_text("header", str(header.get("text", "")), given, parameter_format)
        return
    received = given.parameters[0].type.upper() if given is not None and given.parameters else "UNKNOWN"
    if received != kind:
        raise ApiError(132012, f"header: Format mismatch, expected {kind}, received {received}")


def _check_buttons(buttons: dict[str, Any], given: Sequence[Component]) -> None:
    """A URL with a variable needs its value; in a template with buttons each value is for one of them."""
    have = {str(one.index): one for one in given if one.type.lower() == "button"}
    listed = buttons.get("buttons") or []
    for index, button in enumerate(listed):
        needs = str(button.get("type", "")).upper() == "URL" and variables(str(button.get("url", "")))
        component = have.get(str(index))
        if needs and (component is None or not component.parameters):
            raise ApiError(131008, f"buttons: Button at index {index} of type Url requires a parameter")
        if needs and component is not None:
            _check_value(component.parameters[0])
    unknown = have.keys() - {str(index) for index in range(len(listed))}
    if unknown and listed:
        raise ApiError(132000, f"buttons: there is no button at index {min(unknown)[:100]}")

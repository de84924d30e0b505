"""What a business sends: the body of `POST /{phone_number_id}/messages`, checked as the platform checks it.

Shapes and lengths: the platform's published OpenAPI file (v23.0) and its pages, as platform facts 1.1 list
them. A missing parameter is 131008, a wrong one 131009, what is no object of this API at all 100.
"""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from server.http.explaining import fault_of
from server.http.problems import NOT_JSON
from server.network.graph.refusal import ApiError

MAX_TEXT = 4096  # characters; platform 1.1
MAX_CAPTION = 1024
MAX_INTERACTIVE_BODY = 1024
MAX_FOOTER = 60
MAX_HEADER = 60
MAX_OPAQUE = 512  # platform 1.1
MAX_BUTTONS = 3
MAX_ROWS = 10
MAX_PRODUCTS = 30  # of a message; the platform's page on selling products
MAX_CONTACTS = 257  # assumed: the platform gives "257" in its pages on contacts messages
NO_DIGITS = re.compile(r"[^0-9]+")

MISSING, INVALID, UNKNOWN = 131008, 131009, 100

Id = Annotated[str, Meta(min_length=1, max_length=512)]
Link = Annotated[
    str,
    Meta(pattern=r"^https?://\S+$", max_length=2048, description="a link begins with http:// or https://"),
]
Caption = Annotated[str, Meta(max_length=MAX_CAPTION)]
Degrees = Annotated[
    str, Meta(pattern=r"^[+-]?[0-9]{1,3}([.][0-9]{1,20})?$", description="a number of degrees")
]


class Node(Struct, frozen=True, kw_only=True, gc=False):
    """Base of every part of a body. Unknown keys are ignored, as the platform does."""


class Text(Node, frozen=True, gc=False):
    body: Annotated[str, Meta(min_length=1, max_length=MAX_TEXT)]
    preview_url: bool | Literal["true", "false"] = False


class Media(Node, frozen=True, gc=False):
    """`id` of an upload or `link` to fetch: one of the two."""

    id: Id | None = None
    link: Link | None = None
    caption: Caption | None = None
    filename: Annotated[str, Meta(max_length=240)] | None = None
    voice: bool = False


class Reaction(Node, frozen=True, gc=False):
    message_id: Id
    emoji: Annotated[str, Meta(max_length=32)] = ""  # empty: take the reaction back


class Location(Node, frozen=True, gc=False):
    latitude: Annotated[float, Meta(ge=-90, le=90)] | Degrees
    longitude: Annotated[float, Meta(ge=-180, le=180)] | Degrees
    name: Annotated[str, Meta(max_length=1000)] | None = None
    address: Annotated[str, Meta(max_length=1000)] | None = None


class ContactName(Node, frozen=True, gc=False):
    formatted_name: Annotated[str, Meta(min_length=1)]


class Contact(Node, frozen=True):
    name: ContactName


class Language(Node, frozen=True, gc=False):
    code: Annotated[str, Meta(min_length=2, max_length=10)]


class Parameter(Node, frozen=True):
    """One value for a template's variable; `text` may come as another JSON scalar."""

    type: str = "text"
    text: str | int | float | bool | None = None
    parameter_name: str | None = None
    payload: str | None = None
    image: Media | None = None
    video: Media | None = None
    document: Media | None = None


class Component(Node, frozen=True):
    type: str
    sub_type: str | None = None
    index: int | str | None = None
    parameters: list[Parameter] = msgspec.field(default_factory=list)
    cards: list[dict[str, Any]] = msgspec.field(default_factory=list)


class TemplateUse(Node, frozen=True):
    name: Annotated[str, Meta(min_length=1, max_length=512)]
    language: Language
    components: list[Component] = msgspec.field(default_factory=list)

    @property
    def media(self) -> Iterator[tuple[str, str]]:
        """Kind and id of the files in its parameters that were uploaded."""
        for parameter in (one for component in self.components for one in component.parameters):
            for kind in ("image", "video", "document"):
                file: Media | None = getattr(parameter, kind)
                if file is not None and file.id is not None:
                    yield kind, file.id


class Words(Node, frozen=True, gc=False):
    text: Annotated[str, Meta(min_length=1, max_length=MAX_INTERACTIVE_BODY)]


class Footer(Node, frozen=True, gc=False):
    """A footer without a text is none: wa-cloud-py sends null there."""

    text: Annotated[str, Meta(min_length=1, max_length=MAX_FOOTER)] | None = None


class Header(Node, frozen=True):
    """Of an interactive message; what `type` names must be there."""

    type: Literal["text", "image", "video", "document"]
    text: Annotated[str, Meta(max_length=MAX_HEADER)] | None = None
    image: Media | None = None
    video: Media | None = None
    document: Media | None = None

    @property
    def file(self) -> Media | None:
        """None for a text."""
        found: Media | None = None if self.type == "text" else getattr(self, self.type)
        return found


class Reply(Node, frozen=True, gc=False):
    id: Annotated[str, Meta(min_length=1, max_length=256)] | int  # numbers as whatsapp-cloud-api sends them
    title: Annotated[str, Meta(min_length=1, max_length=20)]


class Button(Node, frozen=True, gc=False):
    reply: Reply | None = None
    type: str = "reply"


class Row(Node, frozen=True, gc=False):
    id: Annotated[str, Meta(min_length=1, max_length=200)] | int
    title: Annotated[str, Meta(min_length=1, max_length=24)]
    description: Annotated[str, Meta(max_length=72)] | None = None


class Section(Node, frozen=True):
    title: Annotated[str, Meta(max_length=24)] | None = None
    rows: list[Row] = msgspec.field(default_factory=list)
    product_items: list[dict[str, Any]] = msgspec.field(default_factory=list)


class Action(Node, frozen=True):
    name: str | None = None
    button: Annotated[str, Meta(min_length=1, max_length=20)] | None = None
    buttons: list[Button] = msgspec.field(default_factory=list)
    sections: list[Section] = msgspec.field(default_factory=list)
    parameters: dict[str, Any] = msgspec.field(default_factory=dict)
    catalog_id: str | None = None
    product_retailer_id: str | None = None
    cards: list[dict[str, Any]] = msgspec.field(default_factory=list)


class Interactive(Node, frozen=True):
    type: str
    action: Action = msgspec.field(default_factory=Action)
    body: Words | None = None
    footer: Footer | None = None
    header: Header | None = None


class Pin(Node, frozen=True, gc=False):
    type: Literal["pin", "unpin"]
    message_id: Id


class Context(Node, frozen=True, gc=False):
    message_id: Id


class Typing(Node, frozen=True, gc=False):
    type: Literal["text"] = "text"


class Body(Node, frozen=True):
    """The whole request. Of the keys named as types, the one that `type` names must be there."""

    messaging_product: str | UnsetType = UNSET
    recipient_type: Literal["individual", "group"] = "individual"
    to: Annotated[str, Meta(max_length=64)] | int | None = None
    recipient: Annotated[str, Meta(max_length=160)] | None = None
    type: str = "text"
    text: Text | None = None
    image: Media | None = None
    audio: Media | None = None
    video: Media | None = None
    document: Media | None = None
    sticker: Media | None = None
    reaction: Reaction | None = None
    location: Location | None = None
    contacts: Annotated[list[Contact], Meta(min_length=1, max_length=MAX_CONTACTS)] | None = None
    template: TemplateUse | None = None
    interactive: Interactive | None = None
    pin: Pin | None = None
    context: Context | None = None
    biz_opaque_callback_data: Annotated[str, Meta(max_length=MAX_OPAQUE)] | None = None
    status: str | None = None
    message_id: Id | None = None
    typing_indicator: Typing | None = None


MEDIA_TYPES = frozenset({"image", "audio", "video", "document", "sticker"})
TYPES = MEDIA_TYPES | {"text", "reaction", "location", "contacts", "template", "interactive", "pin"}
GROUP_TYPES = MEDIA_TYPES | {"text", "template", "reaction", "pin"}  # platform 1.8, and pin and reaction
CAPTIONLESS = frozenset({"audio", "sticker"})

# Interactive type -> whether it needs a body, and the key of `action` that it cannot be without.
INTERACTIVE: dict[str, tuple[bool, str]] = {
    "button": (True, "buttons"),
    "list": (True, "sections"),
    "cta_url": (True, "parameters"),
    "flow": (True, "parameters"),
    "product": (False, "product_retailer_id"),
    "product_list": (True, "sections"),
    "catalog_message": (True, "name"),
    "location_request_message": (True, "name"),
    "address_message": (True, "parameters"),
    "order_details": (True, "parameters"),
    "order_status": (True, "parameters"),
    "carousel": (True, "cards"),
    "voice_call": (True, "name"),
    "call_permission_request": (False, "name"),
    "request_contact_info": (True, "name"),
}

HEADED_BY_TEXT = ("list", "product_list")
# What the parameters of a type of interactive message cannot be without.
PARAMETERS = {"cta_url": ("display_text", "url"), "flow": ("flow_message_version", "flow_cta")}
# What stands in the parameters of a flow message, where it stands at all.
FLOW_WORDS = {"mode": ("draft", "published"), "flow_action": ("navigate", "data_exchange")}

_DECODE = msgspec.json.Decoder(Body).decode


def read(raw: bytes) -> Body:
    """The request in `raw`, whole and sound; ApiError with the platform's code otherwise."""
    try:
        body = _decoded(raw)
    except msgspec.ValidationError as error:
        raise of_validation(error, Body) from None
    except NOT_JSON:
        raise ApiError(UNKNOWN, "The request body is not valid JSON") from None
    if body.messaging_product != "whatsapp":
        raise ApiError(UNKNOWN, "The parameter messaging_product is required and must be whatsapp.")
    if body.status is not None:
        _check_read_receipt(body)
    else:
        _check_message(body)
    return body


def _decoded(raw: bytes) -> Body:
    """The request. A part may also be JSON in a text, as in a form: whatsapp-api-js sends contacts so."""
    try:
        return _DECODE(raw)
    except msgspec.ValidationError:
        given = msgspec.json.decode(raw)
        texts = {name for name in TYPES if isinstance(given, dict) and isinstance(given.get(name), str)}
        if not texts:
            raise
    try:
        parts = {name: msgspec.json.decode(given[name]) for name in texts}
    except NOT_JSON:
        raise ApiError(INVALID, f"Parameter {min(texts)} is not valid: neither an object nor JSON") from None
    return msgspec.convert({**given, **parts}, Body)


def wa_id(given: str | int) -> str:
    """The digits of a number as its sender wrote it (`+1 (650) 555-1234` -> `16505551234`)."""
    to = str(given)
    return to if to.isdecimal() and to.isascii() else NO_DIGITS.sub("", to)


def is_number(digits: str) -> bool:
    """Whether a number may have so many digits, as `wa_id` gives them."""
    return 5 <= len(digits) <= 15


def of_validation(error: msgspec.ValidationError, kind: Any) -> ApiError:
    """131008 for what is missing in a `kind`, 131009 for what is wrong; the details name the parameter."""
    fault = fault_of(error, kind)
    if fault.is_missing:
        return ApiError(MISSING, f"Parameter is missing: {fault.path}")
    return ApiError(INVALID, f"Parameter {fault.path or 'body'} is not valid: {fault.what}")


def _check_read_receipt(body: Body) -> None:
    if body.status != "read":
        raise ApiError(INVALID, "Parameter status is not valid: it must be read")
    if body.message_id is None:
        raise ApiError(MISSING, "Parameter is missing: message_id")


def _check_message(body: Body) -> None:
    if body.to is None and body.recipient is None:
        raise ApiError(MISSING, "Parameter is missing: to")
    if body.to is not None and body.recipient_type == "individual" and not is_number(wa_id(body.to)):
        raise ApiError(INVALID, "Parameter to is not valid: not a phone number")
    if body.type not in TYPES:
        raise ApiError(UNKNOWN, f"Param type must be one of {{{', '.join(sorted(TYPES))}}}")
    if getattr(body, body.type) is None:
        raise ApiError(MISSING, f"Parameter is missing: {body.type}")
    if body.recipient_type == "group" and body.type not in GROUP_TYPES:
        raise ApiError(131051, f"Message type {body.type} is not supported in groups")
    if body.type in MEDIA_TYPES:
        _check_media(body.type, getattr(body, body.type))
    elif body.interactive is not None and body.type == "interactive":
        _check_interactive(body.interactive)


def _check_media(kind: str, media: Media) -> None:
    if media.id is None and media.link is None:
        raise ApiError(MISSING, f"Parameter is missing: {kind} needs either id or link")
    if media.id is not None and media.link is not None:
        raise ApiError(INVALID, f"Parameter {kind} is not valid: it takes either id or link, not both")
    if media.caption is not None and kind in CAPTIONLESS:
        raise ApiError(UNKNOWN, f"Unexpected key caption on param {kind}")


def _check_interactive(interactive: Interactive) -> None:
    known = INTERACTIVE.get(interactive.type)
    if known is None:
        must_be = f"must be one of {', '.join(INTERACTIVE)}"
        raise ApiError(INVALID, f"Parameter interactive.type is not valid: {interactive.type}; {must_be}")
    needs_body, action_key = known
    if needs_body and interactive.body is None:
        raise ApiError(MISSING, "Parameter is missing: interactive.body")
    if not getattr(interactive.action, action_key):
        raise ApiError(MISSING, f"Parameter is missing: interactive.action.{action_key}")
    _check_header(interactive)
    for name in PARAMETERS.get(interactive.type, ()):
        if not interactive.action.parameters.get(name):
            raise ApiError(MISSING, f"Parameter is missing: interactive.action.parameters.{name}")
    if interactive.type == "button":
        _check_buttons(interactive.action.buttons)
    elif interactive.type == "list":
        _check_list(interactive.action)
    elif interactive.type == "flow":
        _check_flow(interactive.action.parameters)
    elif interactive.type in ("product", "product_list"):
        _check_products(interactive.type, interactive.action)


def _check_header(interactive: Interactive) -> None:
    """A product has none, several products need one; a list's is a text, as theirs is."""
    header, kind = interactive.header, interactive.type
    if header is None:
        if kind == "product_list":
            raise ApiError(MISSING, "Parameter is missing: interactive.header")
        return
    if kind == "product":
        raise ApiError(INVALID, "Parameter interactive.header is not valid: a product has none")
    if kind in HEADED_BY_TEXT and header.type != "text":
        raise ApiError(INVALID, f"Parameter interactive.header.type is not valid: text, in a {kind}")
    if not getattr(header, header.type):
        raise ApiError(MISSING, f"Parameter is missing: interactive.header.{header.type}")
    if (file := header.file) is not None and file.id is None and file.link is None:
        raise ApiError(MISSING, f"Parameter is missing: {header.type} needs either id or link")


def _check_flow(parameters: dict[str, Any]) -> None:
    place = "interactive.action.parameters"
    if not parameters.get("flow_id") and not parameters.get("flow_name"):
        raise ApiError(MISSING, f"Parameter is missing: {place} needs either flow_id or flow_name")
    for name, words in FLOW_WORDS.items():
        if parameters.get(name) not in (None, *words):
            raise ApiError(INVALID, f"Parameter {place}.{name} is not valid: one of {', '.join(words)}")


def _check_products(kind: str, action: Action) -> None:
    """What a catalogue holds is not known: each product is taken for one of its own."""
    if not action.catalog_id:
        raise ApiError(MISSING, "Parameter is missing: interactive.action.catalog_id")
    items = [item for section in action.sections for item in section.product_items]
    if kind == "product_list" and not 1 <= len(items) <= MAX_PRODUCTS:
        why = f"1 to {MAX_PRODUCTS} product_items in all"
        raise ApiError(INVALID, f"Parameter interactive.action.sections is not valid: {why}")
    for item in items:
        if not item.get("product_retailer_id"):
            raise ApiError(MISSING, "Parameter is missing: product_retailer_id of a product item")


def _check_buttons(buttons: list[Button]) -> None:
    if len(buttons) > MAX_BUTTONS:
        raise ApiError(INVALID, f"Parameter interactive.action.buttons is not valid: at most {MAX_BUTTONS}")
    ids = [str(button.reply.id) for button in buttons if button.reply is not None]
    if len(set(ids)) != len(buttons):
        raise ApiError(
            INVALID, "Parameter interactive.action.buttons is not valid: each needs an id of its own"
        )


def _check_list(action: Action) -> None:
    rows = [str(row.id) for section in action.sections for row in section.rows]
    if action.button is None:
        raise ApiError(MISSING, "Parameter is missing: interactive.action.button")
    if not 1 <= len(rows) <= MAX_ROWS or len(set(rows)) != len(rows):
        raise ApiError(
            INVALID,
            f"Parameter interactive.action.sections is not valid: 1 to {MAX_ROWS} rows with ids of their own",
        )

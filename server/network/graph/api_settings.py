"""Routes of what a number shows and does of itself: profile, settings, greeting, commands, shop, public key.

Shapes and lengths: the platform's published OpenAPI file (v23.0).
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from server.network.graph.http import Answer, Call, Line, answer
from server.network.graph.outgoing import of_validation
from server.network.graph.parameters import from_text
from server.network.graph.refusal import ApiError, invalid_parameter
from server.network.graph.requests import SUCCESS, parameters_of, selected

# What one request may change of a number.
SETTINGS = ("calling", "user_identity_change", "payload_encryption", "storage_configuration")
KEY_BEGINS = "-----BEGIN PUBLIC KEY-----"


class Profile(Struct, frozen=True, omit_defaults=True):
    """What changes; the rest stays. A picture's handle is taken, and no picture is shown for it."""

    about: Annotated[str, Meta(min_length=1, max_length=139)] | None = None
    address: Annotated[str, Meta(max_length=256)] | None = None
    description: Annotated[str, Meta(max_length=512)] | None = None  # 256 in the file, 512 on the page
    email: Annotated[str, Meta(max_length=128)] | None = None
    profile_picture_url: str | None = None
    vertical: str | None = None
    websites: Annotated[list[Annotated[str, Meta(max_length=256)]], Meta(max_length=2)] | None = None


class Command(Struct, frozen=True):
    """One that customers may choose from after a slash."""

    command_name: Annotated[str, Meta(min_length=1, max_length=32)]
    command_description: Annotated[str, Meta(min_length=1, max_length=256)]


class Automation(Struct, frozen=True, omit_defaults=True):
    """What changes; the rest stays."""

    enable_welcome_message: bool | None = None
    prompts: Annotated[list[Annotated[str, Meta(max_length=80)]], Meta(max_length=3)] | None = None
    commands: Annotated[list[Command], Meta(max_length=30)] | None = None


class Shop(Struct, frozen=True, omit_defaults=True):
    """What changes; the rest stays."""

    is_cart_enabled: bool | None = None
    is_catalog_visible: bool | None = None


async def get_profile(call: Call) -> Answer:
    profile = call.emulator.number(call.node).profile
    shown = selected(call, profile, with_id=False)
    return answer({"data": [{"messaging_product": "whatsapp", **shown}]})


async def post_profile(call: Call) -> Answer:
    number = call.emulator.number(call.node)
    number.profile.update(_changes(call, Profile))
    return SUCCESS


async def get_settings(call: Call) -> Answer:
    return answer(call.emulator.number(call.node).settings)


async def post_settings(call: Call) -> Answer:
    """Kept and shown, and used for nothing: no calls are emulated, for one."""
    number, given = call.emulator.number(call.node), parameters_of(call)
    changes = {name: given[name] for name in SETTINGS if name in given}
    for name, change in changes.items():
        if not isinstance(change, dict):
            raise ApiError(131009, f"Parameter {name} is not valid: an object")
        number.settings[name] = {**number.settings.get(name, {}), **change}
    return SUCCESS


async def post_automation(call: Call) -> Answer:
    """It is told among the fields of the number, as conversational_automation."""
    number = call.emulator.number(call.node)
    number.automation.update(_changes(call, Automation))
    return SUCCESS


async def get_shop(call: Call) -> Answer:
    shop = call.emulator.number(call.node).commerce
    shown = {
        "id": call.node,
        "is_cart_enabled": shop.is_cart_enabled,
        "is_catalog_visible": shop.is_catalog_visible,
    }
    return answer({"data": [selected(call, shown)]})


async def post_shop(call: Call) -> Answer:
    shop, changes = call.emulator.number(call.node).commerce, _changes(call, Shop)
    shop.is_cart_enabled = changes.get("is_cart_enabled", shop.is_cart_enabled)
    shop.is_catalog_visible = changes.get("is_catalog_visible", shop.is_catalog_visible)
    return SUCCESS


def _changes(call: Call, shape: type[Automation] | type[Profile] | type[Shop]) -> dict[str, Any]:
    """The parameters of this shape that the request gives.

    A form's true and false are text, and pywa's lists are JSON in a text.
    """
    parameters = {
        name: from_text(one) if isinstance(one, str) else one for name, one in parameters_of(call).items()
    }
    try:
        given = msgspec.convert(parameters, shape, strict=False)
    except msgspec.ValidationError as error:
        raise of_validation(error, shape) from None
    changes: dict[str, Any] = msgspec.to_builtins(given)
    return changes


async def get_key(call: Call) -> Answer:
    """None is listed until one was set."""
    key = call.emulator.number(call.node).public_key
    shown = {"business_public_key": key, "business_public_key_signature_status": "VALID"}
    return answer({"data": [selected(call, shown)] if key is not None else []})


async def post_key(call: Call) -> Answer:
    """Kept: a flow with an endpoint is published only when a number has one."""
    number, key = call.emulator.number(call.node), str(parameters_of(call).get("business_public_key", ""))
    if not key.startswith(KEY_BEGINS):
        raise invalid_parameter("business_public_key", "a public key in PEM format")
    number.public_key = key
    return SUCCESS


ROUTES = (
    Line("GET", "/{node:node}/whatsapp_business_profile", get_profile),
    Line("POST", "/{node:node}/whatsapp_business_profile", post_profile),
    Line("GET", "/{node:node}/settings", get_settings),
    Line("POST", "/{node:node}/settings", post_settings),
    Line("POST", "/{node:node}/conversational_automation", post_automation),
    Line("GET", "/{node:node}/whatsapp_commerce_settings", get_shop),
    Line("POST", "/{node:node}/whatsapp_commerce_settings", post_shop),
    Line("GET", "/{node:node}/whatsapp_business_encryption", get_key),
    Line("POST", "/{node:node}/whatsapp_business_encryption", post_key),
)

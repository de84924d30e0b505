"""The fields of webhooks: which there are, which of them go to another address, and what a request names.

Names are those of the platform's overview of webhooks and of its list of fields that can be overridden
(pages of May and June 2026), with those that clients subscribe to besides.
"""

from typing import Any

from server.network.graph.refusal import ApiError

OBJECT = "whatsapp_business_account"
OVERRIDDEN = (  # an account's or a number's own address gets these; all others go to the app's
    "account_settings_update",
    "calls",
    "consumer_profile",
    "group_lifecycle_update",
    "group_participants_update",
    "group_settings_update",
    "group_status_update",
    "history",
    "message_echoes",
    "messages",
    "messaging_handovers",
    "smb_app_state_sync",
    "smb_message_echoes",
)
FIELDS = tuple(
    sorted(
        (
            *OVERRIDDEN,
            "account_alerts",
            "account_review_update",
            "account_update",
            "automatic_events",
            "business_capability_update",
            "business_status_update",
            "flows",
            "message_template_components_update",
            "message_template_quality_update",
            "message_template_status_update",
            "partner_solutions",
            "payment_configuration_update",
            "phone_number_name_update",
            "phone_number_quality_update",
            "security",
            "template_category_update",
            "template_correct_category_detection",
            "tracking_events",
            "user_preferences",
        )
    )
)


def fields_of(given: dict[str, Any]) -> tuple[str, ...]:
    """The `fields` that a request names, each once: a list, or text with commas. Without any: all.

    ApiError 100 in the words of the Graph API for none, or for one that there is not.
    """
    if "fields" not in given:
        return FIELDS
    listed = given["fields"]
    names = listed if isinstance(listed, list) else str(listed).split(",")
    names = [str(one).strip() for one in names]
    if not any(names):
        raise _wrong("fields must be non-empty.")
    for place, name in enumerate(names):
        if name not in FIELDS:
            raise _wrong(f'fields[{place}] must be one of {{{", ".join(FIELDS)}}} - got "{name[:100]}".')
    return tuple(dict.fromkeys(names))


def check_object(given: dict[str, Any]) -> None:
    """ApiError 100 for an `object` other than the only one whose fields there are; it may be left out."""
    if given.get("object", OBJECT) != OBJECT:
        raise _wrong(f"object must be one of {{{OBJECT}}}")


def _wrong(why: str) -> ApiError:
    return ApiError(100, f"Param {why}", message=f"(#100) Param {why}")

"""The shapes of webhooks and answers that platform facts 1.1, 1.2 and 1.4 state, as strict structs."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

Seconds = Annotated[str, Meta(pattern=r"^\d{9,11}$")]
Digits = Annotated[str, Meta(pattern=r"^\d{5,20}$")]
MessageId = Annotated[str, Meta(pattern=r"^wamid\.[A-Za-z0-9+/=]+$")]
UserId = Annotated[str, Meta(pattern=r"^[A-Z]{2}\.(ENT\.)?[0-9A-Za-z]{1,128}$")]


class Strict(Struct, forbid_unknown_fields=True):
    """Nothing else may be there."""


class Profile(Strict):
    name: str


class Contact(Strict):
    profile: Profile
    wa_id: Digits
    user_id: UserId


class Metadata(Strict):
    display_phone_number: Digits
    phone_number_id: Digits


class Pricing(Strict):
    billable: bool
    pricing_model: Literal["PMP", "CBP"]
    category: Literal[
        "marketing", "marketing_lite", "utility", "authentication", "service", "referral_conversion"
    ]
    type: Literal["regular", "free_customer_service", "free_entry_point"] | None = None


class Origin(Strict):
    type: str


class Conversation(Strict):
    id: str
    origin: Origin
    expiration_timestamp: Seconds | None = None


class ErrorData(Strict):
    details: str


class Error(Strict):
    code: int
    title: str
    message: str
    error_data: ErrorData
    href: str


class Status(Strict):
    id: MessageId
    status: Literal["sent", "delivered", "read", "failed"]
    timestamp: Seconds
    recipient_id: Digits
    recipient_user_id: UserId
    conversation: Conversation | None = None
    pricing: Pricing | None = None
    biz_opaque_callback_data: str | None = None
    errors: list[Error] | None = None


class Media(Strict):
    """Platform 1.4: the digest is in base64, not in hex."""

    id: Digits
    mime_type: str
    sha256: Annotated[str, Meta(pattern=r"^[A-Za-z0-9+/]{43}=$")]
    url: Annotated[str, Meta(pattern=r"^http://127\.0\.0\.1:\d+/.*mid=\d+&ext=\d+&hash=\w+$")]
    caption: str | None = None


class Audio(Media, kw_only=True):
    voice: bool


class Sticker(Media, kw_only=True):
    animated: bool


class Document(Media, kw_only=True):
    filename: str | None = None


MEDIA: dict[str, type[Media]] = {
    "image": Media,
    "video": Media,
    "audio": Audio,
    "sticker": Sticker,
    "document": Document,
}


class InboundError(Strict):
    """Of an unsupported message: no href."""

    code: int
    title: str
    message: str
    error_data: ErrorData


class Inbound(Struct):
    """The content stands under the name of its type, but for those in BARE."""

    from_: Digits = msgspec.field(name="from")
    id: MessageId
    timestamp: Seconds
    type: str
    errors: list[InboundError] = []


BARE = ("unsupported", "request_welcome")


class Messages(Strict):
    messaging_product: Literal["whatsapp"]
    metadata: Metadata
    contacts: list[Contact] = []
    statuses: list[Status] = []
    messages: list[Inbound] = []


class Change(Strict):
    field: str
    value: dict[str, Any]


class Entry(Strict):
    """`time` stands in entries of the account's own events."""

    id: Digits
    changes: Annotated[list[Change], Meta(min_length=1)]
    time: int | None = None


class Webhook(Strict):
    object: Literal["whatsapp_business_account"]
    entry: Annotated[list[Entry], Meta(min_length=1)]


class AnswerContact(Strict):
    input: str
    wa_id: Digits | None = None
    user_id: UserId | None = None


class AnswerMessage(Strict):
    id: MessageId
    message_status: Literal["accepted", "held_for_quality_assessment"]


class Answer(Strict):
    messaging_product: Literal["whatsapp"]
    contacts: Annotated[list[AnswerContact], Meta(min_length=1)]
    messages: Annotated[list[AnswerMessage], Meta(min_length=1)]


class GraphErrorData(Strict):
    messaging_product: Literal["whatsapp"]
    details: str


class GraphError(Strict):
    message: str
    type: str
    code: int
    error_data: GraphErrorData
    fbtrace_id: str
    error_subcode: int | None = None
    is_transient: bool | None = None


class Refusal(Strict):
    error: GraphError


class TemplateEvent(Strict):
    """Of one template: who it is, in every event about it."""

    message_template_id: int
    message_template_name: str
    message_template_language: str


class OtherInfo(Strict):
    title: str


class DisableInfo(Strict):
    disable_date: Seconds


class TemplateStatusUpdate(TemplateEvent):
    event: Literal["APPROVED", "PENDING", "REJECTED", "PAUSED", "DISABLED"]
    reason: str
    message_template_category: Literal["MARKETING", "UTILITY", "AUTHENTICATION"] | None = None
    other_info: OtherInfo | None = None
    disable_info: DisableInfo | None = None


Quality = Literal["GREEN", "YELLOW", "RED", "UNKNOWN"]


class TemplateQualityUpdate(TemplateEvent):
    previous_quality_score: Quality
    new_quality_score: Quality


class NumberQualityUpdate(Strict):
    display_phone_number: Digits
    event: Literal["ONBOARDING", "UPGRADE", "DOWNGRADE", "FLAGGED", "UNFLAGGED"]
    current_limit: str
    max_daily_conversations_per_business: str
    old_limit: str | None = None


class CapabilityUpdate(Strict):
    max_daily_conversations_per_business: int
    max_daily_conversation_per_phone: int | None = None
    max_phone_numbers_per_business: int | None = None
    max_phone_numbers_per_waba: int | None = None


class Restriction(Strict):
    restriction_type: str
    expiration: int | None = None


class Violation(Strict):
    violation_type: str


class BanInfo(Strict):
    waba_ban_state: str
    waba_ban_date: str | None = None


class AccountUpdate(Strict):
    event: Literal["ACCOUNT_VIOLATION", "ACCOUNT_RESTRICTION", "DISABLED_UPDATE"]
    restriction_info: list[Restriction] | None = None
    violation_info: Violation | None = None
    ban_info: BanInfo | None = None


class Preference(Strict):
    wa_id: Digits
    user_id: UserId
    detail: str
    category: Literal["marketing_messages"]
    value: Literal["stop", "resume"]
    timestamp: int


class UserPreferences(Strict):
    messaging_product: Literal["whatsapp"]
    metadata: Metadata
    contacts: list[Contact]
    user_preferences: Annotated[list[Preference], Meta(min_length=1)]


EVENTS: dict[str, type[Strict]] = {
    "message_template_status_update": TemplateStatusUpdate,
    "message_template_quality_update": TemplateQualityUpdate,
    "phone_number_quality_update": NumberQualityUpdate,
    "business_capability_update": CapabilityUpdate,
    "account_update": AccountUpdate,
    "user_preferences": UserPreferences,
}


def check_webhook(body: bytes) -> list[str]:
    """The fields of a webhook's changes; msgspec.ValidationError when it has another shape."""
    whole = msgspec.json.decode(body, type=Webhook)
    changes = [change for entry in whole.entry for change in entry.changes]
    for change in changes:
        if change.field == "messages":
            value = msgspec.convert(change.value, Messages)
            for raw in change.value.get("messages", ()):
                assert raw["type"] in raw or raw["type"] in BARE
                if raw["type"] in MEDIA:
                    msgspec.convert(raw[raw["type"]], MEDIA[raw["type"]])
                assert ("errors" in raw) == (raw["type"] == "unsupported")
            with_contact = [one for one in value.messages if one.type != "system"]
            assert len(value.contacts) == len(value.statuses) + len(with_contact)
        else:
            msgspec.convert(change.value, EVENTS[change.field])  # KeyError: a kind that none is known of
    for entry in whole.entry:
        of_account = {change.field for change in entry.changes} - {"messages", "user_preferences"}
        assert (entry.time is not None) == bool(of_account)
    return [change.field for change in changes]

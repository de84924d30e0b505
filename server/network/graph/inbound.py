"""What customers write: the body of a control request, turned into the message of a webhook."""

import base64
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from server.http.problems import Problem
from server.network.graph.media import RECEIVED_LIFE_S, MediaStore, base64_of
from server.network.graph.outgoing import MAX_TEXT, MEDIA_TYPES, is_number, wa_id
from server.network.graph.users import user_id
from server.network.graph.webhook_bodies import ascii_json

PASSED_ON = frozenset(
    {
        "location",
        "contacts",
        "reaction",
        "button",
        "interactive",
        "order",
        "system",
        "unsupported",
        "request_welcome",
    }
)
BARE = ("unsupported", "request_welcome")  # types that need no content
UNSUPPORTED = {
    "code": 131051,
    "title": "Message type unknown",
    "message": "Message type unknown",
    "error_data": {"details": "Message type is currently not supported."},
}  # the published OpenAPI file's example
MIME_TYPES = {
    "image": "image/jpeg",
    "audio": "audio/ogg",
    "video": "video/mp4",
    "document": "application/pdf",
    "sticker": "image/webp",
}
OF_KIND: dict[str, dict[str, object]] = {"audio": {"voice": True}, "sticker": {"animated": False}}
SAMPLE = b"a file of the emulator"  # content of media that came without any


class Writes(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A customer's message. `type` text needs `text`; any other type its `content`.

    `content` of contacts is a list, as in the webhook; unsupported and request_welcome need none.
    For media, it may hold caption, filename, mime_type and `data` (base64); for the other types it is
    passed on as it is. `number`: the phone_number_id written to, by default the first. `from_ad`: by a
    click-to-WhatsApp ad, whose object is `referral`.
    """

    from_: Annotated[str, Meta(min_length=5, max_length=24)] = msgspec.field(name="from")
    number: str | None = None
    type: str = "text"
    text: Annotated[str, Meta(min_length=1, max_length=MAX_TEXT)] | None = None
    content: dict[str, Any] | list[dict[str, Any]] | None = None
    reply_to: str | None = None
    name: Annotated[str, Meta(max_length=200)] | None = None
    from_ad: bool = False
    referral: dict[str, Any] | None = None


def message_json(
    written: Writes, message_id: str, at_s: float, business: str, media: MediaStore, origin: str
) -> bytes:
    """The message of the webhook; Problem 422 for what no customer could write.

    `business`: the number written to, digits only. `origin`: where its media can be had.
    """
    sender = wa_id(written.from_)
    if not is_number(sender):
        raise Problem(422, "not a phone number", "from")
    item: dict[str, Any] = {
        "from": sender,
        "from_user_id": user_id(sender),
        "id": message_id,
        "timestamp": str(int(at_s)),
        "type": written.type,
    }
    if written.reply_to is not None:
        item["context"] = {"from": business, "id": written.reply_to}
    if written.referral is not None:
        item["referral"] = written.referral
    if written.type == "unsupported":
        item["errors"] = [UNSUPPORTED]
    if written.type not in BARE or written.content is not None:
        item[written.type] = _content(written, at_s, media, origin)
    return ascii_json(item)


def _content(written: Writes, at_s: float, media: MediaStore, origin: str) -> object:
    kind, content = written.type, written.content
    if kind == "text":
        if written.text is None:
            raise Problem(422, "a message of type text needs a text", "text")
        return {"body": written.text}
    if kind not in MEDIA_TYPES and kind not in PASSED_ON:
        raise Problem(422, "no type of message that a customer can write", "type")
    if content is None and kind not in MEDIA_TYPES:
        raise Problem(422, f"a message of type {kind} needs its content", "content")
    if content is not None and isinstance(content, list) != (kind == "contacts"):
        must_be = "a list" if kind == "contacts" else "an object"
        raise Problem(422, f"the content of a message of type {kind} must be {must_be}", "content")
    if isinstance(content, list) or kind not in MEDIA_TYPES:
        return content
    return _received(kind, dict(content or {}), at_s, media, origin)


def _received(
    kind: str, content: dict[str, Any], at_s: float, media: MediaStore, origin: str
) -> dict[str, object]:
    """Media that a customer sent: kept, so that the business can download it."""
    mime_type = str(content.pop("mime_type", MIME_TYPES[kind]))
    try:
        data = base64.b64decode(str(content.pop("data", "")), validate=True) or SAMPLE
    except ValueError:
        raise Problem(422, "must be base64", "content.data") from None
    kept = media.add(data, mime_type, at_s, life_s=RECEIVED_LIFE_S)
    return {
        **OF_KIND.get(kind, {}),
        **content,
        "mime_type": mime_type,
        "sha256": base64_of(kept.sha256),
        "id": kept.id,
        "url": media.url(origin, kept.id, at_s),
    }

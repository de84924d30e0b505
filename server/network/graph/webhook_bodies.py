"""The JSON of webhooks, as bytes ready to be signed.

Platform 1.4: the envelope, and that what is signed are the exact bytes, in which everything outside ASCII is
escaped as \\uXXXX.
"""

import hmac
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw, Struct

MAX_UPDATES = 1000  # in one webhook; platform 1.4
MAX_BYTES = 3 * 1024 * 1024  # platform 1.4
OF_MESSAGES = ("statuses", "messages", "errors")  # kinds of updates in the field messages

_encode = msgspec.json.Encoder().encode
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")


class Sender(NamedTuple):
    """Whose webhook it is. `display` has digits only."""

    waba_id: str
    phone_number_id: str
    display: str


class Update(NamedTuple):
    """One thing to tell. `kind` is statuses, messages or errors, or the field of an account event.

    `item` is its JSON; `contact` the JSON of the contact beside a message. `sender` without phone_number_id
    is the account itself; then `item` is the whole value, and `at_s` (Unix seconds) when it happened.
    """

    sender: Sender
    kind: str
    item: bytes
    contact: bytes | None = None
    at_s: int | None = None

    @property
    def field(self) -> str:
        """The field of webhooks that it belongs to."""
        return "messages" if self.kind in OF_MESSAGES else self.kind


class Pricing(Struct, frozen=True, gc=False, omit_defaults=True):
    """`type` None: priced by conversation, before 2025-07."""

    billable: bool
    pricing_model: str
    category: str
    type: str | None = None


class Origin(Struct, frozen=True, gc=False):
    type: str


class Conversation(Struct, frozen=True, gc=False, omit_defaults=True):
    id: str
    expiration_timestamp: str | None = None
    origin: Origin | None = None


class Status(Struct, frozen=True, gc=False, omit_defaults=True):
    """`timestamp`: Unix seconds as text."""

    id: str
    status: str
    timestamp: str
    recipient_id: str
    recipient_user_id: str
    conversation: Conversation | None = None
    pricing: Pricing | None = None
    biz_opaque_callback_data: str | None = None
    errors: list[dict[str, Any]] | None = None


class Profile(Struct, frozen=True, gc=False):
    name: str


class Contact(Struct, frozen=True, gc=False):
    """A customer beside its message or status; `user_id` is business-scoped."""

    profile: Profile
    wa_id: str
    user_id: str


def ascii_json(value: object) -> bytes:
    """`value` as JSON in ASCII: what is outside is escaped, beyond the first plane as a surrogate pair."""
    raw: bytes = _encode(value)
    if raw.isascii():
        return raw
    return _NOT_ASCII.sub(_escaped, raw.decode()).encode("ascii")


def _escaped(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def body_of(updates: Sequence[Update]) -> bytes:
    """One webhook that tells `updates`, in their order; neighbours of one sender and kind share a change."""
    entries: list[dict[str, Any]] = []
    last: tuple[Sender, str] | None = None
    for update in updates:
        if (update.sender, update.kind) == last and update.kind in OF_MESSAGES:
            _add(entries[-1]["changes"][-1]["value"], update)
            continue
        entry = _entry(update)
        if last is None or entry != {**entries[-1], "changes": []}:
            entries.append(entry)
        entries[-1]["changes"].append(_change(update))
        last = (update.sender, update.kind)
    return bytes(_encode({"object": "whatsapp_business_account", "entry": entries}))


def _entry(update: Update) -> dict[str, Any]:
    """An account's events carry the time in their entry, as the platform's pages show it; messages do not."""
    time = {} if update.at_s is None else {"time": update.at_s}
    return {"id": update.sender.waba_id, **time, "changes": []}


def _change(update: Update) -> dict[str, Any]:
    sender = update.sender
    if update.kind not in OF_MESSAGES:
        return {"value": Raw(update.item), "field": update.field}
    value: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": sender.display, "phone_number_id": sender.phone_number_id},
    }
    _add(value, update)
    return {"value": value, "field": update.field}


def _add(value: dict[str, Any], update: Update) -> None:
    if update.contact is not None:
        value.setdefault("contacts", []).append(Raw(update.contact))
    value.setdefault(update.kind, []).append(Raw(update.item))


def signature(secret: bytes, body: bytes) -> str:
    """The value of X-Hub-Signature-256."""
    return "sha256=" + hmac.digest(secret, body, "sha256").hex()

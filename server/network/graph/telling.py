"""Tells the business by webhook: statuses and inbound messages, with the faults that are on."""

from collections.abc import Mapping
from typing import Any

from server.network.errors import webhook_error
from server.network.graph.calendar import Calendar
from server.network.graph.faults import WEBHOOK_KINDS, Faults, Of
from server.network.graph.messages import Message
from server.network.graph.numbers import Account, Number
from server.network.graph.users import user_id
from server.network.graph.webhook_bodies import (
    Contact,
    Conversation,
    Origin,
    Pricing,
    Profile,
    Sender,
    Status,
    Update,
    ascii_json,
)
from server.network.graph.webhooks import Webhooks

CONVERSATION_S = 86_400


class Telling:
    """What happened, on its way to the webhook queue."""

    def __init__(
        self,
        account: Account,
        webhooks: Webhooks,
        faults: Faults,
        calendar: Calendar,
        names: Mapping[str, str],
    ) -> None:
        """`names`: what customers are called, by wa_id."""
        self._account = account
        self._webhooks = webhooks
        self._faults = faults
        self._calendar = calendar
        self._names = names

    def status(
        self, number: Number, message: Message, status: Of, at_s: float, details: str, *, is_priced: bool
    ) -> None:
        """A status of an outbound message; `details` of why it failed; `is_priced`: with its price."""
        has_failed = status == "failed" and message.code is not None
        pricing = message.pricing if is_priced else None
        item = Status(
            id=message.id,
            status=status,
            timestamp=str(int(at_s)),
            recipient_id=message.to,
            recipient_user_id=user_id(message.to),
            conversation=_conversation(message, status, pricing),
            pricing=pricing,
            biz_opaque_callback_data=message.opaque,
            errors=[webhook_error(message.code or 0, details=details)] if has_failed else None,
        )
        contact = ascii_json(self.contact(message.to))
        self._put(Update(self._sender(number), "statuses", ascii_json(item), contact), status)

    def inbound(self, number: Number, item: bytes, contact: Contact | None) -> None:
        """A customer's message."""
        beside = ascii_json(contact) if contact is not None else None
        self._put(Update(self._sender(number), "messages", item, beside), "message")

    def contact(self, customer: str, name: str | None = None) -> Contact:
        """The customer as webhooks show it; `name` None: the one that it has."""
        shown = name or self._names.get(customer) or f"Customer {customer[-4:]}"
        return Contact(Profile(shown), customer, user_id(customer))

    def account_event(self, field: str, value: dict[str, Any]) -> None:
        """An event of the business account: `field` names it."""
        sender, now_s = Sender(self._account.waba_id, "", ""), int(self._calendar.clock.now())
        self._put(Update(sender, field, ascii_json(value), at_s=now_s), "account")

    def number_event(self, number: Number, field: str, value: dict[str, Any]) -> None:
        """An event of one number in the envelope of messages, such as user_preferences."""
        metadata = {"display_phone_number": number.display, "phone_number_id": number.id}
        whole = {"messaging_product": "whatsapp", "metadata": metadata, **value}
        self._put(Update(self._sender(number), field, ascii_json(whole)), "account")

    def _sender(self, number: Number) -> Sender:
        return Sender(self._account.waba_id, number.id, number.display)

    def _put(self, update: Update, of: Of) -> None:
        struck = self._faults.hits(WEBHOOK_KINDS, update.sender.phone_number_id, of)
        copies, wait_s = 1, 0.0
        for fault, chance in struck:
            if fault.kind == "drop":
                return
            if fault.kind == "duplicate":
                copies += 1
            else:
                wait_s += (fault.seconds or 0.0) * (chance if fault.kind == "reorder" else 1.0)
        for _ in range(copies):
            if wait_s:
                self._calendar.at(self._calendar.clock.now() + wait_s, lambda: self._webhooks.put(update))
            else:
                self._webhooks.put(update)


def _conversation(message: Message, status: Of, pricing: Pricing | None) -> Conversation | None:
    """Beside the price of a message by conversation, each its own; since v24 of free entry alone, one for all
    of its messages [M]. When it ends is told with sent alone [M].
    """
    if pricing is None or (pricing.pricing_model == "PMP" and message.free_until_s is None):
        return None
    if message.free_until_s is None:
        name, ends_s = f"{message.sequence:032x}", message.accepted_s + CONVERSATION_S
    else:
        name, ends_s = f"{int(message.to):016x}{int(message.free_until_s * 1000):016x}", message.free_until_s
    return Conversation(name, str(int(ends_s)) if status == "sent" else None, Origin(pricing.category))

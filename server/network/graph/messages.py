"""What the network knows of each message that it accepted."""

import base64
from collections import deque
from itertools import count
from typing import Any

from msgspec import Struct

from server.network.graph.webhook_bodies import Pricing
from server.network.rules import Category
from server.network.windows import Window

MAX_KEPT = 300_000  # about 250 MB; the oldest are forgotten first


class Message(Struct, kw_only=True, gc=False):
    """One accepted message. Times in Unix seconds, None: not (yet); `code`: why it failed.

    `category` is the template's, or service for free-form messages.
    """

    id: str
    sequence: int
    number_id: str
    to: str
    type: str
    category: Category
    window: Window
    accepted_s: float
    template_id: str | None = None
    free_until_s: float | None = None  # when the free entry that it was accepted in ends
    is_lite: bool = False  # sent by the API of marketing messages
    opaque: str | None = None
    sent_s: float | None = None
    delivered_s: float | None = None
    read_s: float | None = None
    failed_s: float | None = None
    code: int | None = None
    pricing: Pricing | None = None  # from when it is sent

    @property
    def state(self) -> str:
        """The furthest that it came; a failure is final."""
        if self.failed_s is not None:
            return "failed"
        for state, at_s in (("read", self.read_s), ("delivered", self.delivered_s), ("sent", self.sent_s)):
            if at_s is not None:
                return state
        return "accepted"

    def shown(self) -> dict[str, Any]:
        """For whoever asks what became of it."""
        return {
            "id": self.id,
            "phone_number_id": self.number_id,
            "to": self.to,
            "type": self.type,
            "category": self.category,
            "state": self.state,
            "sent_s": self.sent_s,
            "delivered_s": self.delivered_s,
            "read_s": self.read_s,
            "failed_s": self.failed_s,
            "code": self.code,
            "biz_opaque_callback_data": self.opaque,
        }


class Messages:
    """Accepted messages by id, and by the opaque callback data that came with them."""

    def __init__(self, run: int) -> None:
        """`run` (32 bits) sets the ids of this run of the emulator apart from those of others."""
        self._run = run & 0xFFFFFFFF
        self._by_id: dict[str, Message] = {}
        self._by_opaque: dict[str, list[str]] = {}
        self._order: deque[str] = deque()
        self._sequence = count(1)

    def next_sequence(self) -> int:
        return next(self._sequence)

    def new_id(self, wa_id: str, sequence: int) -> str:
        """An id that looks like the platform's: a number and a key, in base64."""
        key = f"{self._run:08X}{sequence:010X}".encode()
        parts = (
            b"\x1c\x18",
            bytes((len(wa_id) & 0xFF,)),
            wa_id.encode(),
            b"\x15\x02\x00\x11\x18\x12",
            key,
            b"\x00",
        )
        return "wamid." + base64.b64encode(b"".join(parts)).decode("ascii")

    def add(self, message: Message) -> None:
        self._by_id[message.id] = message
        self._order.append(message.id)
        if message.opaque is not None:
            self._by_opaque.setdefault(message.opaque, []).append(message.id)
        if len(self._order) > MAX_KEPT:
            self._forget(self._by_id.pop(self._order.popleft()))

    def get(self, message_id: str) -> Message | None:
        return self._by_id.get(message_id)

    def with_opaque(self, opaque: str) -> list[Message]:
        """All that came with this callback data, oldest first."""
        return [self._by_id[one] for one in self._by_opaque.get(opaque, ())]

    def latest(self, limit: int, to: str | None = None) -> list[Message]:
        """The last `limit` messages (to one person), newest first."""
        found: list[Message] = []
        for message_id in reversed(self._order):
            message = self._by_id[message_id]
            if to is None or message.to == to:
                found.append(message)
                if len(found) == limit:
                    break
        return found

    def sent_of(self, template_id: str, start_s: float, end_s: float) -> int:
        """How many with this template were sent in a time (Unix seconds), of those that are kept."""
        return sum(
            one.sent_s is not None and one.template_id == template_id and start_s <= one.sent_s <= end_s
            for one in self._by_id.values()
        )

    def _forget(self, message: Message) -> None:
        if message.opaque is None:
            return
        ids = self._by_opaque[message.opaque]
        ids.remove(message.id)
        if not ids:
            del self._by_opaque[message.opaque]

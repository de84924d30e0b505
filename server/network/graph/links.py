"""Message links of a number: short addresses, also shown as QR codes, that open a chat with a text in it.

Shapes, the length of texts and of codes: the platform's published OpenAPI file (v23.0).
"""

import secrets
from typing import Any

from msgspec import Struct

from server.network.graph.refusal import ApiError, invalid_parameter, unknown_object

MAX_TEXT = 140
MAX_LINKS = 2000  # of one number: the platform's page on QR codes
CODE_LENGTH = 14
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


class Link(Struct):
    """One link: its code, and the text that waits in the customer's chat."""

    code: str
    text: str

    @property
    def url(self) -> str:
        """What opens the chat."""
        return f"https://wa.me/message/{self.code}"

    def shown(self) -> dict[str, Any]:
        """As the API answers."""
        return {"code": self.code, "prefilled_message": self.text, "deep_link_url": self.url}


class Links:
    """The links of one number."""

    def __init__(self) -> None:
        self._links: dict[str, Link] = {}

    def listed(self) -> list[Link]:
        """All of them, the newest first."""
        return list(reversed(self._links.values()))

    def add(self, text: str) -> Link:
        """A new link; ApiError for a text that is empty or too long, or a link too many."""
        _check(text)
        if len(self._links) >= MAX_LINKS:
            raise ApiError(100, f"There are {MAX_LINKS} links already; delete one")
        link = Link("".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH)), text)
        self._links[link.code] = link
        return link

    def get(self, code: str) -> Link:
        """ApiError when there is none."""
        if code not in self._links:
            raise unknown_object(code)
        return self._links[code]

    def change(self, code: str, text: str) -> Link:
        """Another text under the same code; ApiError when there is none, or for the text."""
        link = self.get(code)
        _check(text)
        link.text = text
        return link

    def remove(self, code: str) -> None:
        """ApiError when there is none."""
        del self._links[self.get(code).code]


def _check(text: str) -> None:
    if not 1 <= len(text) <= MAX_TEXT:
        raise invalid_parameter("prefilled_message", f"1 to {MAX_TEXT} characters")

"""Uploaded and received media: kept for a while, told by id, downloaded from a short-lived URL.

Platform 1.5: ids of uploads live 30 days, of what customers sent 7 days; a URL about 5 minutes.
"""

import base64
import hashlib
import hmac
from collections import OrderedDict
from itertools import count

from msgspec import Struct

from server.network.graph.digits import whole
from server.network.graph.refusal import ApiError, unknown_object
from server.network.media_formats import LARGEST as LARGEST
from server.network.media_formats import MAX_BYTES, kind_of

UPLOAD_LIFE_S = 30 * 86_400.0
RECEIVED_LIFE_S = 7 * 86_400.0
URL_LIFE_S = 300.0
CONTENT_PATH = "/whatsapp_business/attachments"
FIRST_ID = 5_000_000_000_001
MAX_KEPT = 256 * 1024 * 1024  # bytes of all media together; then the oldest go early


class Media(Struct, gc=False):
    """`gone_s`: when it expires, Unix seconds."""

    id: str
    kind: str
    mime_type: str
    content: bytes
    sha256: bytes
    gone_s: float


class MediaStore:
    """Media by id. `secret` signs the URLs."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._media: OrderedDict[str, Media] = OrderedDict()
        self._kept = 0
        self._next_id = count(FIRST_ID)

    def add(self, content: bytes, mime_type: str, now_s: float, *, life_s: float = UPLOAD_LIFE_S) -> Media:
        """Keep `content`; ApiError 131053 for a format or size that is not supported."""
        kind = kind_of(mime_type)
        if kind is None or not (mime_type.isascii() and mime_type.isprintable()):  # it becomes a header
            raise ApiError(131053, f"Unsupported media format: {mime_type[:100]}")
        if not content:
            raise ApiError(131053, "The file is empty")
        if len(content) > MAX_BYTES[kind]:
            raise ApiError(131053, f"A file of type {kind} may hold at most {MAX_BYTES[kind]} bytes")
        digest = hashlib.sha256(content).digest()
        media = Media(str(next(self._next_id)), kind, mime_type, content, digest, now_s + life_s)
        self._media[media.id] = media
        self._kept += len(content)
        while self._kept > MAX_KEPT:
            self._drop(next(iter(self._media)))
        return media

    def find(self, media_id: str, now_s: float) -> Media | None:
        """The medium, unless there is none or it has expired."""
        media = self._media.get(media_id)
        if media is not None and media.gone_s <= now_s:
            self._drop(media_id)
            return None
        return media

    def get(self, media_id: str, now_s: float) -> Media:
        """The medium; ApiError when there is none or it has expired."""
        media = self.find(media_id, now_s)
        if media is None:
            raise unknown_object(media_id)
        return media

    def delete(self, media_id: str, now_s: float) -> None:
        """ApiError when there is none."""
        self._drop(self.get(media_id, now_s).id)

    def url(self, origin: str, media_id: str, now_s: float) -> str:
        """Under which the content can be had for URL_LIFE_S; `origin`: scheme and host of the emulator."""
        until = int(now_s + URL_LIFE_S)
        return f"{origin}{CONTENT_PATH}?mid={media_id}&ext={until}&hash={self._mark(media_id, until)}"

    def open(self, media_id: str, until: str, mark: str, now_s: float) -> Media:
        """The medium behind a URL; ApiError unless the URL is one of ours and has not expired."""
        until_s = whole(until)
        if until_s is None or not hmac.compare_digest(mark.encode(), self._mark(media_id, until_s).encode()):
            raise unknown_object(media_id)
        if until_s <= now_s:
            raise ApiError(131052, "The media URL has expired; ask for a new one", http=404)
        return self.get(media_id, now_s)

    def _mark(self, media_id: str, until: int) -> str:
        return hmac.digest(self._secret, f"{media_id}/{until}".encode(), "sha256").hex()[:32]

    def _drop(self, media_id: str) -> None:
        self._kept -= len(self._media.pop(media_id).content)


def base64_of(digest: bytes) -> str:
    """As webhooks tell a SHA-256 (the API itself tells it in hex)."""
    return base64.b64encode(digest).decode()

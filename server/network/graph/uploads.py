"""Resumable uploads of an app: how the example files of templates and profile pictures go up.

`POST /{app_id}/uploads` gives a session, the file is posted to it, and its handle is used elsewhere. What
is in the file nobody asks for: only how much of it came is kept.
"""

import secrets
from collections import OrderedDict
from dataclasses import dataclass

from server.network.graph.digits import whole
from server.network.graph.media import LARGEST
from server.network.graph.refusal import ApiError, unknown_object

MAX_SESSIONS = 100  # the oldest are forgotten


@dataclass(slots=True)
class Session:
    """One file on its way: how long it will be, and how much came so far, in bytes."""

    length: int
    came: int = 0


class Uploads:
    """Sessions by id."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    def begin(self, length: str) -> str:
        """A new session's id; ApiError for a length that cannot be."""
        size = whole(length)
        if size is None or not 0 < size <= LARGEST:
            raise ApiError(100, f"file_length must be from 1 to {LARGEST}")
        session_id = f"upload:{secrets.token_urlsafe(24)}"
        self._sessions[session_id] = Session(size)
        while len(self._sessions) > MAX_SESSIONS:
            self._sessions.popitem(last=False)
        return session_id

    def offset(self, session_id: str) -> int:
        """How many bytes have come."""
        return self._get(session_id).came

    def put(self, session_id: str, offset: str, content: bytes) -> str:
        """Take a part; the handle once the file is whole, else an empty text."""
        session = self._get(session_id)
        if offset != str(session.came):
            raise ApiError(100, f"file_offset must be {session.came}")
        if session.came + len(content) > session.length:
            raise ApiError(100, f"the file is longer than its file_length of {session.length}")
        session.came += len(content)
        return f"4::{secrets.token_urlsafe(24)}" if session.came == session.length else ""

    def _get(self, session_id: str) -> Session:
        session = self._sessions.get(session_id)
        if session is None:
            raise unknown_object(session_id)
        return session

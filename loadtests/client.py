"""A plain HTTP client for one connection: for what is asked once, or one after another."""

import http.client
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import msgspec

from scenarios.errors import InputError

REAL_NETWORK = ("whatsapp.com", "whatsapp.net", "wa.me", "facebook.com")


class Client:
    """A kept-alive connection to a server; every failure is an InputError of one line."""

    def __init__(self, target: str, token: str, timeout_s: float = 30.0) -> None:
        scheme, host, port = _parts(target)
        if any(host == name or host.endswith(f".{name}") for name in REAL_NETWORK):
            raise InputError(f"target: {host} is the real network; only emulated ones are tested")
        kind = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
        self.target = target
        self._connection = kind(host, port, timeout=timeout_s)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def exchange(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Status and body of the answer; InputError when no server answers."""
        try:
            self._connection.request(method, path, body, self._headers)
            response = self._connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise InputError(
                f"target: no server answers at {self.target} ({why}); start one with `wavetank serve`"
            ) from None

    def call(self, method: str, path: str, body: object = None) -> Any:
        """The answer's JSON; InputError for any status but 2xx, with what the server says is wrong."""
        sent = None if body is None else msgspec.json.encode(body)
        status, content = self.exchange(method, path, sent)
        if status in (401, 403):
            raise InputError(
                f"token: refused by {self.target} ({status}{_detail(content)}); use the token that it printed"
            )
        if not 200 <= status < 300:
            raise InputError(
                f"target: {self.target} answered {method} {path} with {status}{_detail(content)}"
            )
        try:
            return msgspec.json.decode(content)
        except msgspec.DecodeError:
            raise InputError(f"target: {self.target} answered {method} {path} without JSON") from None


def _parts(target: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of a server's address."""
    try:
        parts = urlsplit(target)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError:  # a port that is no number, half an IPv6 address
        scheme, host, port = "", None, None
    if scheme not in ("http", "https") or not host:
        raise InputError(f"target: found {target!r}; must be a URL as http://127.0.0.1:8000")
    return scheme, host, port


def _detail(content: bytes) -> str:
    """The detail of a problem document (RFC 9457), if that is what came."""
    try:
        problem = msgspec.json.decode(content, type=dict[str, Any])
    except msgspec.DecodeError:
        return ""
    parts = [str(problem[name]) for name in ("field", "detail") if problem.get(name)]
    return f": {': '.join(parts)}" if parts else ""

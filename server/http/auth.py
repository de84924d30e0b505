"""Bearer tokens with scopes. A token exists in clear only where it is used; here it is a SHA-256 digest."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence

from scenarios.errors import InputError
from server.http.problems import Problem

SCOPES: tuple[str, ...] = ("send", "tag", "reply", "read", "admin")
SHORTEST = 16  # characters
FRESH_S = 2.0  # so long after it was revoked a token may be known to another worker


def digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def check_token(token: str) -> None:
    """InputError for a token that could be guessed, or that no header can hold."""
    if not token.isprintable() or token != token.strip():
        raise InputError("WAVETANK_TOKEN: must be printable text without spaces at its ends")
    if len(token) < SHORTEST:
        raise InputError(
            f"WAVETANK_TOKEN: found {len(token)} characters; must be {SHORTEST} or more, "
            "or leave it unset to have one made"
        )


class Tokens:
    """Who may do what: digest -> scopes."""

    def __init__(self, scopes_of: Mapping[bytes, Iterable[str]]) -> None:
        """Those of this run; what was issued is added to them."""
        self._scopes_of = {key: frozenset(scopes) for key, scopes in scopes_of.items()}
        self._issued: set[bytes] = set()
        self._renewed_s = self._revoked_s = float("-inf")

    def add(self, key: bytes, scopes: Iterable[str]) -> None:
        """One more of this run."""
        self._scopes_of[key] = frozenset(scopes)

    def issue(self, key: bytes, scopes: Iterable[str]) -> None:
        self.add(key, scopes)
        self._issued.add(key)

    def revoke(self, key: bytes, now_s: float) -> None:
        """`now_s` of the clock of `renew`: what was seen before it does not bring the token back."""
        self._revoked_s = now_s
        self._forget(key)

    def are_old(self, now_s: float) -> bool:
        """Whether it is time to look again which are issued; `now_s` of a clock that only rises."""
        return now_s >= self._renewed_s + FRESH_S

    def renew(self, issued: Mapping[bytes, Iterable[str]], seen_s: float) -> None:
        """Those that were issued at `seen_s`, in place of those before; not if later ones are known."""
        if seen_s < max(self._renewed_s, self._revoked_s):
            return
        self._renewed_s = seen_s
        for key in self._issued - issued.keys():
            self._forget(key)
        for key, scopes in issued.items():
            self.issue(key, scopes)

    def _forget(self, key: bytes) -> None:
        self._issued.discard(key)
        self._scopes_of.pop(key, None)

    def unknown(self, headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
        """The digest of the caller's token, if there is one and nobody knows it here."""
        token = _bearer(headers)
        if token is None or self._find(token) is not None:
            return None
        return hashlib.sha256(token).digest()

    def demand(self, headers: Iterable[tuple[bytes, bytes]], scope: str) -> frozenset[str]:
        """The caller's scopes; Problem 401 without a known token, 403 without the scope."""
        scopes = self._find(_bearer(headers))
        if scopes is None:
            raise Problem(401, "give a valid token: Authorization: Bearer TOKEN", "Authorization")
        if scope not in scopes:
            raise Problem(403, f"this token lacks the scope {scope!r}", "Authorization")
        return scopes

    def _find(self, token: bytes | None) -> frozenset[str] | None:
        if token is None:
            return None
        given = hashlib.sha256(token).digest()
        found = None
        for key, scopes in self._scopes_of.items():  # all of them: the time tells nothing
            if hmac.compare_digest(given, key):
                found = scopes
        return found


def of_browser(headers: Sequence[tuple[bytes, bytes]]) -> Sequence[tuple[bytes, bytes]]:
    """The headers with a browser's password in the place of a token.

    Browsers send it along on their own, so this is for reads only.
    """
    password = _password(_credentials(headers, b"basic"))
    return headers if password is None else [(b"authorization", b"Bearer " + password)]


def _password(encoded: bytes | None) -> bytes | None:
    """Of `Basic`: what follows the name and a colon; None for what is not base64."""
    try:
        return base64.b64decode(encoded or b"", validate=True).partition(b":")[2] or None
    except binascii.Error:
        return None


def _bearer(headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    return _credentials(headers, b"bearer")


def _credentials(headers: Iterable[tuple[bytes, bytes]], kind: bytes) -> bytes | None:
    for name, value in headers:
        if name == b"authorization":
            given, _, rest = value.partition(b" ")
            return rest.strip() if given.lower() == kind else None
    return None

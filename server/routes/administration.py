"""Tokens, and the controls of the emulated network."""

import secrets
import time

import msgspec

from server.http.auth import digest
from server.http.problems import Problem
from server.routes.endpoint import Answer, Call, Route
from server.sending.delivering import Ban
from server.service import Service
from server.store.tokens import IssueToken, RevokeToken, id_of, load_tokens
from server.wire import Banned, Issued, IssuedToken, IssuedTokens, Revoked, TokenBody


async def ban(service: Service, call: Call) -> Answer:
    """The network bans an account; its messages go to the others."""
    index: int = call.path["index"]
    moved = await service.writer.submit(Ban(index))
    if moved is None:
        raise Problem(404, "no such account", "index")
    service.dispatcher.wake()
    return 200, msgspec.json.encode(Banned(index, open=False, planned_again=moved))


async def issue_token(service: Service, call: Call) -> Answer:
    """Make a further token with some scopes."""
    token = secrets.token_urlsafe(24)
    scopes = sorted(set(call.body.scopes))
    await service.writer.submit(IssueToken(digest(token), scopes))
    service.tokens.issue(digest(token), scopes)
    return 201, msgspec.json.encode(Issued(token, scopes, id_of(digest(token))))


async def issued_tokens(service: Service, _call: Call) -> Answer:
    """Tokens that were issued, without themselves; the one that the server was started with is none."""
    issued = await service.readers.run(load_tokens)
    shown = sorted((id_of(key), scopes) for key, scopes in issued.items())
    return 200, msgspec.json.encode(IssuedTokens([IssuedToken(*one) for one in shown]))


async def revoke_token(service: Service, call: Call) -> Answer:
    """Take an issued token back."""
    gone: bytes | None = await service.writer.submit(RevokeToken(call.path["token_id"]))
    if gone is None:
        raise Problem(404, "no such token", "token_id")
    service.tokens.revoke(gone, time.monotonic())
    return 200, msgspec.json.encode(Revoked(call.path["token_id"]))


ROUTES = (
    Route("POST", "/emulator/accounts/{index:int}/ban", ban, "admin", answer=Banned, problems=(404,)),
    Route("GET", "/tokens", issued_tokens, "admin", answer=IssuedTokens),
    Route("DELETE", "/tokens/{token_id}", revoke_token, "admin", answer=Revoked, problems=(404,)),
    Route("POST", "/tokens", issue_token, "admin", TokenBody, answer=Issued, status=201),
)

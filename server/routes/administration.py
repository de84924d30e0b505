"""Tokens, and the controls of the emulated network."""

import secrets

import msgspec

from server.auth import digest
from server.delivering import Ban
from server.endpoint import Answer, Call, Route
from server.problems import Problem
from server.service import Service
from server.store.tokens import IssueToken
from server.wire import Banned, Issued, TokenBody


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
    service.tokens.add(digest(token), scopes)
    return 201, msgspec.json.encode(Issued(token, scopes))


ROUTES = (
    Route("POST", "/emulator/accounts/{index:int}/ban", ban, "admin", answer=Banned, problems=(404,)),
    Route("POST", "/tokens", issue_token, "admin", TokenBody, answer=Issued, status=201),
)

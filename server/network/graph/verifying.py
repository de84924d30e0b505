"""Asks an address whether it expects webhooks, before any are sent there (platform 1.4)."""

import asyncio
import hmac
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from server.network.graph.addresses import AllowList, NotAllowed
from server.network.graph.numbers import Callback
from server.network.graph.posting import PostError, Target, get
from server.network.graph.refusal import ApiError

TIMEOUT_S = 10.0  # real seconds; assumed


async def override_in(allowed: AllowList, given: Mapping[str, Any]) -> Callback | None:
    """The address of its own that a request gives a number or an account; None: it takes it back.

    ApiError as of `verified`.
    """
    url = str(given.get("override_callback_uri", ""))
    return await verified(allowed, url, given) if url else None


async def verified(allowed: AllowList, url: str, given: Mapping[str, Any]) -> Callback:
    """The address, which has answered 200 with the challenge when it was asked with the `verify_token`.

    ApiError when webhooks may not go there, or when it does not answer so.
    """
    try:
        target = allowed.target(url)
    except NotAllowed as error:
        message = f"(#100) Invalid callback URL: {error}"
        raise ApiError(100, f"callback URL: {error}", message=message) from None
    callback = Callback(url, str(given.get("verify_token", "")))
    await _ask(target, callback.verify_token)
    return callback


async def _ask(target: Target, verify_token: str) -> None:
    challenge = str(secrets.randbelow(10**10))
    query = f"hub.mode=subscribe&hub.challenge={challenge}&hub.verify_token={quote(verify_token, safe='')}"
    joint = "&" if "?" in target.path else "?"
    try:
        async with asyncio.timeout(TIMEOUT_S):
            status, body = await get(target._replace(path=f"{target.path}{joint}{query}"))
    except (PostError, TimeoutError) as error:
        raise _failed(str(error) or f"no answer within {TIMEOUT_S:.0f} s") from None
    if status != 200 or not hmac.compare_digest(body.strip(), challenge.encode()):
        raise _failed(
            f"HTTP status {status}, and not the challenge" if status == 200 else f"HTTP status {status}"
        )


def _failed(why: str) -> ApiError:
    return ApiError(
        100,
        f"The URL could not be validated: {why}",
        subcode=2200,
        message=f"(#2200) Callback verification failed: {why}",
    )

"""Asks an address whether it expects webhooks, before any are sent there (platform 1.4)."""

import asyncio
import hmac
import secrets
from urllib.parse import quote

from server.network.graph.posting import PostError, Target, get
from server.network.graph.refusal import ApiError

TIMEOUT_S = 10.0  # real seconds; assumed


async def verify(target: Target, verify_token: str) -> None:
    """ApiError unless the address answers 200 with the challenge."""
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

"""Tokens that an administrator issued: their SHA-256 digests and scopes."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.tables import tokens
from server.store.writer import Applied


@dataclass(frozen=True, slots=True)
class IssueToken:
    """Keep a token's digest. Answer: None."""

    digest: bytes
    scopes: Sequence[str]


async def issue(connection: AsyncConnection, requests: Sequence[IssueToken]) -> Applied:
    """The writer's step for IssueToken."""
    rows = [{"digest": one.digest, "scopes": " ".join(one.scopes)} for one in requests]
    await connection.execute(insert(tokens), rows)
    return Applied([None] * len(requests))


async def load_tokens(connection: AsyncConnection) -> dict[bytes, list[str]]:
    """Scopes by digest."""
    rows = await connection.execute(select(tokens.c.digest, tokens.c.scopes))
    return {digest: scopes.split() for digest, scopes in rows}

"""Tokens that an administrator issued: their SHA-256 digests and scopes."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from server.store.tables import tokens
from server.store.writer import Applied


@dataclass(frozen=True, slots=True)
class IssueToken:
    """Keep a token's digest. Answer: None."""

    digest: bytes
    scopes: Sequence[str]


def issue(connection: Connection, requests: Sequence[IssueToken]) -> Applied:
    """The writer's step for IssueToken."""
    rows = [{"digest": one.digest, "scopes": " ".join(one.scopes)} for one in requests]
    connection.execute(insert(tokens), rows)
    return Applied([None] * len(requests))


def find_scopes(connection: Connection, digest: bytes) -> list[str] | None:
    """The scopes of one token; None: there is none of this digest."""
    scopes = connection.execute(select(tokens.c.scopes).where(tokens.c.digest == digest)).scalar()
    return None if scopes is None else str(scopes).split()


def load_tokens(connection: Connection) -> dict[bytes, list[str]]:
    """Scopes by digest."""
    rows = connection.execute(select(tokens.c.digest, tokens.c.scopes))
    return {digest: scopes.split() for digest, scopes in rows}

"""Tokens that an administrator issued: their SHA-256 digests and scopes."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from server.store.tables import tokens
from server.store.writer import Applied

ID_LENGTH = 16  # of 64 hexadecimal digits


@dataclass(frozen=True, slots=True)
class IssueToken:
    """Keep a token's digest. Answer: None."""

    digest: bytes
    scopes: Sequence[str]


@dataclass(frozen=True, slots=True)
class RevokeToken:
    """Forget the token of this id. Answer: its digest, None if there is none."""

    id: str


def id_of(digest: bytes) -> str:
    """What a token is called: the beginning of its digest, which tells nothing of the token."""
    return digest.hex()[:ID_LENGTH]


def revoke(connection: Connection, requests: Sequence[RevokeToken]) -> Applied:
    """The writer's step for RevokeToken."""
    by_id = {id_of(one): one for one in load_tokens(connection)}
    gone = [by_id.pop(request.id, None) for request in requests]
    for one in gone:
        if one is not None:
            connection.execute(delete(tokens).where(tokens.c.digest == one))
    return Applied(gone)


def issue(connection: Connection, requests: Sequence[IssueToken]) -> Applied:
    """The writer's step for IssueToken."""
    rows = [{"digest": one.digest, "scopes": " ".join(one.scopes)} for one in requests]
    connection.execute(insert(tokens), rows)
    return Applied([None] * len(requests))


def load_tokens(connection: Connection) -> dict[bytes, list[str]]:
    """Scopes by digest."""
    rows = connection.execute(select(tokens.c.digest, tokens.c.scopes))
    return {digest: scopes.split() for digest, scopes in rows}

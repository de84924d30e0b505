"""A PostgreSQL database of its own for each test that asks: made before, dropped after."""

import contextlib
import os
import secrets
from collections.abc import Iterator

import psycopg
import pytest

SERVER = os.environ.get("WAVETANK_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432")


@contextlib.contextmanager
def new_database() -> Iterator[str]:
    """The URL of an empty database. Without a server the test fails in CI, and is skipped elsewhere."""
    name = f"wavetank_test_{secrets.token_hex(6)}"
    try:
        admin = psycopg.connect(f"{SERVER}/postgres", autocommit=True, connect_timeout=5)
    except psycopg.OperationalError as error:
        why = f"no PostgreSQL at {SERVER}: {error}; set WAVETANK_TEST_POSTGRES to another"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    with contextlib.closing(admin):
        admin.execute(f"CREATE DATABASE {name}")
        try:
            yield f"{SERVER}/{name}"
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")

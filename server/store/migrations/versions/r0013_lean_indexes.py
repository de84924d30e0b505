"""Fewer index entries for a message that is accepted: a contact when it is sent, a key if it has one."""

import sqlalchemy as sa
from alembic import op

from server.store.dialects import Int64

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint("batches_idempotency_key_key", "batches")
    else:
        _without_unique_key()
    _partial("batches_with_key", "batches", ["idempotency_key"], "idempotency_key IS NOT NULL", unique=True)
    op.drop_index("ix_messages_contact_id", "messages")
    _partial("messages_sent_to", "messages", ["contact_id"], "sent_s IS NOT NULL")
    for state in ("queued", "waiting"):
        op.drop_index(f"messages_{state}", "messages")
        _partial(f"messages_{state}", "messages", ["due_s", "status", "contact_id"], f"status = '{state}'")
    _partial("messages_paused", "messages", ["contact_id"], "status = 'paused'")


def _partial(name: str, table: str, columns: list[str], where: str, unique: bool = False) -> None:
    op.create_index(
        name, table, columns, unique=unique, sqlite_where=sa.text(where), postgresql_where=sa.text(where)
    )


def _without_unique_key() -> None:
    """SQLite cannot drop a constraint: the table is made anew."""
    columns = (
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("created_s", sa.Float, nullable=False),
        sa.Column("schedule_s", sa.Float),
        sa.Column("finish_s", sa.Float),
        sa.Column("paused_s", sa.Float),
        sa.Column("cancelled_s", sa.Float),
        sa.Column("template", sa.Text, nullable=False),
        sa.Column("media", sa.Text),
        sa.Column("idempotency_key", sa.Text),
        sa.Column("body_digest", sa.LargeBinary),
        sa.Column("answer", sa.LargeBinary),
        sa.Column("first_message_id", Int64),
        sa.Column("last_message_id", Int64),
    )
    names = ", ".join(column.name for column in columns)
    op.create_table("batches_anew", *columns, sqlite_with_rowid=False)
    op.execute(f"INSERT INTO batches_anew ({names}) SELECT {names} FROM batches")
    op.drop_table("batches")
    op.rename_table("batches_anew", "batches")

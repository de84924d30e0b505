"""The tables as they were before there were revisions."""

import sqlalchemy as sa
from alembic import op

from server.store.dialects import Int64

revision = "0001"
down_revision = None


def upgrade() -> None:
    _customers()
    _campaigns()
    _conversations()


def _customers() -> None:
    op.create_table(
        "contacts",
        sa.Column("id", Int64, primary_key=True),
        sa.Column("phone", sa.Text, nullable=False, unique=True),
        sa.Column("zone", sa.Text),
        sa.Column("consent", sa.Boolean, nullable=False),
        sa.Column("opted_out_s", sa.Float),
        sa.Column("with_human_s", sa.Float),
        sa.Column("variables", sa.Text, nullable=False),
    )
    op.create_table(
        "tags",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
    )
    op.create_table(
        "contact_tags",
        sa.Column("contact_id", Int64, sa.ForeignKey("contacts.id"), primary_key=True),
        sa.Column("tag_id", sa.Integer, sa.ForeignKey("tags.id"), primary_key=True),
        sqlite_with_rowid=False,
    )


def _campaigns() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("first_send_s", sa.Float),
        sa.Column("closed_s", sa.Float),
    )
    op.create_table(
        "batches",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("created_s", sa.Float, nullable=False),
        sa.Column("schedule_s", sa.Float),
        sa.Column("finish_s", sa.Float),
        sa.Column("template", sa.Text, nullable=False),
        sa.Column("idempotency_key", sa.Text, unique=True),
        sa.Column("body_digest", sa.LargeBinary),
        sa.Column("answer", sa.LargeBinary),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "messages",
        sa.Column("id", Int64, primary_key=True, autoincrement=False),
        sa.Column("batch_id", sa.Text, sa.ForeignKey("batches.id"), nullable=False, index=True),
        sa.Column("contact_id", Int64, sa.ForeignKey("contacts.id"), nullable=False, index=True),
        sa.Column("zone", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("content", Int64, nullable=False),
        sa.Column("release_s", sa.Float, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("account_id", sa.Integer, sa.ForeignKey("accounts.id")),
        sa.Column("due_s", sa.Float, nullable=False),
        sa.Column("sent_s", sa.Float),
        sa.Column("settled_s", sa.Float),
        sa.Column("reason", sa.Text),
    )
    _index_where("messages_queued", "messages", ["due_s"], "status = 'queued'")
    _index_where("messages_waiting", "messages", ["due_s"], "status = 'waiting'")
    op.create_table(
        "attempts",
        sa.Column("message_id", Int64, sa.ForeignKey("messages.id"), primary_key=True),
        sa.Column("attempt", sa.Integer, primary_key=True),
        sa.Column("account_id", sa.Integer, sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("sent_s", sa.Float, nullable=False),
        sa.Column("settled_s", sa.Float, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )


def _conversations() -> None:
    op.create_table(
        "inbound",
        sa.Column("id", Int64, primary_key=True, autoincrement=False),
        sa.Column("message_id", sa.Text, unique=True),
        sa.Column("contact_id", Int64, sa.ForeignKey("contacts.id"), nullable=False),
        sa.Column("received_s", sa.Float, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("answer", sa.LargeBinary, nullable=False),
    )
    _index_where("inbound_answered", "inbound", ["contact_id", "received_s"], "action = 'answered'")
    op.create_table(
        "tokens",
        sa.Column("digest", sa.LargeBinary, primary_key=True),
        sa.Column("scopes", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )


def _index_where(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))

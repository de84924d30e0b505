"""Tags have a history, contacts do things, conversations go to people, texts are searched."""

import sqlalchemy as sa
from alembic import op

from server.store.dialects import Int64

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("contacts", sa.Column("added_s", sa.Float))
    op.add_column("contacts", sa.Column("negative_run", sa.Integer, nullable=False, server_default="0"))
    for name in ("created_s", "used_s", "updated_s"):
        op.add_column("tags", sa.Column(name, sa.Float))
    _index_where("messages_sent", "messages", ["sent_s"], "sent_s IS NOT NULL")
    _histories()
    _conversations()
    _search()


def _histories() -> None:
    op.create_table(
        "tag_log",
        sa.Column("id", Int64, primary_key=True),
        sa.Column("at_s", sa.Float, nullable=False),
        sa.Column("tag", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("contact_ids", sa.LargeBinary),
    )
    op.create_table(
        "events",
        sa.Column("id", Int64, primary_key=True),
        sa.Column("event_id", sa.Text, unique=True),
        sa.Column("contact_id", Int64, sa.ForeignKey("contacts.id"), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("at_s", sa.Float, nullable=False),
        sa.Column("received_s", sa.Float, nullable=False),
        sa.Column("product", sa.Text),
        sa.Column("account_id", sa.Integer, sa.ForeignKey("accounts.id")),
    )


def _conversations() -> None:
    op.create_table(
        "conversations",
        sa.Column("id", Int64, primary_key=True),
        sa.Column("contact_id", Int64, sa.ForeignKey("contacts.id"), nullable=False),
        sa.Column("team", sa.Text, nullable=False),
        sa.Column("agent", sa.Text, nullable=False),
        sa.Column("turn_s", sa.Float, nullable=False),
        sa.Column("passes", sa.Integer, nullable=False),
        sa.Column("claimed", sa.Boolean, nullable=False),
        sa.Column("urgent", sa.Boolean, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("last_operator", sa.Text),
        sa.Column("opened_s", sa.Float, nullable=False),
        sa.Column("unread_s", sa.Float),
        sa.Column("closed_s", sa.Float),
    )
    _index_where("conversations_open", "conversations", ["contact_id"], "closed_s IS NULL")
    unread = "closed_s IS NULL AND unread_s IS NOT NULL"
    _index_where("conversations_unread", "conversations", ["turn_s"], unread)
    op.create_table(
        "said",
        sa.Column("id", Int64, primary_key=True),
        sa.Column("contact_id", Int64, sa.ForeignKey("contacts.id"), nullable=False),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("intent", sa.Text),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("due_s", sa.Float, nullable=False),
        sa.Column("said_s", sa.Float),
        sa.Column("cancelled_s", sa.Float),
    )
    op.create_index("said_to", "said", ["contact_id", "due_s"])
    _index_where("said_pending", "said", ["due_s"], "said_s IS NULL AND cancelled_s IS NULL")


def _search() -> None:
    op.create_table(
        "search_words",
        sa.Column("word", sa.Text, primary_key=True),
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("id", Int64, primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "search_progress",
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("id", Int64, nullable=False),
        sqlite_with_rowid=False,
    )


def _index_where(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))

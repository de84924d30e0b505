"""The condition of an index in words that cost SQLite nothing for each row that is written."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

LEFT = "status <> 'queued' AND status <> 'waiting' AND status <> 'delivered'"


def upgrade() -> None:
    op.drop_index("messages_left", "messages")
    op.create_index(
        "messages_left",
        "messages",
        ["status"],
        sqlite_where=sa.text(LEFT),
        postgresql_where=sa.text(LEFT),
    )

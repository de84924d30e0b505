"""The network's record as it was before there were revisions."""

import sqlalchemy as sa
from alembic import op

from server.store.dialects import Int64

revision = "network0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "accepted",
        sa.Column("message_id", Int64, primary_key=True),
        sa.Column("attempt", sa.Integer, primary_key=True),
        sa.Column("account", sa.Integer, nullable=False),
        sa.Column("phone", sa.Text, nullable=False),
        sa.Column("sent_s", sa.Float, nullable=False),
        sa.Column("settles_s", sa.Float, nullable=False),
        sa.Column("reason", sa.Text),
        sqlite_with_rowid=False,
    )

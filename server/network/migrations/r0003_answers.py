"""What people and guides answer."""

import sqlalchemy as sa
from alembic import op

from server.store.dialects import Int64

revision = "network0003"
down_revision = "network0002"


def upgrade() -> None:
    op.create_table(
        "answers",
        sa.Column("answer_id", Int64, primary_key=True),
        sa.Column("account", sa.Integer, nullable=False),
        sa.Column("phone", sa.Text, nullable=False),
        sa.Column("sent_s", sa.Float, nullable=False),
        sa.Column("settles_s", sa.Float, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("times", sa.Integer, nullable=False, server_default="1"),
    )

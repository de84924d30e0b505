"""Which keywords are met, and when files are imported. What was before is not known."""

import sqlalchemy as sa
from alembic import op

from server.store.dialects import Int64

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "hourly_keywords",
        sa.Column("hour", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("keyword", sa.Text, primary_key=True),
        sa.Column("n", Int64, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "imports",
        sa.Column("id", Int64, primary_key=True),
        sa.Column("at_s", sa.Float, nullable=False),
        sa.Column("contacts", sa.Integer, nullable=False),
    )
    op.create_index("imports_at", "imports", ["at_s", "contacts"])

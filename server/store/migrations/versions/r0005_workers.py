"""Several servers share one PostgreSQL database."""

import sqlalchemy as sa
from alembic import op

from server.store.dialects import Int64

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("accounts", sa.Column("worker_id", Int64))
    op.create_table(
        "workers",
        sa.Column("id", Int64, primary_key=True, autoincrement=False),
        sa.Column("alive_until_s", sa.Float, nullable=False),
        sa.Column("plans", sa.Boolean, nullable=False),
        sa.Column("plan_is_stale", sa.Boolean, nullable=False),
        sa.Column("clock_s", sa.Float, nullable=False),
        sa.Column("real_s", sa.Float, nullable=False),
        sa.Column("speed", sa.Float, nullable=False),
    )
    where = sa.text("plans")
    op.create_index(
        "workers_one_plans", "workers", ["plans"], unique=True, sqlite_where=where, postgresql_where=where
    )
    if op.get_bind().dialect.supports_sequences:
        op.execute(sa.schema.CreateSequence(sa.Sequence("worker_numbers")))

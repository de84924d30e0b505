"""Batches can be paused and cancelled."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("batches", sa.Column("paused_s", sa.Float))
    op.add_column("batches", sa.Column("cancelled_s", sa.Float))

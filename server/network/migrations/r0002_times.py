"""How often each attempt was handed over."""

import sqlalchemy as sa
from alembic import op

revision = "network0002"
down_revision = "network0001"


def upgrade() -> None:
    op.add_column("accepted", sa.Column("times", sa.Integer, nullable=False, server_default="1"))

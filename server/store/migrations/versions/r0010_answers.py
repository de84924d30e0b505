"""What guides and people say goes to the network. What was said before went nowhere, and stays so."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

UNSENT = "said_s IS NOT NULL AND sent_s IS NULL AND settled_s IS NULL"
UNDER_WAY = "sent_s IS NOT NULL AND settled_s IS NULL"


def upgrade() -> None:
    op.add_column("said", sa.Column("account_id", sa.Integer))
    op.add_column("said", sa.Column("sent_s", sa.Float))
    op.add_column("said", sa.Column("settled_s", sa.Float))
    op.add_column("said", sa.Column("reason", sa.Text))
    op.execute("UPDATE said SET settled_s = said_s, reason = 'not_sent' WHERE said_s IS NOT NULL")
    for name, column, where in (
        ("said_unsent", "said_s", UNSENT),
        ("said_under_way", "sent_s", UNDER_WAY),
    ):
        condition = sa.text(where)
        op.create_index(name, "said", [column], sqlite_where=condition, postgresql_where=condition)

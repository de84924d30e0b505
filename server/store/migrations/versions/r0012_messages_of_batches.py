"""A batch says which messages are its own, so that on SQLite no index must."""

import sqlalchemy as sa
from alembic import op

from server.store.dialects import Int64

revision = "0012"
down_revision = "0011"

RANGE = """
    UPDATE batches SET
        first_message_id = (SELECT min(id) FROM messages WHERE batch_id = batches.id),
        last_message_id = (SELECT max(id) FROM messages WHERE batch_id = batches.id)
"""


def upgrade() -> None:
    op.add_column("batches", sa.Column("first_message_id", Int64))
    op.add_column("batches", sa.Column("last_message_id", Int64))
    op.execute(RANGE)
    op.drop_index("ix_messages_batch_id", "messages")
    if op.get_bind().dialect.name == "postgresql":
        op.create_index("messages_of_batch", "messages", ["batch_id"])

"""Late events are found by when they were received."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_index("events_received", "events", ["received_s", "at_s"])

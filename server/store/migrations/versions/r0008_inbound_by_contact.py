"""All that a customer wrote is found by customer, not only what was answered."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.drop_index("inbound_answered", "inbound")
    op.create_index("inbound_of", "inbound", ["contact_id", "received_s", "action"])

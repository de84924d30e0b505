"""Counts by the hour, and what reads of a million messages look at."""

import sqlalchemy as sa
from alembic import op

from server.store.dialects import Int64

revision = "0004"
down_revision = "0003"

LEFT = "status IN ('paused', 'sending', 'sent', 'failed', 'cancelled')"


def upgrade() -> None:
    for table, key in (("hourly_sends", "account_id"), ("hourly_tags", "tag_id")):
        op.create_table(
            table,
            sa.Column("hour", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column(key, sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("outcome", sa.Text, primary_key=True),
            sa.Column("n", Int64, nullable=False),
            sqlite_with_rowid=False,
        )
    _index_where("contacts_opted_out", "contacts", ["opted_out_s"], "opted_out_s IS NOT NULL")
    _index_where("contacts_with_human", "contacts", ["with_human_s"], "with_human_s IS NOT NULL")
    for state in ("queued", "waiting"):
        op.drop_index(f"messages_{state}", "messages")
        _index_where(f"messages_{state}", "messages", ["due_s", "status"], f"status = '{state}'")
    _index_where("messages_left", "messages", ["status"], LEFT)
    op.drop_index("messages_sent", "messages")
    _index_where("messages_sent", "messages", ["sent_s", "account_id"], "sent_s IS NOT NULL")
    op.create_index("attempts_sent", "attempts", ["sent_s", "account_id"])
    op.create_index("inbound_received", "inbound", ["received_s", "action"])
    _count_what_was_sent()


def _count_what_was_sent() -> None:
    """Accounts only: which tags customers carried then is not known any more."""
    hour = "CAST(floor(sent_s / 3600) AS INTEGER)"
    if op.get_bind().dialect.name == "sqlite":  # may be built without floor; CAST cuts off there
        hour = "CAST(sent_s / 3600 AS INTEGER)"
    attempts = """
        SELECT account_id, sent_s, reason, settled_s FROM attempts UNION ALL
        SELECT account_id, sent_s, reason, settled_s FROM messages WHERE sent_s IS NOT NULL
    """
    counted = f"SELECT {hour} AS hour, account_id, {{outcome}} AS outcome, count(*) FROM ({attempts}) AS a"
    insert = "INSERT INTO hourly_sends (hour, account_id, outcome, n) "
    op.execute(insert + counted.format(outcome="'sent'") + " GROUP BY 1, 2, 3")
    settled = " WHERE settled_s IS NOT NULL GROUP BY 1, 2, 3"
    op.execute(insert + counted.format(outcome="coalesce(reason, 'delivered')") + settled)


def _index_where(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))

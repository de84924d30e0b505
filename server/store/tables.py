"""The tables. Times are Unix seconds of the server's clock; a message's attempts count from 1."""

from pathlib import Path

from sqlalchemy import (
    Boolean,
    Column,
    ColumnClause,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Sequence,
    Table,
    Text,
    literal_column,
)

from server.store.dialects import Int64, index_where
from server.store.schema import Schema

# States of a message. WAITING has no plan yet: its time is to come, or no account is open. PAUSED waits until
# its batch is resumed.
WAITING, PAUSED, QUEUED, SENDING, SENT = "waiting", "paused", "queued", "sending", "sent"
DELIVERED, FAILED, CANCELLED = "delivered", "failed", "cancelled"

MADE, DROPPED, GIVEN, TAKEN = "made", "dropped", "given", "taken"  # actions of the tag log

# As literals, not bound parameters: only then may the database use the partial indexes below.
IS_WAITING: ColumnClause[str] = literal_column("'waiting'")
IS_QUEUED: ColumnClause[str] = literal_column("'queued'")
IS_PAUSED: ColumnClause[str] = literal_column("'paused'")
IS_ANSWERED: ColumnClause[str] = literal_column("'answered'")  # of an inbound message: by a rule

metadata = MetaData()

# A change of the tables is a migration too: docs/server.md says how.
SCHEMA = Schema("wavetank", metadata, head="0013", versions=Path(__file__).parent / "migrations" / "versions")

contacts = Table(
    "contacts",
    metadata,
    Column("id", Int64, primary_key=True),
    Column("phone", Text, nullable=False, unique=True),  # E.164
    Column("zone", Text),  # IANA; null: not known
    Column("consent", Boolean, nullable=False),
    Column("opted_out_s", Float),
    Column("with_human_s", Float),  # since when a person holds the conversation
    Column("variables", Text, nullable=False),  # JSON object
    Column("added_s", Float),  # when the server first knew of it; null: before it kept note
    Column("negative_run", Integer, nullable=False, server_default="0"),  # negative messages in a row
)

index_where("contacts_opted_out", contacts.c.opted_out_s, where="opted_out_s IS NOT NULL")
index_where("contacts_with_human", contacts.c.with_human_s, where="with_human_s IS NOT NULL")

tags = Table(
    "tags",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("created_s", Float),
    Column("used_s", Float),  # last named by the audience of a send
    Column("updated_s", Float),  # last given to or taken from a contact
)

contact_tags = Table(
    "contact_tags",
    metadata,
    Column("contact_id", ForeignKey("contacts.id"), primary_key=True),
    Column("tag_id", ForeignKey("tags.id"), primary_key=True),
    sqlite_with_rowid=False,
)

# What happened to tags, never changed: made, dropped, and given to or taken from contacts.
tag_log = Table(
    "tag_log",
    metadata,
    Column("id", Int64, primary_key=True),
    Column("at_s", Float, nullable=False),
    Column("tag", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("contact_ids", LargeBinary),  # of given and taken: 8 bytes each, little-endian
)

# What contacts did, as far as the server is told of it and does not see it itself.
events = Table(
    "events",
    metadata,
    Column("id", Int64, primary_key=True),
    Column("event_id", Text, unique=True),  # the sender's own id, when it gave one
    Column("contact_id", ForeignKey("contacts.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("at_s", Float, nullable=False),
    Column("received_s", Float, nullable=False),
    Column("product", Text),
    Column("account_id", ForeignKey("accounts.id")),  # of a block or complaint: whose message it was
)
Index("events_received", events.c.received_s, events.c.at_s)

# Files of tags that were taken.
imports = Table(
    "imports",
    metadata,
    Column("id", Int64, primary_key=True),
    Column("at_s", Float, nullable=False),
    Column("contacts", Integer, nullable=False),  # rows, but for invalid numbers and repeats
)
Index("imports_at", imports.c.at_s, imports.c.contacts)

accounts = Table(
    "accounts",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # index into the pacer's accounts
    Column("first_send_s", Float),
    Column("closed_s", Float),  # banned since
    Column("worker_id", Int64),  # who sends for it, where several may; no key: a worker may be gone
)

# Servers that work on this database, where several may: see server/sending/leases.py.
worker_numbers = Sequence("worker_numbers", metadata=metadata)  # none is given twice
workers = Table(
    "workers",
    metadata,
    Column("id", Int64, primary_key=True, autoincrement=False),
    Column("alive_until_s", Float, nullable=False),  # Unix seconds of the database's own clock
    Column("plans", Boolean, nullable=False),  # for all accounts
    Column("plan_is_stale", Boolean, nullable=False),
    # The server's clock showed clock_s when the database's showed real_s; it runs `speed` times as fast.
    Column("clock_s", Float, nullable=False),
    Column("real_s", Float, nullable=False),
    Column("speed", Float, nullable=False),
)
index_where("workers_one_plans", workers.c.plans, where="plans", unique=True)

batches = Table(
    "batches",
    metadata,
    Column("id", Text, primary_key=True),
    Column("created_s", Float, nullable=False),
    Column("schedule_s", Float),
    Column("finish_s", Float),  # expected when it was accepted
    Column("paused_s", Float),  # since when its sender holds it
    Column("cancelled_s", Float),
    Column("template", Text, nullable=False),
    Column("media", Text),  # JSON, as it was given; null: a text
    Column("idempotency_key", Text),
    Column("body_digest", LargeBinary),
    Column("answer", LargeBinary),  # what the key's first request was answered
    # Its messages are those between, as far as they are kept; null: it never had one.
    Column("first_message_id", Int64),
    Column("last_message_id", Int64),
    sqlite_with_rowid=False,
)
# Most batches have no key, and then nothing to write here.
index_where("batches_with_key", batches.c.idempotency_key, where="idempotency_key IS NOT NULL", unique=True)

messages = Table(
    "messages",
    metadata,
    Column("id", Int64, primary_key=True, autoincrement=False),
    Column("batch_id", ForeignKey("batches.id"), nullable=False),
    Column("contact_id", ForeignKey("contacts.id"), nullable=False),
    Column("zone", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("content", Int64, nullable=False),  # server.dispatch.content.content_key of the text
    Column("release_s", Float, nullable=False),  # not to be sent before
    Column("attempt", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("account_id", ForeignKey("accounts.id")),
    Column("due_s", Float, nullable=False),  # the plan; of a waiting message when to plan it
    Column("sent_s", Float),
    Column("settled_s", Float),  # delivered, failed or cancelled at
    Column("reason", Text),
)
# What a batch is deleted by where the database checks references. Elsewhere the messages of a batch are found
# by their ids alone (server/store/batches.py): the index would be a sixth of the price of a row.
Index("messages_of_batch", messages.c.batch_id).ddl_if(dialect="postgresql")
# A customer's messages are found by index once they are sent. Before that only a STOP asks for them, and
# looks through the next three: an index of all would be a seventh of the price of a row.
index_where("messages_sent_to", messages.c.contact_id, where="sent_s IS NOT NULL")
# The state, always the same in them, spares those who count the messages themselves.
index_where(
    "messages_queued",
    messages.c.due_s,
    messages.c.status,
    messages.c.contact_id,
    where="status = 'queued'",
)
index_where(
    "messages_waiting",
    messages.c.due_s,
    messages.c.status,
    messages.c.contact_id,
    where="status = 'waiting'",
)
index_where("messages_paused", messages.c.contact_id, where="status = 'paused'")
# With these two, counts by state need not look at the delivered, which are nearly all of a million.
# Not as a list: SQLite makes a table of that for every row that is written, a third of the row's whole price.
LEFT = "status <> 'queued' AND status <> 'waiting' AND status <> 'delivered'"
index_where("messages_left", messages.c.status, where=LEFT)
index_where("messages_sent", messages.c.sent_s, messages.c.account_id, where="sent_s IS NOT NULL")

# Attempts that failed and were followed by another; the last attempt is the message itself.
attempts = Table(
    "attempts",
    metadata,
    Column("message_id", ForeignKey("messages.id"), primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("sent_s", Float, nullable=False),
    Column("settled_s", Float, nullable=False),
    Column("reason", Text, nullable=False),
    sqlite_with_rowid=False,
)

Index("attempts_sent", attempts.c.sent_s, attempts.c.account_id)

# What server/store/hourly.py counts: attempts by hour (since 1970), account or tag, and outcome.
hourly_sends = Table(
    "hourly_sends",
    metadata,
    Column("hour", Integer, primary_key=True, autoincrement=False),
    Column("account_id", Integer, primary_key=True, autoincrement=False),
    Column("outcome", Text, primary_key=True),
    Column("n", Int64, nullable=False),
    sqlite_with_rowid=False,
)
hourly_tags = Table(
    "hourly_tags",
    metadata,
    Column("hour", Integer, primary_key=True, autoincrement=False),
    Column("tag_id", Integer, primary_key=True, autoincrement=False),
    Column("outcome", Text, primary_key=True),
    Column("n", Int64, nullable=False),
    sqlite_with_rowid=False,
)

# Messages of customers by hour and by the keyword that they met.
hourly_keywords = Table(
    "hourly_keywords",
    metadata,
    Column("hour", Integer, primary_key=True, autoincrement=False),
    Column("keyword", Text, primary_key=True),
    Column("n", Int64, nullable=False),
    sqlite_with_rowid=False,
)

inbound = Table(
    "inbound",
    metadata,
    Column("id", Int64, primary_key=True, autoincrement=False),
    Column("message_id", Text, unique=True),  # the sender's own id, when it gave one
    Column("contact_id", ForeignKey("contacts.id"), nullable=False),
    Column("received_s", Float, nullable=False),
    Column("text", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("answer", LargeBinary, nullable=False),  # the whole answer, JSON
)
# By customer: the answers of the last hour, and the history.
Index("inbound_of", inbound.c.contact_id, inbound.c.received_s, inbound.c.action)

Index("inbound_received", inbound.c.received_s, inbound.c.action)

# Conversations that a person holds or held.
conversations = Table(
    "conversations",
    metadata,
    Column("id", Int64, primary_key=True),
    Column("contact_id", ForeignKey("contacts.id"), nullable=False),
    Column("team", Text, nullable=False),
    Column("agent", Text, nullable=False),  # whose turn it is
    Column("turn_s", Float, nullable=False),  # since when
    Column("passes", Integer, nullable=False),  # agents who let it pass unread
    Column("claimed", Boolean, nullable=False),  # the agent answers: nobody else may
    Column("urgent", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("last_operator", Text),
    Column("opened_s", Float, nullable=False),
    Column("unread_s", Float),  # since when something is unread; null: all is read
    Column("closed_s", Float),
)
index_where("conversations_open", conversations.c.contact_id, where="closed_s IS NULL")
index_where("conversations_unread", conversations.c.turn_s, where="closed_s IS NULL AND unread_s IS NOT NULL")

# What customers are told beside the first answers, which stand with the messages that they answer.
said = Table(
    "said",
    metadata,
    Column("id", Int64, primary_key=True),
    Column("contact_id", ForeignKey("contacts.id"), nullable=False),
    Column("author", Text, nullable=False),  # an agent, or the rules
    Column("intent", Text),
    Column("text", Text, nullable=False),
    Column("due_s", Float, nullable=False),
    Column("said_s", Float),
    Column("cancelled_s", Float),
    Column("account_id", Integer),  # the number that it goes out from
    Column("sent_s", Float),  # the network has it since
    Column("settled_s", Float),  # delivered or failed at
    Column("reason", Text),  # why it failed
)
Index("said_to", said.c.contact_id, said.c.due_s)
index_where("said_pending", said.c.due_s, where="said_s IS NULL AND cancelled_s IS NULL")
index_where("said_unsent", said.c.said_s, where="said_s IS NOT NULL AND sent_s IS NULL AND settled_s IS NULL")
index_where("said_under_way", said.c.sent_s, where="sent_s IS NOT NULL AND settled_s IS NULL")

# Which texts hold a word, and how far the texts are looked through.
search_words = Table(
    "search_words",
    metadata,
    Column("word", Text, primary_key=True),
    Column("source", Text, primary_key=True),  # the table: inbound or said
    Column("id", Int64, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
search_progress = Table(
    "search_progress",
    metadata,
    Column("source", Text, primary_key=True),
    Column("id", Int64, nullable=False),
    sqlite_with_rowid=False,
)

tokens = Table(
    "tokens",
    metadata,
    Column("digest", LargeBinary, primary_key=True),  # SHA-256; the token itself is nowhere
    Column("scopes", Text, nullable=False),  # separated by spaces
    sqlite_with_rowid=False,
)

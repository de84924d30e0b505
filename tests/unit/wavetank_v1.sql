-- What a database held before there were revisions.
BEGIN TRANSACTION;
CREATE TABLE accounts (
	id INTEGER NOT NULL, 
	first_send_s FLOAT, 
	closed_s FLOAT, 
	PRIMARY KEY (id)
);
CREATE TABLE attempts (
	message_id INTEGER NOT NULL, 
	attempt INTEGER NOT NULL, 
	account_id INTEGER NOT NULL, 
	sent_s FLOAT NOT NULL, 
	settled_s FLOAT NOT NULL, 
	reason TEXT NOT NULL, 
	PRIMARY KEY (message_id, attempt), 
	FOREIGN KEY(message_id) REFERENCES messages (id), 
	FOREIGN KEY(account_id) REFERENCES accounts (id)
)
 WITHOUT ROWID

;
CREATE TABLE batches (
	id TEXT NOT NULL, 
	created_s FLOAT NOT NULL, 
	schedule_s FLOAT, 
	finish_s FLOAT, 
	template TEXT NOT NULL, 
	idempotency_key TEXT, 
	body_digest BLOB, 
	answer BLOB, 
	PRIMARY KEY (id), 
	UNIQUE (idempotency_key)
)
 WITHOUT ROWID

;
CREATE TABLE contact_tags (
	contact_id INTEGER NOT NULL, 
	tag_id INTEGER NOT NULL, 
	PRIMARY KEY (contact_id, tag_id), 
	FOREIGN KEY(contact_id) REFERENCES contacts (id), 
	FOREIGN KEY(tag_id) REFERENCES tags (id)
)
 WITHOUT ROWID

;
CREATE TABLE contacts (
	id INTEGER NOT NULL, 
	phone TEXT NOT NULL, 
	zone TEXT, 
	consent BOOLEAN NOT NULL, 
	opted_out_s FLOAT, 
	with_human_s FLOAT, 
	variables TEXT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (phone)
);
CREATE TABLE inbound (
	id INTEGER NOT NULL, 
	message_id TEXT, 
	contact_id INTEGER NOT NULL, 
	received_s FLOAT NOT NULL, 
	text TEXT NOT NULL, 
	action TEXT NOT NULL, 
	answer BLOB NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (message_id), 
	FOREIGN KEY(contact_id) REFERENCES contacts (id)
);
CREATE TABLE messages (
	id INTEGER NOT NULL, 
	batch_id TEXT NOT NULL, 
	contact_id INTEGER NOT NULL, 
	zone TEXT NOT NULL, 
	text TEXT NOT NULL, 
	content INTEGER NOT NULL, 
	release_s FLOAT NOT NULL, 
	attempt INTEGER NOT NULL, 
	status TEXT NOT NULL, 
	account_id INTEGER, 
	due_s FLOAT NOT NULL, 
	sent_s FLOAT, 
	settled_s FLOAT, 
	reason TEXT, 
	PRIMARY KEY (id), 
	FOREIGN KEY(batch_id) REFERENCES batches (id), 
	FOREIGN KEY(contact_id) REFERENCES contacts (id), 
	FOREIGN KEY(account_id) REFERENCES accounts (id)
);
CREATE TABLE tags (
	id INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (name)
);
CREATE TABLE tokens (
	digest BLOB NOT NULL, 
	scopes TEXT NOT NULL, 
	PRIMARY KEY (digest)
)
 WITHOUT ROWID

;
CREATE INDEX messages_waiting ON messages (due_s) WHERE status = 'waiting';
CREATE INDEX ix_messages_batch_id ON messages (batch_id);
CREATE INDEX ix_messages_contact_id ON messages (contact_id);
CREATE INDEX messages_queued ON messages (due_s) WHERE status = 'queued';
CREATE INDEX inbound_answered ON inbound (contact_id, received_s) WHERE action = 'answered';
COMMIT;
PRAGMA user_version=1;

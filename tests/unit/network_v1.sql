-- What a database held before there were revisions.
BEGIN TRANSACTION;
CREATE TABLE accepted (
	message_id INTEGER NOT NULL, 
	attempt INTEGER NOT NULL, 
	account INTEGER NOT NULL, 
	phone TEXT NOT NULL, 
	sent_s FLOAT NOT NULL, 
	settles_s FLOAT NOT NULL, 
	reason TEXT, 
	PRIMARY KEY (message_id, attempt)
)
 WITHOUT ROWID

;
COMMIT;
PRAGMA user_version=1;

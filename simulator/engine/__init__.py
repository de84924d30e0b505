"""One replication: sends, what follows from each, and what becomes of customers, accounts and agents."""

"""`GET /`: the server at a glance, rendered here, alive by server-sent events, all in one file."""

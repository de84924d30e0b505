"""Who is written to: numbers, tags, imports, events, and the index that filters are answered from."""

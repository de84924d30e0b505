"""From what a replication has counted to KPIs, money, lifetimes, and the story of one customer."""

"""Random numbers by key, distributions, intervals, and how many replications they need."""

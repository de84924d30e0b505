"""What the world and the strategy are: scenario files, their schema, results and their names."""

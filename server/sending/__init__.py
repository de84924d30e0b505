"""A message's way from a request to the network: accepted, planned, claimed, sent, settled."""

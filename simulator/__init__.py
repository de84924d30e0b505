"""Customers, accounts and money under the same decisions as the server."""

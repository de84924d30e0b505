"""Durable state of the server."""

"""The scenario's customers as live conversations against a running server."""

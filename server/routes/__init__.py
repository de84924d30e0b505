"""The handlers of the HTTP surface by area, each module with its own route table."""

"""The Business Cloud API of the emulated network: what client libraries and bots talk to."""

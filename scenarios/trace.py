"""The document of a trace: what happened to one customer, or what one account sent, event by event."""

from typing import NamedTuple


class Entry(NamedTuple):
    """One event; `time` is UTC. The customer is None in what happens to the account itself."""

    time: str
    customer: int | None
    account: int | None
    event: str

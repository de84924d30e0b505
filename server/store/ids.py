"""Numbers for new rows: ascending in the order of commits, which readers of what is new rely on."""

from itertools import count

from sqlalchemy import Column, Connection, func, select


class Ids:
    """`is_shared`: other servers add rows too, so that each transaction looks where it stands."""

    def __init__(self, column: Column[int], is_shared: bool) -> None:
        self._last = select(func.max(column))
        self._is_shared = is_shared
        self._next: count[int] | None = None

    def begin(self, connection: Connection) -> "count[int]":
        """The numbers to take one by one, in a transaction that keeps other writers out."""
        if self._next is None or self._is_shared:
            self._next = count((connection.execute(self._last).scalar() or 0) + 1)
        return self._next

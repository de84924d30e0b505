"""Phone numbers in E.164, checked once each while they are in use: a check costs more than a look-up."""

import asyncio
from collections.abc import Collection

from scenarios.phones import e164

MANY = 2_000  # unknown numbers above which the event loop is not made to wait
REMEMBERED = 1 << 17  # texts; about 16 MB


class Numbers:
    """Remembers which texts are valid numbers, those that came last: a fact that never changes."""

    def __init__(self) -> None:
        self._valid: dict[str, str] = {}

    def normal(self, text: str) -> str | None:
        """The number in E.164, or None when it cannot be one."""
        known = self._valid.get(text)
        return known if known is not None else self._check(text)

    async def all_normal(self, texts: Collection[str]) -> list[str | None]:
        """`normal` of each, in order; many unknown ones are checked in a thread."""
        found = list(map(self._valid.get, texts))
        unknown = found.count(None)
        if not unknown:
            return found
        if unknown > MANY:
            return await asyncio.to_thread(self._all_checked, texts)
        return self._all_checked(texts)

    def _all_checked(self, texts: Collection[str]) -> list[str | None]:
        return [self.normal(text) for text in texts]

    def _check(self, text: str) -> str | None:
        number = e164(text)
        if number is not None:
            if len(self._valid) >= REMEMBERED:
                self._valid.clear()
            self._valid[text] = number
        return number

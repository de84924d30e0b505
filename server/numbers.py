"""Phone numbers in E.164, checked once each: a check costs 80 microseconds, a look-up 0.1."""

import asyncio
from collections.abc import Collection, Iterable

from scenarios.contacts import e164

MANY = 200  # unknown numbers above which the event loop is not made to wait


class Numbers:
    """Remembers which texts are valid numbers: a fact that never changes."""

    def __init__(self, valid: Iterable[str]) -> None:
        """`valid`: numbers known to be E.164."""
        self._valid = set(valid)

    def normal(self, text: str) -> str | None:
        """The number in E.164, or None when it cannot be one."""
        if text in self._valid:
            return text
        number = e164(text)
        if number is not None:
            self._valid.add(number)
        return number

    async def all_normal(self, texts: Collection[str]) -> list[str | None]:
        """`normal` of each, in order; many unknown ones are checked in a thread."""
        unknown = sum(text not in self._valid for text in texts)
        if unknown > MANY:
            return await asyncio.to_thread(lambda: [self.normal(text) for text in texts])
        return [self.normal(text) for text in texts]

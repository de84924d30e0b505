"""Phone numbers in E.164, checked once each while they are in use: a check costs more than a look-up."""

import asyncio
from collections.abc import Callable, Collection, Sequence

from scenarios.phones import e164

FEW = 100  # numbers from which on it pays to ask which of them are contacts
MANY = 2_000  # unknown numbers above which the event loop is not made to wait
REMEMBERED = 1 << 17  # texts; about 16 MB


class Numbers:
    """Remembers which texts are valid numbers, those that came last: a fact that never changes.

    `are_contacts` tells which texts are the numbers of contacts, and so have been checked before.
    """

    def __init__(self, are_contacts: Callable[[Sequence[str]], Sequence[bool]] | None = None) -> None:
        self._valid: dict[str, str] = {}
        self._are_contacts = are_contacts

    def normal(self, text: str) -> str | None:
        """The number in E.164, or None when it cannot be one."""
        known = self._valid.get(text)
        return known if known is not None else self._check(text)

    async def all_normal(self, texts: Sequence[str]) -> list[str | None]:
        """`normal` of each, in order; many unknown ones are checked in a thread."""
        if len(texts) < FEW:
            return self._all_checked(texts)
        found = list(map(self._valid.get, texts))
        if None not in found:
            return found
        unknown = [at for at, number in enumerate(found) if number is None]
        if self._are_contacts is not None:
            of_contact = self._are_contacts([texts[at] for at in unknown])
            for at, is_contact in zip(unknown, of_contact, strict=True):
                if is_contact:
                    found[at] = texts[at]
            unknown = [at for at in unknown if found[at] is None]
        if len(unknown) > MANY:
            checked = await asyncio.to_thread(self._all_checked, [texts[at] for at in unknown])
        else:
            checked = self._all_checked([texts[at] for at in unknown])
        for at, number in zip(unknown, checked, strict=True):
            found[at] = number
        return found

    def _all_checked(self, texts: Collection[str]) -> list[str | None]:
        return [self.normal(text) for text in texts]

    def _check(self, text: str) -> str | None:
        number = e164(text)
        if number is not None:
            if len(self._valid) >= REMEMBERED:
                self._valid.clear()
            self._valid[text] = number
        return number

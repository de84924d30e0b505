"""Windows of one number: the 24 h in which a user may be answered freely, and free entry from an ad."""

from collections import OrderedDict
from typing import NamedTuple

from server.network.pair_rate import User
from server.network.rules import FREE_ENTRY_ANSWER_S, FREE_ENTRY_WINDOW_S, SERVICE_WINDOW_S


class Window(NamedTuple):
    """What is open between a number and a user.

    Free text needs `service`, ad or not [M-copy]. `free_entry` makes every message free; it does not spare
    the messaging limit or the marketing cap (assumed).
    """

    service: bool
    free_entry: bool


OUTSIDE = Window(service=False, free_entry=False)
IN_SERVICE = Window(service=True, free_entry=False)


class Windows:
    """Until when each window is open. Time must not run backwards. Memory: windows that are open."""

    __slots__ = ("_ads", "_free_entry", "_service")

    def __init__(self) -> None:
        self._service: OrderedDict[User, float] = OrderedDict()
        self._ads: OrderedDict[User, float] = OrderedDict()  # until when an answer opens free entry
        self._free_entry: OrderedDict[User, float] = OrderedDict()

    def at(self, now_s: float, user: User) -> Window:
        service = self._service.get(user, now_s) > now_s
        if self._free_entry and self._free_entry.get(user, now_s) > now_s:
            return Window(service, free_entry=True)
        return IN_SERVICE if service else OUTSIDE

    def free_entry_ends(self, user: User) -> float | None:
        """When the free entry of a user ends or ended, if it is remembered; on the clock of the calls."""
        return self._free_entry.get(user)

    def heard(self, now_s: float, user: User, *, from_ad: bool = False) -> None:
        """A message or call of the user; `from_ad`: by a click-to-WhatsApp ad or page button."""
        _open(self._service, now_s, user, SERVICE_WINDOW_S)
        if from_ad:
            _open(self._ads, now_s, user, FREE_ENTRY_ANSWER_S)

    def answered(self, now_s: float, user: User) -> None:
        """The number's message was accepted; the first one after an ad opens free entry."""
        if self._ads and self._ads.pop(user, now_s) > now_s:
            _open(self._free_entry, now_s, user, FREE_ENTRY_WINDOW_S)


def _open(windows: OrderedDict[User, float], now_s: float, user: User, length_s: float) -> None:
    """All windows of a dictionary have one length, so it stays in order of their ends."""
    windows[user] = now_s + length_s
    windows.move_to_end(user)
    for _ in range(2):
        first = next(iter(windows))
        if windows[first] > now_s:
            return
        del windows[first]

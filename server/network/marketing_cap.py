"""The per-user cap on marketing messages, over all businesses of the emulated network.

The platform says that there is one, that it adapts to the user's reading and to how much marketing the user
gets, that nothing counts for 24 h after the user's reply, that one should wait 24 h after a refusal, and that
hammering can block the user for up to 24 h [M]. It publishes no number. The numbers here are assumed.
"""

from collections import OrderedDict
from itertools import islice
from typing import NamedTuple

from server.network.pair_rate import User
from server.network.rules import DAY_S


class CapParameters(NamedTuple):
    """All assumed: the platform adapts the cap and publishes nothing of it."""

    least: int = 1  # a day, for a user who reads nothing: the cap is never a ban
    most: int = 3  # a day, for a user who reads all; with `read_prior` a new user gets two
    read_prior: float = 0.5  # of a user nobody knows
    read_weight: float = 0.2  # of the newest message in the reading rate: about five messages' memory
    others_per_day: float = 0.0  # marketing from businesses that are not simulated
    wait_s: float = DAY_S  # after a refusal, nothing from that sender: the documented advice, enforced
    hammer_tries: int = 3  # tries within the wait that block the user anew ...
    hammer_block_s: float = DAY_S  # ... for so long ("up to 24 h")
    forget_s: float = 30 * DAY_S  # a reading rate not heard of for so long is the prior again


class MarketingCap:
    """Who got how much marketing in the last day. Time must not run backwards.

    Memory: users with marketing in the last day, refusals in the last two, and the readings of a month.
    """

    __slots__ = ("_held", "_of_unknown", "_reading", "_sent", "parameters")

    def __init__(self, parameters: CapParameters | None = None) -> None:
        self.parameters = parameters or CapParameters()
        self._of_unknown = allowance(self.parameters, self.parameters.read_prior)
        self._sent: OrderedDict[User, list[float]] = OrderedDict()  # by last message
        self._reading: OrderedDict[User, tuple[float, float]] = OrderedDict()  # rate, when; by when
        # Until when a sender's messages to a user are refused, and its tries since; by last try.
        self._held: OrderedDict[tuple[int, User], tuple[float, int]] = OrderedDict()

    def allowance(self, user: User) -> int:
        """Marketing messages that the user may get in a moving day, from all simulated senders."""
        reading = self._reading.get(user)
        return self._of_unknown if reading is None else allowance(self.parameters, reading[0])

    def take(self, now_s: float, sender: int, user: User) -> bool:
        """Books one message outside a service window; False: 131049."""
        if self._held and (sender, user) in self._held and self._holds(now_s, sender, user):
            return False
        times = self._sent.get(user, [])
        while times and times[0] <= now_s - DAY_S:
            del times[0]
        if len(times) >= self.allowance(user):
            self._refuse(now_s, sender, user, now_s + self.parameters.wait_s, 0)
            return False
        times.append(now_s)
        self._sent[user] = times
        self._sent.move_to_end(user)
        self._prune_sent(now_s)
        return True

    def give_back(self, booked_s: float, user: User) -> None:
        """The message booked at this time was not delivered."""
        times = self._sent.get(user, [])
        if booked_s in times:
            times.remove(booked_s)

    def delivered(self, now_s: float, user: User) -> None:
        """One marketing message more, unread until `read` says otherwise."""
        self._note(now_s, user, self._rate(user) * (1.0 - self.parameters.read_weight))

    def read(self, now_s: float, user: User) -> None:
        """A delivered one was read: the rate becomes what it would be had it been read at once."""
        self._note(now_s, user, min(1.0, self._rate(user) + self.parameters.read_weight))

    def _rate(self, user: User) -> float:
        return self._reading[user][0] if user in self._reading else self.parameters.read_prior

    def _note(self, now_s: float, user: User, rate: float) -> None:
        self._reading[user] = rate, now_s
        self._reading.move_to_end(user)
        for first in tuple(islice(self._reading, 2)):
            if self._reading[first][1] > now_s - self.parameters.forget_s:
                return
            del self._reading[first]

    def _holds(self, now_s: float, sender: int, user: User) -> bool:
        """Still in the wait after a refusal; this try counts as hammering."""
        until_s, tries = self._held[sender, user]
        if now_s >= until_s:
            del self._held[sender, user]
            return False
        tries += 1
        if tries == self.parameters.hammer_tries:
            until_s = max(until_s, now_s + self.parameters.hammer_block_s)
        self._refuse(now_s, sender, user, until_s, tries)
        return True

    def _refuse(self, now_s: float, sender: int, user: User, until_s: float, tries: int) -> None:
        self._held[sender, user] = until_s, tries
        self._held.move_to_end((sender, user))
        for first in tuple(islice(self._held, 2)):
            if self._held[first][0] > now_s:
                return
            del self._held[first]

    def _prune_sent(self, now_s: float) -> None:
        for _ in range(2):
            user = next(iter(self._sent))
            times = self._sent[user]
            if times and times[-1] > now_s - DAY_S:
                return
            del self._sent[user]


def allowance(parameters: CapParameters, read_rate: float) -> int:
    """The cap for a reading rate in [0, 1], rounded to whole messages; at least 0."""
    p = parameters
    return max(0, int(p.least + (p.most - p.least) * read_rate - p.others_per_day + 0.5))

"""Pair rate: one number to one user. The platform's text allows two readings, and they differ.

`LiteralPairs` (A, the default): after a burst of n within 6 s, all to that user is refused until n * 6 s from
the burst's start. `BucketPairs` (B): a token bucket of 45 that gains one token in 6 s. After a burst of 20, A
refuses the 21st message for two minutes; B accepts it at once, and 24 more. Field data [3P] fits neither.

Time must not run backwards. Memory: the users of the last 270 s.
"""

from collections import OrderedDict
from typing import Literal

from server.network.rules import PAIR_BURST, PAIR_GAP_S

Reading = Literal["literal", "bucket"]
User = int | str  # any identity that stays the same: an index, a wa_id


class LiteralPairs:
    __slots__ = ("_bursts",)

    def __init__(self) -> None:
        self._bursts: OrderedDict[User, tuple[float, int]] = OrderedDict()  # start, messages; by start

    def __len__(self) -> int:
        return len(self._bursts)

    def take(self, now_s: float, user: User) -> bool:
        """Books one message; False if it is refused, and then nothing changes."""
        bursts = self._bursts
        if user in bursts:
            start_s, count = bursts[user]
            if now_s < start_s + PAIR_GAP_S:
                if count < PAIR_BURST:
                    bursts[user] = start_s, count + 1
                    return True
                return False
            if now_s < start_s + count * PAIR_GAP_S:
                return False
            del bursts[user]
        bursts[user] = now_s, 1
        self._prune(now_s)
        return True

    def _prune(self, now_s: float) -> None:
        """Forgets up to two users a call: more than come in."""
        for _ in range(2):
            user = next(iter(self._bursts))
            start_s, count = self._bursts[user]
            if now_s < start_s + count * PAIR_GAP_S:
                return
            del self._bursts[user]


class BucketPairs:
    __slots__ = ("_full",)

    def __init__(self) -> None:
        self._full: OrderedDict[User, float] = OrderedDict()  # full again when; by last message

    def __len__(self) -> int:
        return len(self._full)

    def take(self, now_s: float, user: User) -> bool:
        """Books one message; False if it is refused, and then nothing changes."""
        full_s = max(self._full.get(user, now_s), now_s)
        if full_s - now_s > (PAIR_BURST - 1) * PAIR_GAP_S:
            return False
        self._full[user] = full_s + PAIR_GAP_S
        self._full.move_to_end(user)
        self._prune(now_s)
        return True

    def _prune(self, now_s: float) -> None:
        for _ in range(2):
            user = next(iter(self._full))
            if self._full[user] > now_s:
                return
            del self._full[user]


def new_pairs(reading: Reading) -> LiteralPairs | BucketPairs:
    """ValueError for a reading that is none."""
    if reading == "literal":
        return LiteralPairs()
    if reading == "bucket":
        return BucketPairs()
    raise ValueError(f"pair rate reading {reading!r}: must be 'literal' or 'bucket'")

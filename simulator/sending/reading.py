"""How much of its marketing each customer reads, as the platform's marketing cap sees it."""

import numpy as np
from numpy.typing import NDArray

from simulator.sending.happenings import Happenings
from simulator.sending.waves import Times, in_turns


class Reading:
    """A moving share by customer: each delivery lowers it, each read lifts it (`MarketingCap`)."""

    def __init__(self, customers: int, prior: float, weight: float) -> None:
        self.rate: Times = np.full(customers, prior)
        self._weight = weight
        self._got_s: Times = np.full(customers, -np.inf)  # latest delivery
        self._several = np.zeros(customers, np.bool_)  # false but while it is used
        self._scratch = np.zeros(customers, np.int32)

    def learn(self, delivered: Happenings, read: Happenings) -> None:
        """What happened since the last time, in any order: it counts in that of its time.

        Most got at most one message and read at most one: those are done side by side, first who read an
        earlier message before the new one came.
        """
        several, sides = self._several, (delivered, read)
        for one in sides:
            several[one.customer[self._comes_again(one.customer)]] = True
        often = [several.take(one.customer) for one in sides]
        for one in sides:
            several[one.customer] = False
        self._learn_in_turns(*(one.rows(np.flatnonzero(of)) for one, of in zip(sides, often, strict=True)))
        arrived, seen = (one.rows(np.flatnonzero(~of)) for one, of in zip(sides, often, strict=True))
        self._got_s[arrived.customer] = arrived.at_s
        early = seen.at_s < self._got_s[seen.customer]
        self._read(seen.customer[early])
        self._got(arrived.customer)
        self._read(seen.customer[~early])

    def _comes_again(self, customer: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Which rows are not their customer's last."""
        place = np.arange(len(customer), dtype=np.int32)
        self._scratch[customer] = place
        again: NDArray[np.bool_] = self._scratch.take(customer) != place
        return again

    def _learn_in_turns(self, delivered: Happenings, read: Happenings) -> None:
        both = Happenings.joined((delivered, read))
        order = np.argsort(both.at_s, kind="stable")
        customer, is_read = both.customer[order], order >= len(delivered.at_s)
        for rows in in_turns(customer, self._scratch):
            who, reads = customer[rows], is_read[rows]
            self._got(who[~reads])
            self._read(who[reads])
        np.maximum.at(self._got_s, delivered.customer, delivered.at_s)

    def _got(self, who: NDArray[np.int32]) -> None:
        """Each once."""
        self.rate[who] *= 1.0 - self._weight

    def _read(self, who: NDArray[np.int32]) -> None:
        """Each once."""
        self.rate[who] = np.minimum(1.0, self.rate[who] + self._weight)

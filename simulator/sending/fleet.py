"""The sending accounts of one replication as columns, and the luck that decides their bans."""

import numpy as np
from numpy.typing import NDArray

from scenarios.schema import Accounts
from simulator.sending.network import DAY_S, MONTH_DAYS
from simulator.statistics.streams import Purpose, stream

Times = NDArray[np.float64]


class Fleet:
    """One row an account; replacements are added at the end."""

    def __init__(
        self, accounts: Accounts, first_send_s: Times, posters: int, seed: int, replication: int
    ) -> None:
        """Accounts that first sent at these times; `posters` more of the same age for groups follow them."""
        age_s = accounts.age_months * MONTH_DAYS * DAY_S
        first_send_s = np.append(first_send_s, np.full(posters, -age_s))
        count = len(first_send_s)
        self._seed, self._replication = seed, replication
        self.opened_s = np.zeros(count)
        self.closed_s = np.full(count, np.inf)
        self.first_send_s = first_send_s.copy()
        self.birth_s = np.where(np.isinf(first_send_s), 0.0, -age_s)
        self.bought = np.zeros(count, np.bool_)
        self.spent = np.zeros(count)  # ban hazard lived through so far
        self.endurance = np.array([self._endurance(account) for account in range(count)])

    @property
    def size(self) -> int:
        return len(self.opened_s)

    @property
    def is_open(self) -> NDArray[np.bool_]:
        is_open: NDArray[np.bool_] = self.closed_s == np.inf
        return is_open

    def add(self, at_s: float) -> int:
        """A bought number, new to the network; returns its index."""
        index = self.size
        self.opened_s = np.append(self.opened_s, at_s)
        self.closed_s = np.append(self.closed_s, np.inf)
        self.first_send_s = np.append(self.first_send_s, np.inf)
        self.birth_s = np.append(self.birth_s, at_s)
        self.bought = np.append(self.bought, True)
        self.spent = np.append(self.spent, 0.0)
        self.endurance = np.append(self.endurance, self._endurance(index))
        return index

    def _endurance(self, account: int) -> float:
        """The cumulative hazard at which an account is banned: standard exponential, its own luck."""
        return float(stream(self._seed, self._replication, Purpose.BAN, account).standard_exponential())

"""Ban risk: the hazard of each account and day, from what the network sees of its sends and its customers."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from scenarios.schema import Network, Pacing
from simulator.sending import network
from simulator.sending.fleet import Fleet
from simulator.sending.network import DAY_S, Schedule
from simulator.sending.waves import Wave
from simulator.world import World

Times = NDArray[np.float64]


class Risk:
    """Arrays (accounts, days). A day's hazard acts evenly over its 24 h."""

    def __init__(self, world: World, fleet: Fleet, days: int) -> None:
        self._world, self._fleet = world, fleet
        self._rules = world.scenario.network
        # Rules and hazards of the claims are of an app's numbers; `platform` has a business's.
        self._chance = self._rules.ban_per_30_days if world.markets is None else 0.0
        self.keeps_rules = world.markets is not None or keeps_rules(
            world.scenario.pacing, self._rules, bool(world.customers.shared.any())
        )
        self.sends = np.zeros((fleet.size, days), np.int64)
        self.hazard = np.zeros((fleet.size, days))
        self._factor = np.ones((fleet.size, days))  # of rules broken on a day

    @property
    def sending(self) -> NDArray[np.bool_]:
        sending: NDArray[np.bool_] = self.sends > 0
        return sending

    def plan(self, account: NDArray[np.int32], due_s: Times) -> None:
        """Accounts are to send at these times, which ascend."""
        accounts, days = self.sends.shape
        edges = np.searchsorted(due_s, DAY_S * np.arange(days + 1))
        for day in np.flatnonzero(np.diff(edges)).tolist():
            self.sends[:, day] += np.bincount(account[edges[day] : edges[day + 1]], minlength=accounts)

    def judge(self, today: int, schedule: Sequence[Wave]) -> None:
        """What today's plan means. `schedule`: all sends of today and the day before, done and planned."""
        if not self.keeps_rules:
            self._factor[:, today] = self._factors(today, schedule)
        birth_s = self._fleet.birth_s
        young = today * DAY_S < birth_s + self._rules.young_days * DAY_S
        base = -np.log1p(-self._chance) / network.MONTH_DAYS
        hazard = base * self._factor[:, today]
        hazard *= np.where(young, self._rules.young_hazard_ratio, 1.0)
        if not self._world.has_link:
            hazard /= self._rules.link_hazard_ratio
        self.hazard[:, today] = np.where(self.sends[:, today] > 0, hazard, 0.0)

    def _factors(self, today: int, schedule: Sequence[Wave]) -> Times:
        people = self._world.customers
        parts = [wave for wave in schedule if len(wave.due_s)]
        if not parts:
            return np.ones(self._fleet.size)
        account = np.concatenate([wave.account for wave in parts])
        due_s = np.concatenate([wave.due_s for wave in parts])
        customer = np.concatenate([wave.customer for wave in parts])
        order = np.lexsort((due_s, account))
        customer = customer[order]
        told = Schedule(account[order], due_s[order], people.content[customer], people.shared[customer])
        return network.rule_factors(self._rules, told, self._fleet.first_send_s, today)

    def close_day(
        self, day: int, delivered: NDArray[np.int64], complaints: NDArray[np.int64], blocks: NDArray[np.int64]
    ) -> Times:
        """What customers did acts when the day closes, once it is counted; returns the day's hazard."""
        angry = network.above(complaints, self._rules.complaint_limit, delivered)
        shut = network.above(blocks, self._rules.block_limit, delivered)
        self.hazard[angry, day] *= self._rules.complaint_hazard_ratio
        self.hazard[shut, day] *= self._rules.block_hazard_ratio
        return self.hazard[:, day]

    def ban(self, account: int, day: int) -> None:
        """From the next day on it sends nothing."""
        self.sends[account, day + 1 :] = 0

    def add_account(self) -> None:
        self.sends = np.pad(self.sends, ((0, 1), (0, 0)))
        self.hazard = np.pad(self.hazard, ((0, 1), (0, 0)))
        self._factor = np.pad(self._factor, ((0, 1), (0, 0)), constant_values=1.0)


def keeps_rules(pacing: Pacing, rules: Network, shares_content: bool) -> bool:
    """No schedule of this pacing can break a rule of the network."""
    return (
        pacing.rate_per_min <= rules.risky_rate_per_min
        and pacing.rate_per_hour <= rules.hourly_limit
        and pacing.rate_per_day <= rules.daily_limit
        and pacing.warm_up_per_day <= rules.warm_up_per_day
        and pacing.warm_up_days >= rules.warm_up_days
        and (not shares_content or pacing.equal_content_gap_s >= rules.equal_content_gap_s)
    )


def over_limit(recent: Sequence[Wave], leaving: Wave, hourly_limit: int) -> NDArray[np.bool_]:
    """Which of the leaving sends are above the hourly limit in the trailing 3600 s of their account."""
    account = np.concatenate([wave.account for wave in (*recent, leaving)])
    due_s = np.concatenate([wave.due_s for wave in (*recent, leaving)])
    order = np.lexsort((due_s, account))
    over = np.empty(len(order), np.bool_)
    over[order] = network.exceeds(account[order], due_s[order], hourly_limit, 3600.0)
    return over[len(over) - len(leaving.due_s) :]

"""What all replications of a scenario share: built once, read by each, never changed."""

from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenarios.loading import Loaded
from scenarios.schema import Accounts, Pacing, Scenario
from server.dispatch.quiet_hours import windows
from simulator.funnel import Anchors, anchors_of
from simulator.histories import Known, fitted, known_of, past_of
from simulator.network import DAY_S, MONTH_DAYS
from simulator.population import Customers, customers_of
from simulator.tally import BIN_S
from simulator.traits import Traits, traits_of


class Campaign(NamedTuple):
    """One content sent to the audience; `number` keys its luck."""

    number: int
    start_s: float


@dataclass(frozen=True, slots=True)
class World:
    """A scenario made ready. Seconds count from experiment.start, which is `epoch_s` in Unix time."""

    scenario: Scenario
    epoch_s: float
    horizon_s: float
    customers: Customers
    anchors: Anchors
    traits: Traits
    known: Known | None  # what past orders say
    campaigns: tuple[Campaign, ...]

    @property
    def rejected(self) -> NDArray[np.bool_]:
        """Contacts of the audience left out before sending."""
        people = self.customers
        malformed = people.malformed & self.scenario.campaign.validate_numbers
        return people.audience & (malformed | ~people.consent | ~people.complete)

    @property
    def recipients(self) -> NDArray[np.int64]:
        return np.flatnonzero(self.customers.audience & ~self.rejected)


def world_of(loaded: Loaded) -> World:
    """Read contacts, render texts, solve intercepts. Raises InputError for a malformed contact file."""
    loaded = fitted(loaded)
    scenario = loaded.scenario
    begin = scenario.experiment.start
    customers, known = customers_of(loaded), known_of(loaded)
    return World(
        scenario=scenario,
        epoch_s=begin.timestamp(),
        horizon_s=scenario.experiment.horizon_days * DAY_S,
        customers=customers,
        anchors=anchors_of(scenario),
        traits=traits_of(scenario, customers.segments, customers.segment, past_of(known, customers.row)),
        known=known,
        campaigns=(Campaign(0, (scenario.campaign.start - begin) / timedelta(seconds=1)),),
    )


def first_sends_s(accounts: Accounts) -> NDArray[np.float64]:
    """When each account first sent, seconds before the start; infinity for the new ones, which come last."""
    first = np.full(accounts.count, -accounts.age_months * MONTH_DAYS * DAY_S)
    first[accounts.count - accounts.new_count :] = np.inf
    return first


def permitted(world: World) -> NDArray[np.bool_]:
    """In which 15-minute bins some zone's sending window is open."""
    pacing = world.scenario.pacing
    begin = world.epoch_s + BIN_S * np.arange(np.ceil(world.horizon_s / BIN_S))
    is_open = np.zeros(len(begin), np.bool_)
    for zone in world.customers.zones:
        opens, closes = windows(
            zone, pacing.quiet_from, pacing.quiet_until, world.epoch_s, world.epoch_s + world.horizon_s
        )
        window = np.searchsorted(opens, begin, side="right") - 1
        is_open |= (window >= 0) & (begin < closes[np.maximum(window, 0)])
    return is_open


def capacity(
    pacing: Pacing,
    is_open: NDArray[np.bool_],
    opened_s: NDArray[np.float64],
    closed_s: NDArray[np.float64],
    warm_until_s: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Most messages that the open accounts' caps let through in each bin, if there is always one to send.

    Each account sends as soon as its minute, hour and day caps allow: caps bind over whole bins, so the
    figure is exact to a bin's length.
    """
    last = float(len(is_open))
    cells = np.minimum(np.ceil(np.stack([opened_s, closed_s, warm_until_s]) / BIN_S), last).astype(int)
    kinds, copies = np.unique(cells, axis=1, return_counts=True)  # alike accounts have equal capacities
    flags: list[bool] = is_open.tolist()
    rooms = [_rooms(pacing, flags, *kind) for kind in kinds.T.tolist()]
    total: NDArray[np.float64] = np.sum(np.array(rooms) * copies[:, None], axis=0)
    return total


def _rooms(pacing: Pacing, is_open: list[bool], opened: int, closed: int, warm_until: int) -> list[float]:
    """`capacity` of one account that works from bin `opened` to before `closed`."""
    hour, day = round(3600 / BIN_S), round(DAY_S / BIN_S)
    per_bin = pacing.rate_per_min * BIN_S / 60
    warming = min(pacing.warm_up_per_day, pacing.rate_per_day)
    sent = [0.0] * (day + len(is_open))  # the first `day` entries: before the start
    last_hour = last_day = 0.0  # the bins before the present one that share a window with it
    for row in range(day + opened, day + min(closed, len(is_open))):
        last_hour += sent[row - 1] - sent[row - hour]
        last_day += sent[row - 1] - sent[row - day]
        if is_open[row - day]:
            daily = warming if row - day < warm_until else pacing.rate_per_day
            sent[row] = max(0.0, min(per_bin, pacing.rate_per_hour - last_hour, daily - last_day))
    return sent[day:]

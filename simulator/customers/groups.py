"""Groups: who is a member of which, and when each gets which post."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenarios.schema import Scenario
from server.dispatch.quiet_hours import zone_of
from simulator.customers.population import Customers
from simulator.sending.network import DAY_S
from simulator.statistics.streams import SHARED, Purpose, stream, uniforms


class Members(NamedTuple):
    """The members of all groups of one time zone."""

    zone: int
    customer: NDArray[np.int32]  # ascending, group after group
    sizes: NDArray[np.int64]  # members of each group

    @property
    def groups(self) -> int:
        return len(self.sizes)

    @property
    def group(self) -> NDArray[np.int64]:
        """Of each member, from 0 within the zone."""
        return np.arange(self.groups).repeat(self.sizes)


class Post(NamedTuple):
    """What all groups of one zone are to get: s from the start, the zone, a number for all zones alike."""

    at_s: float
    members: Members
    number: int
    content: int  # index into groups.kinds
    is_first: bool  # of the day


def members_of(scenario: Scenario, people: Customers) -> tuple[Members, ...]:
    """Groups fill one after the other with consenting customers of one zone, in the order of the list."""
    groups = scenario.groups
    if not groups.post_times:
        return ()
    joins = uniforms(scenario.experiment.seed, SHARED, Purpose.GROUP, people.size) < groups.joined_fraction
    joins &= people.consent & ~people.malformed
    found = []
    for zone in range(len(people.zones)):
        customer = np.flatnonzero(joins & (people.zone == zone)).astype(np.int32)
        if len(customer):
            sizes = np.bincount(np.arange(len(customer)) // groups.size)
            found.append(Members(zone, customer, sizes))
    return tuple(found)


def posts_of(
    scenario: Scenario, people: Customers, members: tuple[Members, ...], epoch_s: float
) -> list[Post]:
    """Every post before the horizon, in order of time."""
    horizon_s = scenario.experiment.horizon_days * DAY_S
    first = datetime.fromtimestamp(epoch_s, UTC).date() - timedelta(days=1)
    content = _calendar(scenario, int(horizon_s // DAY_S) + 3)
    times = sorted(scenario.groups.post_times)
    posts = [
        Post(at_s, each, day * len(times) + turn, int(content[day, turn]), turn == 0)
        for each in members
        for day, turn, at_s in _moments(people.zones[each.zone], times, first, len(content), epoch_s)
        if 0 <= at_s < horizon_s
    ]
    return sorted(posts, key=lambda post: post.at_s)


def _moments(
    zone: str, times: list[str], first: date, days: int, epoch_s: float
) -> Iterator[tuple[int, int, float]]:
    """(day, turn, s from the start) of each local time on each local day from `first` on."""
    where = zone_of(zone)
    for day in range(days):
        for turn, clock in enumerate(times):
            moment = datetime.combine(first + timedelta(days=day), datetime.strptime(clock, "%H:%M").time())
            yield day, turn, moment.replace(tzinfo=where).timestamp() - epoch_s


def _calendar(scenario: Scenario, days: int) -> NDArray[np.int64]:
    """Which kind each post of each day is (days, turns): the strategy's own, alike in all replications."""
    groups = scenario.groups
    bounds = np.cumsum([kind.share for kind in groups.kinds])[:-1]
    draw = stream(scenario.experiment.seed, SHARED, Purpose.CONTENT)
    return np.searchsorted(bounds, draw.random((days, len(groups.post_times))), side="right")


def crowding_odds(scenario: Scenario) -> float:
    """Odds of a read in a group of full size against one that is not crowded."""
    groups = scenario.groups
    return float((groups.crowded_from / max(groups.size, groups.crowded_from)) ** groups.crowding)

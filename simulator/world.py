"""What all replications of a scenario share: built once, read by each, never changed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenarios.content import variables_of
from scenarios.loading import Loaded
from scenarios.schema import Accounts, Pacing, Scenario
from server.dispatch.quiet_hours import windows, zone_of
from simulator.customers.anchors import Anchors, anchors_of, attention
from simulator.customers.funnel import Delays, delay_of
from simulator.customers.groups import Members, Post, members_of, posts_of
from simulator.customers.histories import Known, fitted, known_of, past_of
from simulator.customers.population import Customers, customers_of
from simulator.customers.traits import Traits, engagement_cells, traits_of
from simulator.sending.markets import Markets, markets_of
from simulator.sending.network import BIN_S, DAY_S, MONTH_DAYS

PUSHES = 1_000  # where pushes' numbers begin, as campaigns
ATTENTION_S = 1800.0  # every zone's hours begin on half hours of Unix time
LINK = re.compile(r"https?://|www\.|wa\.me/", re.IGNORECASE)


class Campaign(NamedTuple):
    """One content sent to the audience; `number` keys its luck."""

    number: int
    start_s: float
    retries: int = 0


@dataclass(frozen=True, slots=True)
class World:
    """A scenario made ready. Seconds count from experiment.start, which is `epoch_s` in Unix time."""

    scenario: Scenario
    epoch_s: float
    horizon_s: float
    customers: Customers
    anchors: Anchors
    traits: Traits
    campaigns: tuple[Campaign, ...]  # and pushes
    members: tuple[Members, ...]
    posts: tuple[Post, ...]
    attention: NDArray[np.float32]  # odds of a read, (zones, half hours from the start)
    delays: Delays
    known: Known | None  # what past orders say
    markets: Markets | None  # where customers are, for accounts of a business; None: of an app

    @property
    def rejected(self) -> NDArray[np.bool_]:
        """Contacts of the audience left out before sending."""
        people = self.customers
        malformed = people.malformed & self.scenario.campaign.validate_numbers
        return people.audience & (malformed | ~people.consent | ~people.complete)

    @property
    def recipients(self) -> NDArray[np.int32]:
        return np.flatnonzero(self.customers.audience & ~self.rejected).astype(np.int32)

    @property
    def has_link(self) -> bool:
        return bool(LINK.search(self.scenario.campaign.template))

    @property
    def is_personal(self) -> bool:
        return bool(variables_of(self.scenario.campaign.template))

    @property
    def most_messages(self) -> int:
        """That one customer may get beside posts, at most; a follow-up may follow every other one."""
        sent = sum(1 + campaign.retries for campaign in self.campaigns)
        return sent + (len(self.campaigns) + len(self.posts)) * len(self.scenario.programme.follow_ups)


def world_of(loaded: Loaded) -> World:
    """Read contacts, render texts, solve bases. Raises InputError for a malformed contact file."""
    loaded = fitted(loaded)
    scenario = loaded.scenario
    begin = scenario.experiment.start
    epoch_s, horizon_s = begin.timestamp(), scenario.experiment.horizon_days * DAY_S
    customers = customers_of(loaded)
    members = members_of(scenario, customers)
    known = known_of(loaded)
    past = past_of(known, customers.row)
    traits = traits_of(scenario, customers.segments, customers.segment, past)
    start_s = (scenario.campaign.start - begin) / timedelta(seconds=1)
    return World(
        scenario=scenario,
        epoch_s=epoch_s,
        horizon_s=horizon_s,
        customers=customers,
        anchors=anchors_of(scenario, *engagement_cells(traits)),
        traits=traits,
        campaigns=(Campaign(0, start_s, scenario.campaign.retries), *_pushes(scenario, epoch_s, horizon_s)),
        members=members,
        posts=tuple(posts_of(scenario, customers, members, epoch_s)),
        attention=_attention(scenario, customers.zones, epoch_s, horizon_s),
        delays=delays_of(scenario),
        known=known,
        markets=markets_of(loaded, customers.row) if scenario.accounts.kind == "business" else None,
    )


def _pushes(scenario: Scenario, epoch_s: float, horizon_s: float) -> Iterator[Campaign]:
    """Every push before the horizon, in the order of the days; times are UTC."""
    first = datetime.fromtimestamp(epoch_s, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for day in range(int(horizon_s // DAY_S) + 2):
        date = first + timedelta(days=day)
        for turn, push in enumerate(scenario.programme.pushes):
            clock = datetime.strptime(push.at, "%H:%M")
            at_s = date.replace(hour=clock.hour, minute=clock.minute).timestamp() - epoch_s
            if date.weekday() == push.weekday and 0 <= at_s < horizon_s:
                yield Campaign(PUSHES + day * len(scenario.programme.pushes) + turn, at_s)


def _attention(
    scenario: Scenario, zones: tuple[str, ...], epoch_s: float, horizon_s: float
) -> NDArray[np.float32]:
    """Odds of a read by zone and half hour from the start, from the customers' own clocks."""
    table = attention(scenario.funnel)
    moments = np.arange(epoch_s // ATTENTION_S, (epoch_s + horizon_s) // ATTENTION_S + 1) * ATTENTION_S
    return np.array([table[local_hours(zone, moments)] for zone in zones], np.float32)


def local_hours(zone: str, moments: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Weekday and hour of these Unix times in a zone."""
    where = zone_of(zone)
    local = [datetime.fromtimestamp(moment, where) for moment in moments.tolist()]
    return np.array([one.weekday() for one in local]), np.array([one.hour for one in local])


def delays_of(scenario: Scenario) -> Delays:
    """Every delay of the funnel with its table."""
    network, funnel = scenario.network, scenario.funnel
    return Delays(
        deliver=delay_of(network.delivery_delay_median_s, network.delivery_delay_log_sd),
        read=delay_of(funnel.read_delay_median_s, funnel.read_delay_log_sd),
        act=delay_of(funnel.act_delay_median_s, funnel.delay_log_sd),
        order=delay_of(funnel.order_delay_median_s, funnel.delay_log_sd),
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
        # Before the first window, or without any in a short run, nothing is permitted.
        is_open |= begin < np.append(closes, -np.inf)[window]
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

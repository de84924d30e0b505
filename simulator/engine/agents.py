"""Human agents: inbound conversations wait for agents in shifts, complaints first.

An offered conversation takes a free agent. One who is at the desk reads it after a moment; one who is away
comes back later. Who has not read it within `failover_s` loses it to a colleague (C110), and is offered
nothing before being back; the conversation keeps its place in the queue. A customer whose patience ends
before an agent has read the message leaves. With prompt agents and Poisson arrivals this is M/G/n+G, checked
against Erlang C, Erlang A, Pollaczek-Khinchine and Cobham in tests/verification.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from heapq import heappop, heappush
from math import gamma
from typing import NamedTuple

import numpy as np
import simpy
from numpy.typing import NDArray

from scenarios.errors import InputError
from scenarios.schema.agents import WEEK, Agents, Shift
from server.dispatch.quiet_hours import windows, zone_of
from simulator.statistics.streams import Purpose, stream
from simulator.statistics.sums import dot

HOUR_S = 3600.0

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Process = Generator[simpy.Event, object, None]


class Roster(NamedTuple):
    """How many agents are on shift from each moment on; `at_s` ascends from 0."""

    at_s: Floats
    agents: NDArray[np.int64]


class Inbound(NamedTuple):
    """Conversations in the order of their arrival: arrays of equal length, times in s."""

    arrival_s: Floats  # from the start, ascending
    complaint: Flags  # goes first
    handling_s: Floats
    patience_s: Floats  # from the arrival; inf: stays
    resolvable: Flags  # resolved if dealt with


class Handled(NamedTuple):
    """What became of each conversation (s from the start; inf: not before the horizon) and of the agents."""

    read_s: Floats
    left_s: Floats
    ended_s: Floats
    moves: NDArray[np.int64]  # how often it went to a colleague
    taken_s: Floats  # (times, 2): from when to when an agent was taken, each time
    busy_h: float  # agent-hours of dealing with conversations
    paid_h: float  # agent-hours on shift, and past its end with a conversation


def roster_of(agents: Agents, start: datetime, horizon_s: float) -> Roster:
    """Agents on shift from `start` (with its zone) for `horizon_s`.

    Raises InputError if the zone is unknown, or a shift has an end that is its start.
    """
    epoch_s = start.timestamp()
    spells = [spell for shift in agents.shifts for spell in _spells(agents.zone, shift, epoch_s, horizon_s)]
    edges = np.array([(max(0.0, edge), by) for edge, by in spells if edge < horizon_s]).reshape(-1, 2)
    at_s = np.unique(np.append(edges[:, 0], 0.0))
    change = np.zeros(len(at_s), np.int64)
    np.add.at(change, np.searchsorted(at_s, edges[:, 0]), edges[:, 1].astype(np.int64))
    return Roster(at_s, np.cumsum(change))


def _spells(zone: str, shift: Shift, epoch_s: float, horizon_s: float) -> list[tuple[float, int]]:
    """(s from the start, agents who come or, below 0, go) of one shift."""
    if shift.start == shift.end and set(shift.weekdays) != set(WEEK):
        raise InputError(
            f"agents.shifts: {shift.start} to {shift.end} is round the clock: give it all weekdays"
        )
    try:
        opens, closes = windows(zone, shift.end, shift.start, epoch_s, epoch_s + horizon_s)
        where = zone_of(zone)
    except ValueError as problem:
        raise InputError(f"agents.shifts: {problem}") from None
    return [
        (edge - epoch_s, by)
        for comes, goes in zip(opens.tolist(), closes.tolist(), strict=True)
        if comes == -np.inf or datetime.fromtimestamp(comes, where).weekday() in shift.weekdays
        for edge, by in ((comes, shift.agents), (goes, -shift.agents))
    ]


def inbound_of(agents: Agents, arrival_s: Floats, complaint: Flags, seed: int, replication: int) -> Inbound:
    """Draw what the conversations need; the first n of them are the same however many follow."""
    size = len(arrival_s)

    def drawn(purpose: Purpose) -> np.random.Generator:
        return stream(seed, replication, purpose)

    log_sd = agents.handling_log_sd
    spread = np.exp(log_sd * drawn(Purpose.HANDLING).standard_normal(size) - log_sd**2 / 2)  # mean 1
    weibull = drawn(Purpose.PATIENCE).standard_exponential(size) ** (1 / agents.patience_shape)
    return Inbound(
        arrival_s=arrival_s,
        complaint=complaint,
        handling_s=agents.handling_mean_s * spread,
        patience_s=agents.patience_mean_s * weibull / gamma(1 + 1 / agents.patience_shape),
        resolvable=drawn(Purpose.RESOLUTION).random(size) < agents.resolution,
    )


def reading_of(agents: Agents, size: int, seed: int, replication: int) -> Callable[[int], Floats]:
    """By the number of the offer (from 0): how long each conversation stays unread on its agent's desk, s."""

    @cache
    def reading_s(offer: int) -> Floats:
        draw = stream(seed, replication, Purpose.READING, exposure=offer)
        away = draw.random(size) < agents.away_fraction
        means_s = np.where(away, agents.away_mean_s, agents.read_mean_s)
        return np.asarray(means_s * draw.standard_exponential(size))

    return reading_s


@dataclass(slots=True)
class _Desk:
    """One run: who waits, who works, and what has been noted down."""

    env: simpy.Environment
    inbound: Inbound
    reading_s: Callable[[int], Floats]
    failover_s: float
    horizon_s: float
    arrival_s: list[float]
    leaves_s: list[float]  # when patience ends
    order: list[int]  # conversations as they are taken: complaints first, then by arrival
    rank: list[int]  # their places in that order
    read_s: Floats
    ended_s: Floats
    moves: NDArray[np.int64]
    freed: simpy.Event  # an agent has nobody to take
    spells: list[list[float]] = field(default_factory=list)  # from and to, of each time an agent was taken
    waiting: list[int] = field(default_factory=list)  # a heap of ranks; who has left is still in it
    arrived: int = 0  # so many have come
    free: int = 0  # agents; below 0: so many work past the end of their shifts


def serve(
    failover_s: float, roster: Roster, inbound: Inbound, reading_s: Callable[[int], Floats], horizon_s: float
) -> Handled:
    """Let the conversations through the agents until `horizon_s`.

    Raises ValueError if arrivals do not ascend from 0 to the horizon or a time is negative or undefined.
    """
    _check(inbound, horizon_s)
    env, size = simpy.Environment(), len(inbound.arrival_s)
    leaves_s = inbound.arrival_s + inbound.patience_s
    order = np.lexsort((np.arange(size), ~inbound.complaint))
    desk = _Desk(
        env=env,
        inbound=inbound,
        reading_s=reading_s,
        failover_s=failover_s,
        horizon_s=horizon_s,
        arrival_s=inbound.arrival_s.tolist(),
        leaves_s=leaves_s.tolist(),
        order=order.tolist(),
        rank=np.argsort(order).tolist(),
        read_s=np.full(size, np.inf),
        ended_s=np.full(size, np.inf),
        moves=np.zeros(size, np.int64),
        freed=env.event(),
    )
    env.process(_shifts(desk, roster))
    env.process(_arrivals(desk))
    env.run(until=horizon_s)
    left_s = np.where((leaves_s < horizon_s) & np.isinf(desk.read_s), leaves_s, np.inf)
    spells = np.array(desk.spells).reshape(-1, 2)
    handled = Handled(desk.read_s, left_s, desk.ended_s, desk.moves, spells, 0.0, 0.0)
    busy_h, paid_h = hours(roster, handled, 0.0, horizon_s)
    return handled._replace(busy_h=busy_h, paid_h=paid_h)


def hours(roster: Roster, handled: Handled, from_s: float, until_s: float) -> tuple[float, float]:
    """Agent-hours of dealing with conversations, and paid ones, within a stretch of time."""
    ended_s, read_s = (np.clip(moment_s, from_s, until_s) for moment_s in (handled.ended_s, handled.read_s))
    paid_s = _paid_s(roster, handled.taken_s, from_s, until_s)
    return float((ended_s - read_s).sum()) / HOUR_S, paid_s / HOUR_S


def _shifts(desk: _Desk, roster: Roster) -> Process:
    """Who is busy when the shift ends stays on until the conversation is over."""
    changes = np.diff(roster.agents, prepend=0).tolist()
    for at_s, change in zip(roster.at_s.tolist(), changes, strict=True):
        yield _until(desk.env, at_s)
        desk.free += change
        _take(desk)


def _arrivals(desk: _Desk) -> Process:
    """Only who finds an agent free is an event; the others are let in when one is."""
    while desk.arrived < len(desk.arrival_s):
        if desk.free > 0:
            yield _until(desk.env, desk.arrival_s[desk.arrived])
            _take(desk)
        else:
            desk.freed = desk.env.event()
            yield desk.freed


def _take(desk: _Desk) -> None:
    """Each free agent takes the first of those who wait."""
    while desk.free > 0:
        number = _first(desk)
        if number is None:
            if not desk.freed.triggered:
                desk.freed.succeed()
            return
        desk.free -= 1
        desk.env.process(_conversation(desk, number))


def _first(desk: _Desk) -> int | None:
    """The first conversation, out of the queue; None if nobody waits."""
    now_s = desk.env.now
    while desk.arrived < len(desk.arrival_s) and desk.arrival_s[desk.arrived] <= now_s:
        heappush(desk.waiting, desk.rank[desk.arrived])
        desk.arrived += 1
    while desk.waiting:
        number = desk.order[heappop(desk.waiting)]
        if desk.leaves_s[number] >= now_s:
            return number
    return None


def _conversation(desk: _Desk, number: int) -> Process:
    """Wait to be read by an agent; be dealt with, move to a colleague, or leave."""
    env = desk.env
    spell = [env.now, desk.horizon_s]
    desk.spells.append(spell)
    reads_s, stays_s = float(desk.reading_s(int(desk.moves[number]))[number]), desk.leaves_s[number] - env.now
    unread_s = min(reads_s, stays_s, desk.failover_s)
    if unread_s > 0:
        yield env.timeout(unread_s)
    if unread_s == reads_s:
        desk.read_s[number] = env.now
        yield env.timeout(float(desk.inbound.handling_s[number]))
        desk.ended_s[number] = env.now
    else:
        if unread_s < stays_s:  # else the customer leaves
            desk.moves[number] += 1
            heappush(desk.waiting, desk.rank[number])
            _take(desk)
        # The agent who lost the conversation takes no other before being back.
        yield env.timeout(reads_s - unread_s)
    spell[1] = env.now
    desk.free += 1
    _take(desk)


def _until(env: simpy.Environment, moment_s: float) -> simpy.Timeout:
    """Sums of floats may already be past the moment by their last digit."""
    return env.timeout(max(0.0, moment_s - env.now))


def _paid_s(roster: Roster, spells: Floats, from_s: float, until_s: float) -> float:
    """Agent-seconds on shift; where more agents are taken than are on shift, they work past its end."""
    edges = np.concatenate((roster.at_s, spells.ravel(), [until_s]))
    at_s = np.unique(np.clip(edges, from_s, until_s))
    on_shift = roster.agents[np.searchsorted(roster.at_s, at_s[:-1], side="right") - 1]
    begun = np.searchsorted(np.sort(spells[:, 0]), at_s[:-1], side="right")
    over = np.searchsorted(np.sort(spells[:, 1]), at_s[:-1], side="right")
    return dot(np.maximum(on_shift, begun - over), np.diff(at_s))


def since(
    from_s: float, roster: Roster, inbound: Inbound, handled: Handled, horizon_s: float
) -> tuple[Inbound, Handled]:
    """The conversations that arrive from `from_s` on, and the hours from then to the horizon."""
    rows = slice(int(np.searchsorted(inbound.arrival_s, from_s)), None)
    busy_h, paid_h = hours(roster, handled, from_s, horizon_s)
    late = handled._replace(
        read_s=handled.read_s[rows],
        left_s=handled.left_s[rows],
        ended_s=handled.ended_s[rows],
        moves=handled.moves[rows],
        busy_h=busy_h,
        paid_h=paid_h,
    )
    return Inbound._make(column[rows] for column in inbound), late


def figures(agents: Agents, inbound: Inbound, handled: Handled, horizon_s: float) -> dict[str, float]:
    """What a manager asks. Waits run from arrival to reading, leaving or the horizon; nan: no conversation.

    `wait_s_mean`, `wait_s_p95` (s), `long_wait_rate` (above `long_wait_s`), `abandoned_rate`,
    `resolution_rate` (fractions of all conversations), `agent_utilisation` (fraction of the paid hours),
    and `agent_hours` (h, paid).
    """
    wait_s = waits_s(inbound, handled, horizon_s)
    defined = len(wait_s) > 0
    return {
        "wait_s_mean": float(wait_s.mean()) if defined else np.nan,
        "wait_s_p95": float(np.quantile(wait_s, 0.95, method="inverted_cdf")) if defined else np.nan,
        "long_wait_rate": _share(wait_s > agents.long_wait_s),
        "abandoned_rate": _share(np.isfinite(handled.left_s)),
        "resolution_rate": _share(np.isfinite(handled.ended_s) & inbound.resolvable),
        "agent_utilisation": handled.busy_h / handled.paid_h if handled.paid_h else np.nan,
        "agent_hours": handled.paid_h,
    }


def waits_s(inbound: Inbound, handled: Handled, horizon_s: float) -> Floats:
    """Each conversation's wait from its arrival until it is read, its customer leaves or the run ends."""
    until_s = np.minimum(np.minimum(handled.read_s, handled.left_s), horizon_s)
    return np.asarray(np.maximum(until_s - inbound.arrival_s, 0.0))


def _share(flags: Flags) -> float:
    return float(flags.mean()) if len(flags) else np.nan


def _check(inbound: Inbound, horizon_s: float) -> None:
    if not np.all(np.diff(inbound.arrival_s, prepend=0.0, append=horizon_s) >= 0):
        raise ValueError("inbound.arrival_s: times must ascend from 0 to the horizon; sort and cut them")
    for name, values in (("handling_s", inbound.handling_s), ("patience_s", inbound.patience_s)):
        if not np.all(values >= 0):
            raise ValueError(f"inbound.{name}: a time is negative or nan; give seconds of 0 or more")

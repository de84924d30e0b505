"""The sending side: `server.dispatch.pacing` under the simulator's clock (seconds from the start)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from server.dispatch import pacing
from simulator.world import World

Times = NDArray[np.float64]


class Sends(NamedTuple):
    """Messages on their way out, one row a message."""

    customer: NDArray[np.int64]
    campaign: NDArray[np.int16]
    attempt: NDArray[np.int16]  # 0: first try
    release_s: Times  # not before
    account: NDArray[np.int32]
    due_s: Times
    over_limit: NDArray[np.bool_]  # above the network's hourly limit when it leaves

    def rows(self, wanted: NDArray[np.integer] | NDArray[np.bool_] | slice) -> "Sends":
        return Sends._make(column[wanted] for column in self)


def unplanned(
    customer: NDArray[np.int64], campaign: int, attempt: NDArray[np.integer], release_s: Times
) -> Sends:
    """Messages that no account has been chosen for."""
    size = len(customer)
    return Sends(
        customer,
        np.full(size, campaign, np.int16),
        attempt.astype(np.int16),
        release_s,
        np.full(size, -1, np.int32),
        np.full(size, np.inf),
        np.zeros(size, np.bool_),
    )


def joined(*parts: Sends) -> Sends:
    return Sends._make(np.concatenate(column) for column in zip(*parts, strict=True))


NONE = unplanned(np.empty(0, np.int64), 0, np.empty(0, np.int16), np.empty(0))


class Sender:
    """A pacer over the scenario's rules, and the calls that the simulator makes of it."""

    def __init__(self, world: World, first_send_s: Times, seed: int) -> None:
        self._world, self._seed = world, seed
        self._pacer = self._new_pacer([self._start(i, s, ()) for i, s in enumerate(first_send_s)])

    def plan(self, sends: Sends, consent: NDArray[np.bool_], start_s: float) -> tuple[Sends, int]:
        """Book an account and a time for each; returns those booked and how many were refused.

        `consent` is by customer. At least one account must be open.
        """
        people, epoch_s = self._world.customers, self._world.epoch_s
        messages = pacing.Messages(
            customer=sends.customer,
            zone=people.zone[sends.customer],
            content=people.content[sends.customer],
            consent=consent[sends.customer],
            release_s=sends.release_s + epoch_s,
        )
        proposal = pacing.plan(self._pacer, messages, start_s + epoch_s)
        pacing.commit(self._pacer, messages, proposal, start_s + epoch_s)
        booked = np.flatnonzero(proposal.account >= 0)
        wanted = sends.rows(booked)
        earliest_s = np.maximum(wanted.release_s, start_s)  # rounding to a microsecond may fall before it
        planned = wanted._replace(
            account=proposal.account[booked].astype(np.int32),
            due_s=np.maximum(proposal.due_s[booked] - epoch_s, earliest_s),
        )
        return planned, len(sends.customer) - len(booked)

    def close(self, account: int, at_s: float) -> None:
        pacing.close_account(self._pacer, account, at_s + self._world.epoch_s)

    def open(self, first_send_s: Times, is_open: NDArray[np.bool_], schedule: Sends) -> None:
        """Start again with one more account, the others as they stand.

        `schedule` holds all sends of the last day and all planned ones.
        """
        order = np.lexsort((schedule.due_s, schedule.account))
        edges = np.searchsorted(schedule.account[order], np.arange(len(first_send_s) + 1))
        due_s = schedule.due_s[order] + self._world.epoch_s
        starts = [
            self._start(index, first, due_s[edges[index] : edges[index + 1]].tolist(), bool(is_open[index]))
            for index, first in enumerate(first_send_s)
        ]
        known = self._pacer
        self._pacer = self._new_pacer(starts)
        self._pacer.customers, self._pacer.contents = known.customers, known.contents

    def _start(
        self, index: int, first_send_s: float, recent_s: Sequence[float], is_open: bool = True
    ) -> pacing.AccountStart:
        first = None if np.isinf(first_send_s) else first_send_s + self._world.epoch_s
        return pacing.AccountStart(
            key=index, first_send_s=first, recent_s=recent_s, sent=len(recent_s), open=is_open
        )

    def _new_pacer(self, starts: list[pacing.AccountStart]) -> pacing.Pacer:
        world = self._world
        return pacing.new_pacer(world.scenario.pacing, starts, world.customers.zones, self._seed)

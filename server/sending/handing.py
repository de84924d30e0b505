"""The hand-over to the network, message by message: what it does not confirm is sent again, then looked up.

A message goes under its own id each time, so that sending it again never makes two of it: the network takes
a message that it has for the same message (C132, C133).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic

from sqlalchemy import Connection, exists, select

from server.clock import Clock
from server.dispatch.retries import ARRIVAL_TIMEOUT_S, may_resend
from server.network.emulated import Network, Outbound
from server.sending.holding import IN_CANCELLED_BATCH, IN_PAUSED_BATCH
from server.store.dialects import among
from server.store.hourly import hour_of
from server.store.tables import SENDING, contacts, messages
from server.store.writer import Applied


@dataclass(frozen=True, slots=True)
class StillDue:
    """Which of these claimed messages may go out. Answer: the set of their ids."""

    message_ids: Sequence[int]


def still_due(connection: Connection, requests: Sequence[StillDue]) -> Applied:
    """The step for StillDue: nobody has said STOP meanwhile, or paused or cancelled the batch."""
    ids = sorted({key for request in requests for key in request.message_ids})
    found = set(connection.execute(_STILL_DUE, {"ids": ids}).scalars())
    return Applied([found & set(request.message_ids) for request in requests])


@dataclass(slots=True)
class _Open:
    """Handed over and not confirmed by `until_s` (Unix seconds): then it is sent again, or looked up."""

    message: Outbound
    resends: int
    first_s: float  # handed over for the first time at
    until_s: float


class Handovers:
    """What the network has not confirmed. `exhausted` counts those that every resend has failed (C133).

    A delay is from the first hand-over to the confirmation: seconds of the clock for what was sent again,
    real seconds for what was confirmed at once, whose way no clock makes faster.
    """

    def __init__(self, network: Network, clock: Clock) -> None:
        self.exhausted = 0
        self._network = network
        self._clock = clock
        self._open: dict[int, _Open] = {}
        self._longest_s: dict[int, float] = {}  # delay by the hour of the confirmation

    def delay_s(self) -> float | None:
        """The longest of this hour of the clock and the one before, and of what is still not confirmed; None:
        nothing was handed over.
        """
        now_s = self._clock.now()
        recent = [delay_s for hour, delay_s in self._longest_s.items() if hour >= hour_of(now_s) - 1]
        return max([*recent, *(now_s - one.first_s for one in self._open.values())], default=None)

    def forget(self) -> None:
        """All that is claimed will be looked up at the network."""
        self._open.clear()

    def next_s(self) -> float:
        """When something is to be sent again or looked up; infinity: nothing is open."""
        return min((one.until_s for one in self._open.values()), default=float("inf"))

    async def first(self, messages: Sequence[Outbound]) -> list[Outbound]:
        """Hand these over; those that are confirmed."""
        return await self._hand_over(messages, 0, {})

    def overdue(self) -> list[Outbound]:
        """Those that should have been confirmed by now."""
        now_s = self._clock.now()
        return [one.message for one in self._open.values() if one.until_s <= now_s]

    async def again(
        self, overdue: Sequence[Outbound], allowed: set[int]
    ) -> tuple[list[Outbound], list[Outbound]]:
        """Send those of them that may go out once more: the confirmed ones, and those to look up instead."""
        by_resends: dict[int, list[Outbound]] = {}
        first_s: dict[int, float] = {}
        given_up = []
        for message in overdue:
            one = self._open.pop(message.message_id)
            is_last = not may_resend(one.resends)
            if message.message_id in allowed and not is_last:
                first_s[message.message_id] = one.first_s
                by_resends.setdefault(one.resends + 1, []).append(message)
            else:
                given_up.append(message)
                self.exhausted += is_last
        confirmed = [
            message
            for resends, messages in by_resends.items()
            for message in await self._hand_over(messages, resends, first_s)
        ]
        return confirmed, given_up

    async def _hand_over(
        self, messages: Sequence[Outbound], resends: int, first_s: Mapping[int, float]
    ) -> list[Outbound]:
        """Those that are confirmed. `first_s`: when each was first handed over; those missing are new."""
        began_s, real_s = self._clock.now(), monotonic()
        confirmed = await self._network.accept(messages, resends)
        now_s, longest_s = self._clock.now(), monotonic() - real_s
        if first_s:
            waited = [now_s - first_s[key] for key in confirmed if key in first_s]
            longest_s = max([longest_s, *waited])
        self._note(now_s, longest_s)
        if len(confirmed) == len(messages):
            return list(messages)
        until_s = now_s + ARRIVAL_TIMEOUT_S
        for message in messages:
            key = message.message_id
            if key not in confirmed:
                self._open[key] = _Open(message, resends, first_s.get(key, began_s), until_s)
        return [message for message in messages if message.message_id in confirmed]

    def _note(self, now_s: float, delay_s: float) -> None:
        hour = hour_of(now_s)
        if hour not in self._longest_s:
            self._longest_s = {at: value for at, value in self._longest_s.items() if at >= hour - 1}
        self._longest_s[hour] = max(self._longest_s.get(hour, 0.0), delay_s)


_STOPPED = exists().where(contacts.c.id == messages.c.contact_id, contacts.c.opted_out_s.is_not(None))
_STILL_DUE = select(messages.c.id).where(
    among(messages.c.id, "ids"),
    messages.c.status == SENDING,
    ~_STOPPED,
    ~IN_PAUSED_BATCH,
    ~IN_CANCELLED_BATCH,
)

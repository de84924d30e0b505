"""The loop that sends what is due: claim (committed), hand to the network, record.

After a start, and after any failure of a database, nothing is assumed: whatever was claimed is looked up at
the network, and all that is not sent is planned anew, so that a pause never ends in a burst.

A message is sent at its planned instant: that is what the network is told and what is recorded. The hand-over
itself happens when this loop gets to it, `lag_s` real seconds later; one later than LATE_S gets a new plan.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence
from functools import partial

from sqlalchemy import Connection, select

from server.clock import Clock
from server.network.emulated import Network, Outbound
from server.sending.delivering import Claim, Claimed, Recall, Sent, Settle
from server.sending.handing import Handovers, StillDue
from server.sending.leases import BEAT_S, Held, Leases, Renew
from server.sending.planning import Planner, fleet_from
from server.sending.scheduling import PlanWith, Release, Unplan
from server.store.database import Database, StoreUnavailable
from server.store.tables import SENDING, SENT, contacts, messages
from server.store.writer import Writer

logger = logging.getLogger(__name__)

CLAIM = 2_000  # messages in one round: bounds how long a reply waits behind it
# Messages planned in one round: 20 ms where they meet no other by content or customer, 250 ms where all do.
PART = 2_000
FEW = 100  # messages in a round after one that did not take all it might: so few need no thread
ROUND_S = 0.05  # real seconds between rounds with little to do: each costs four transactions
LATE_S = 2.0  # real seconds after which a planned instant is missed
POLL_S = 0.1  # real seconds between looks at what other workers accepted or planned
PAUSE_S = 1.0  # real seconds before asking a failing database again
REPLAN_REST = 4  # how many times as long as it took to plan anew it must be before missed instants are again


class Dispatcher:
    """`leases`: what is ours to do, where several workers share the work; None: everything is."""

    def __init__(
        self,
        writer: Writer,
        network: Network,
        planner: Planner,
        clock: Clock,
        readers: Database,
        leases: Leases | None = None,
    ) -> None:
        self.lag_s = 0.0  # real seconds, of the last message sent
        self._writer = writer
        self._network = network
        self.handovers = Handovers(network, clock)
        self._planner = planner
        self._clock = clock
        self._readers = readers
        self._leases = leases
        self._accounts: frozenset[int] = frozenset()  # that are ours by lease
        self._renew_at = 0.0
        self._news = asyncio.Event()
        self._stale = False  # the plan holds times for messages that will not go
        self._anew_at = 0.0  # when planning anew last began
        self._replan_at = 0.0  # missed instants do not count before: with too much due, there always are some
        self._is_behind = False  # more is to be planned than a part
        self._recovered = asyncio.Event()
        self._most = FEW  # messages of the next round
        self._accepted: Sequence[Outbound] = ()  # by the network, and not recorded yet

    async def recovered(self, at_most_s: float) -> None:
        """Until what a stop left open is settled and there is a pacer, but no longer than so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(at_most_s):
                await self._recovered.wait()

    def wake(self) -> None:
        """There may be something to do earlier than thought."""
        self._news.set()

    def plan_anew(self) -> None:
        """Accounts are booked for messages that will not go: their times are for others."""
        self._stale = True
        self.wake()

    def lose_track(self) -> None:
        """A group may have been committed that is not booked: plan nothing more before planning anew."""
        self._planner.forget()
        self.plan_anew()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self._recover()
                self._recovered.set()
                while True:
                    await self._round()
            except StoreUnavailable as error:
                logger.error("dispatch stands still, trying again: %s", error)
                await asyncio.sleep(PAUSE_S)

    async def _recover(self) -> None:
        """Settle what a stop left open by asking the network; then plan anew what is not sent."""
        self.handovers.forget()
        plans, self._accepted = True, ()
        if self._leases is None:
            await self._settle_open(None)
        else:
            self._accounts = frozenset()
            plans = await self._renew()
        if plans:
            await self._plan_anew()

    async def _settle_open(self, accounts: frozenset[int] | None) -> None:
        """Ask the network about all that is under way on these accounts, or on all."""
        claimed, under_way = await self._readers.run(partial(_unsettled, accounts=accounts))
        await self._network.restore(self._clock.now())
        known = await self._network.known({(one.message_id, one.attempt) for one in (*claimed, *under_way)})
        sent = [
            one._replace(sent_s=known[one.message_id, one.attempt])
            for one in claimed
            if (one.message_id, one.attempt) in known
        ]
        unknown = [one.message_id for one in claimed if (one.message_id, one.attempt) not in known]
        if claimed:
            logger.warning(
                "claimed before a stop: %d messages; the network has %d of them, the others are planned anew",
                len(claimed),
                len(sent),
            )
        await asyncio.gather(self._writer.submit(Sent(sent)), self._writer.submit(Recall(unknown)))

    async def _renew(self) -> bool:
        """Hold on to what is ours; find out about what came to us. Whether we plan."""
        self._renew_at = time.monotonic() + BEAT_S
        held: Held = await self._writer.submit(Renew())
        came = held.accounts if held.anew else held.accounts - self._accounts
        if came:
            await self._settle_open(came)
        self._accounts = held.accounts
        self._stale = self._stale or held.plan_is_stale
        return held.plans

    async def _round(self) -> None:
        self._news.clear()
        if self._leases is not None and time.monotonic() >= self._renew_at:
            await self._renew()
        self._demand_fresh_lease()
        most = self._most
        statuses = self._network.statuses(self._clock.now(), CLAIM)
        claimed: Claimed
        _, claimed, _ = await asyncio.gather(
            self._record(),  # first: a status says nothing of a message that is not recorded as sent
            self._writer.submit(Claim(most, LATE_S * self._clock.speed), weight=most),
            self._writer.submit(Settle(statuses), weight=1 + len(statuses)),
        )
        if claimed.messages:
            self._demand_fresh_lease()
            # No await between the claim's commit and this call: no STOP can be answered in between.
            confirmed = await self.handovers.first(claimed.messages)
            self.lag_s = (self._clock.now() - claimed.messages[-1].sent_s) / self._clock.speed
            self._accepted = confirmed
        if overdue := self.handovers.overdue():
            await self._send_again(overdue)
        has_more = len(claimed.messages) == most or len(statuses) == CLAIM
        self._most = CLAIM if has_more else FEW
        if not has_more:  # else together with the next claim, which spares a transaction
            await self._record()
        await self._plan(claimed)
        if not has_more and not self._is_behind:
            await self._rest(claimed)

    async def _record(self) -> None:
        """Write down what the network accepted."""
        accepted, self._accepted = self._accepted, ()
        if accepted:
            await self._writer.submit(Sent(accepted), weight=1 + len(accepted))

    async def _plan(self, claimed: Claimed) -> None:
        """A part of what is to be planned now, if anything is."""
        is_open = bool(self._planner.fleet.open)
        is_late = claimed.missed and not self._is_behind and time.monotonic() >= self._replan_at
        anew = self._stale or (is_open and is_late)
        if anew:
            self._stale = False
            self._anew_at = time.monotonic()
            await self._plan_anew()
        elif not is_open or claimed.next_release_s > self._clock.now():
            self._is_behind = False
            return
        belongs_to_it = anew or self._is_behind
        self._is_behind = await self._writer.submit(Release(PART), weight=PART) == PART
        if belongs_to_it:
            now = time.monotonic()
            self._replan_at = now + REPLAN_REST * (now - self._anew_at)

    async def _plan_anew(self) -> None:
        """Forget the plan and rebuild the pacer from what was sent; what is unplanned is planned by parts.

        Meanwhile requests are accepted without a plan: nothing is booked that the new pacer does not know of.
        """
        while (unplanned := await self._writer.submit(Unplan(PART), weight=PART)) == PART:
            pass
        if unplanned is not None:
            rules, seed, now_s = self._planner.rules, self._planner.seed, self._clock.now()
            fleet = await self._readers.run(partial(fleet_from, rules=rules, seed=seed, now_s=now_s))
            await self._writer.submit(PlanWith(fleet))

    async def _send_again(self, overdue: Sequence[Outbound]) -> None:
        """What the network has not confirmed in time, if it may still go; else ask the network about it."""
        allowed: set[int] = await self._writer.submit(StillDue([one.message_id for one in overdue]))
        self._demand_fresh_lease()
        # Again no await in between.
        confirmed, given_up = await self.handovers.again(overdue, allowed)
        known = await self._network.known({(one.message_id, one.attempt) for one in given_up})
        found = [one for one in given_up if (one.message_id, one.attempt) in known]
        lost = [one.message_id for one in given_up if (one.message_id, one.attempt) not in known]
        await asyncio.gather(
            self._writer.submit(Sent([*confirmed, *found])), self._writer.submit(Recall(lost))
        )

    def _demand_fresh_lease(self) -> None:
        """Somebody else may have taken over what is ours: what is claimed is looked up, not handed over."""
        if self._leases is not None and not self._leases.is_fresh:
            raise StoreUnavailable("the lease of this worker is not renewed")

    async def _rest(self, claimed: Claimed) -> None:
        """Until something is due or news comes, but no shorter than a round."""
        release_s = claimed.next_release_s if self._planner.fleet.open else float("inf")
        next_s = min(claimed.next_due_s, release_s, self._network.next_status_s(), self.handovers.next_s())
        rest_s = self._clock.real_until(next_s) if next_s < float("inf") else None
        if self._leases is not None:
            rest_s = POLL_S if rest_s is None else min(POLL_S, rest_s)
        await asyncio.sleep(ROUND_S)
        try:
            async with asyncio.timeout(rest_s):
                await self._news.wait()
        except TimeoutError:
            return


def _unsettled(
    connection: Connection, accounts: frozenset[int] | None
) -> tuple[list[Outbound], list[Outbound]]:
    """What is claimed, and what is sent without a status yet, on these accounts or on all."""
    return _in_state(connection, SENDING, accounts), _in_state(connection, SENT, accounts)


def _in_state(connection: Connection, state: str, accounts: frozenset[int] | None) -> list[Outbound]:
    query = (
        select(messages.c.id, messages.c.attempt, messages.c.account_id, contacts.c.phone, messages.c.due_s)
        .join_from(messages, contacts)
        .where(messages.c.status == state)
    )
    if accounts is not None:
        query = query.where(messages.c.account_id.in_(accounts))
    return [Outbound(*row) for row in connection.execute(query)]

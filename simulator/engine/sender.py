"""The sending side: the pacing of `server.dispatch` under the simulator's clock (seconds from the start)."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from server.dispatch import booking, pacing
from server.dispatch.booking import Booked, Ready
from simulator.world import World

Times = NDArray[np.float64]
Customers = NDArray[np.int32]


class Planned(NamedTuple):
    """Messages in order of time, columns of equal length."""

    rows: NDArray[np.intp]  # their places among those wanted
    customer: Customers
    account: NDArray[np.int32]
    due_s: Times


class Accounts(Protocol):
    """The accounts of one strategy, as far as they are booked; times are Unix seconds."""

    def book(self, zone: NDArray[np.int32], start_s: float) -> Booked: ...

    def close(self, account: int) -> None: ...

    def add(self, start: pacing.AccountStart, account: int) -> None: ...


class Booker(Protocol):
    """`server.dispatch.booking`, or the same compiled."""

    @property
    def Booking(self) -> Callable[..., Accounts]: ...  # a class

    @property
    def ready(self) -> Callable[[Times, Times, Customers, float, float], Ready]: ...

    @property
    def record(self) -> Callable[[Times, Customers, Times], None]: ...


class Sender(Protocol):
    """Accounts that get messages. Times in s from the start; at least one account must be open to plan."""

    def ready(self, customer: Customers, leaves_s: Times, now_s: float) -> Ready:
        """Who has not left by then, and is free by the frequency cap or held until a time.

        None is held if it never binds, or `plan` itself holds messages back.
        """

    def plan(self, customer: Customers, now_s: float) -> Planned:
        """Book an account and a time from `now_s` on for each message, in the order in which they are wanted.

        The customers are those of `ready`.
        """

    def move(self, customer: Customers, due_s: Times) -> None:
        """What was planned for these moments will not be sent then."""

    def close(self, account: int, at_s: float) -> None:
        """The account gets nothing more."""

    def open(self, account: int, at_s: float) -> None:
        """A new account, with the next index."""


def sender_of(world: World, first_send_s: Times, seed: int, most: int, booker: Booker = booking) -> Sender:
    """Over these accounts; `most`: messages that one customer may get in the whole run, at most."""
    if world.customers.shared.any() and world.scenario.pacing.equal_content_gap_s > 0:
        return OneByOne(world, first_send_s, seed)
    return InColumns(world, first_send_s, seed, most, booker)


def starts_of(world: World, first_send_s: Times) -> list[pacing.AccountStart]:
    return [
        pacing.AccountStart(key=index, first_send_s=None if np.isinf(at_s) else at_s + world.epoch_s)
        for index, at_s in enumerate(first_send_s)
    ]


def _all_ready(customer: Customers, leaves_s: Times, now_s: float) -> Ready:
    """Who has not left."""
    return Ready(np.flatnonzero(leaves_s[customer] > now_s), np.empty(0, np.intp), np.empty(0))


class InColumns:
    """Where equal texts need no distance, or are none: accounts and customers' latest sends as columns."""

    def __init__(self, world: World, first_send_s: Times, seed: int, most: int, booker: Booker) -> None:
        rules = world.scenario.pacing
        self._world, self._rules, self._booker = world, rules, booker
        self._booking = booker.Booking(rules, starts_of(world, first_send_s), world.customers.zones, seed)
        self._sends_s: Times | None = None  # (customers, customer_cap), if the cap can bind
        if most > rules.customer_cap:
            self._sends_s = np.full((world.customers.size, rules.customer_cap), -np.inf)

    def ready(self, customer: Customers, leaves_s: Times, now_s: float) -> Ready:
        if self._sends_s is None:
            return _all_ready(customer, leaves_s, now_s)
        window_s = self._rules.customer_cap_window_s
        return self._booker.ready(self._sends_s, leaves_s, customer, now_s, window_s)

    def plan(self, customer: Customers, now_s: float) -> Planned:
        epoch_s = self._world.epoch_s
        booked = self._booking.book(self._world.customers.zone.take(customer), now_s + epoch_s)
        due_s = booked.due_s
        due_s -= epoch_s
        np.maximum(due_s, now_s, out=due_s)  # rounding may put it before
        customer = customer.take(booked.rows)
        if self._sends_s is not None:
            self._booker.record(self._sends_s, customer, due_s)
        return Planned(booked.rows, customer, booked.account, due_s)

    def move(self, customer: Customers, due_s: Times) -> None:
        if self._sends_s is not None:
            row, which = np.nonzero(self._sends_s.take(customer, axis=0) == due_s[:, np.newaxis])
            self._sends_s[customer[row], which] = -np.inf

    def close(self, account: int, at_s: float) -> None:
        self._booking.close(account)

    def open(self, account: int, at_s: float) -> None:
        self._booking.add(pacing.AccountStart(key=account), account)


class OneByOne:
    """Where texts are shared, so that equal content must keep its distance: the server's own pacer."""

    def __init__(self, world: World, first_send_s: Times, seed: int) -> None:
        starts = starts_of(world, first_send_s)
        self._world = world
        self._pacer = pacing.new_pacer(world.scenario.pacing, starts, world.customers.zones, seed)

    def ready(self, customer: Customers, leaves_s: Times, now_s: float) -> Ready:
        return _all_ready(customer, leaves_s, now_s)

    def plan(self, customer: Customers, now_s: float) -> Planned:
        people, epoch_s = self._world.customers, self._world.epoch_s
        messages = pacing.Messages(
            customer=customer.astype(np.int64),
            zone=people.zone.take(customer),
            content=people.content.take(customer),
            consent=np.ones(len(customer), np.bool_),
            release_s=np.zeros(len(customer)),
        )
        plan = pacing.plan(self._pacer, messages, now_s + epoch_s)
        pacing.commit(self._pacer, messages, plan, now_s + epoch_s)
        rows = np.argsort(plan.due_s, kind="stable")
        due_s = np.maximum(plan.due_s.take(rows) - epoch_s, now_s)
        return Planned(rows, customer.take(rows), plan.account.take(rows), due_s)

    def move(self, customer: Customers, due_s: Times) -> None:
        """`close` forgets what a closed account had planned."""

    def close(self, account: int, at_s: float) -> None:
        pacing.close_account(self._pacer, account, at_s + self._world.epoch_s)

    def open(self, account: int, at_s: float) -> None:
        pacing.open_account(self._pacer, pacing.AccountStart(key=account))

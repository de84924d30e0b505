"""What happened to one customer, or what one account sent, event by event: for people who doubt a result."""

from collections.abc import Iterator
from datetime import UTC, datetime
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from scenarios.errors import InputError
from scenarios.loading import Loaded
from scenarios.trace import Entry
from server.network.errors import CODES
from simulator.customers.funnel import Funnel
from simulator.engine.exposures import FOLLOW_UPS, POSTS, Exposure, exposures_of
from simulator.engine.replication import Replication
from simulator.sending.standing import Codes
from simulator.sending.waves import Wave
from simulator.world import PUSHES, World, world_of

KINDS = ("customer", "account")
MOST_DIGITS = 12  # of a number; more digits are as much too many
Happening = tuple[float, int | None, int | None, str]  # s from the start, customer, account, in words
EVENTS = {
    "delivered": "delivered",
    "read": "read",
    "clicked": "clicked the link",
    "replied": "replied",
    "ordered": "ordered",
    "opted_out": "opted out",
    "blocked": "blocked the account",
    "complained": "complained to the network",
}


def trace(loaded: Loaded, subject: str, number: int = 1) -> list[Entry]:
    """The events of `customer:N` or `account:N` (from 0) in replication `number`, in order of time.

    Replacements of banned accounts have the numbers after all others. Raises InputError for another subject,
    or one that the scenario, or its run, does not have.
    """
    world = world_of(loaded)
    kind, index = _subject(subject)
    if kind == "customer" and index >= world.customers.size:
        raise InputError(
            f"--trace: found {subject!r}; the scenario's last is customer:{world.customers.size - 1}"
        )
    found: list[Happening] = []
    orders: list[Happening] = []

    exposures = exposures_of(world)

    def watch(wave: Wave, _over: NDArray[np.bool_], happened: Funnel) -> None:
        rows = np.flatnonzero((wave.customer if kind == "customer" else wave.account) == index)
        if not len(rows):
            return
        for row in rows.tolist():
            what = _content(exposures.each[wave.exposure[row]], world)
            who, by = int(wave.customer[row]), int(wave.account[row])
            found.append((float(wave.due_s[row]), who, by, f"{what} sent"))
            arrived = bool(np.isin(row, happened.delivered.rows))
            if not arrived:
                found.append((float(wave.due_s[row]), who, by, f"{what} failed"))
            for name, words in EVENTS.items():
                event = getattr(happened, name)
                at_s = event.at_s[event.rows == row]
                into = orders if name == "ordered" else found
                into.extend((float(at), who, by, f"{what}: {words}") for at in at_s)

    def refused(wave: Wave, codes: Codes) -> None:
        rows = np.flatnonzero((wave.customer if kind == "customer" else wave.account) == index)
        for row in rows.tolist():
            what, why = _content(exposures.each[wave.exposure[row]], world), CODES[int(codes[row])].title
            who, by = int(wave.customer[row]), int(wave.account[row])
            found.append((float(wave.due_s[row]), who, by, f"{what} refused: {why}"))

    run = Replication(world, number, watch)
    if run.gate is not None:
        run.gate = run.gate._replace(tell=refused)
    run.run()
    if kind == "account" and index >= run.fleet.size:
        raise InputError(f"--trace: found {subject!r}; the run's last is account:{run.fleet.size - 1}")
    found += _valued(orders, run)
    found += _of_conversations(run, kind, index)
    found += _of_account(run, index) if kind == "account" else _of_customer(run, index)
    return [
        Entry(_time(world, at_s), who, by, words)
        for at_s, who, by, words in sorted(found, key=itemgetter(0))
        if at_s < world.horizon_s
    ]


def _subject(subject: str) -> tuple[str, int]:
    kind, _, index = subject.partition(":")
    if kind not in KINDS or not (index.isascii() and index.isdigit()):
        raise InputError(f"--trace: found {subject!r}; must be customer:N or account:N, N from 0")
    return kind, int(index[:MOST_DIGITS])


def _content(exposure: Exposure, world: World) -> str:
    programme, kinds = world.scenario.programme, world.scenario.groups.kinds
    if exposure.kind == "post":
        return f"post {exposure.campaign - POSTS} ({kinds[exposure.content].name})"
    if exposure.kind == "follow_up":
        return f"follow-up ({programme.follow_ups[exposure.campaign - FOLLOW_UPS].when})"
    push = (
        programme.pushes[(exposure.campaign - PUSHES) % len(programme.pushes)] if exposure.is_push else None
    )
    name = "campaign" if push is None else f"push {push.name}"
    return f"{name}, try {exposure.attempt + 1}" if exposure.attempt else name


def _valued(orders: list[Happening], run: Replication) -> list[Happening]:
    """With what each order is worth."""
    usd = {
        (customer, at_s): cents / 100
        for customer, at_s, cents in zip(*(column.tolist() for column in run.bought), strict=True)
    }
    return [
        (at_s, who, by, f"{words} for {usd[who, at_s]:,.2f} USD")
        for at_s, who, by, words in orders
        if (who, at_s) in usd  # at or after the horizon none is
    ]


def _of_customer(run: Replication, customer: int) -> Iterator[Happening]:
    """Purchases that no message brought, and the end of membership in a group."""
    organic = run.organic
    for row in np.flatnonzero(organic.customer == customer).tolist():
        words = f"bought of their own accord for {organic.cents[row] / 100:,.2f} USD"
        yield float(organic.at_s[row]), customer, None, words
    if len(run.crowd.left_group_s):
        yield float(run.crowd.left_group_s[customer]), customer, None, "left the group"


def _of_account(run: Replication, account: int) -> Iterator[Happening]:
    if run.fleet.bought[account]:
        yield float(run.fleet.opened_s[account]), None, account, "opened, in place of a banned account"
    yield float(run.fleet.closed_s[account]), None, account, "banned by the network"


def _of_conversations(run: Replication, kind: str, index: int) -> Iterator[Happening]:
    """What the rules answer and what agents do; nothing where a scenario has no agents."""
    served = run.inbox.served()
    if served is None:
        return
    begun, handled = served.conversations, served.handled
    whose = begun.customer if kind == "customer" else begun.account
    for row in np.flatnonzero(whose == index).tolist():
        words = f"conversation begins; answers by rule: {begun.answers[row]}"
        yield float(begun.at_s[row]), int(begun.customer[row]), int(begun.account[row]), words
    for place in np.flatnonzero(whose[served.rows] == index).tolist():
        row = served.rows[place]
        who, by = int(begun.customer[row]), int(begun.account[row])
        yield float(served.inbound.arrival_s[place]), who, by, "conversation waits for an agent"
        for at_s, words in (
            (handled.read_s, "an agent reads the conversation"),
            (handled.left_s, "the customer leaves before an agent has read it"),
            (handled.ended_s, "the agent is done with the conversation"),
        ):
            yield float(at_s[place]), who, by, words


def _time(world: World, at_s: float) -> str:
    return datetime.fromtimestamp(world.epoch_s + at_s, UTC).strftime("%Y-%m-%d %H:%M:%S")

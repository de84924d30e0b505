"""What happened to one customer, or what one account sent, event by event: for people who doubt a result."""

from datetime import UTC, datetime
from operator import itemgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenarios.errors import InputError
from scenarios.loading import Loaded
from server.network.errors import CODES
from simulator.exposures import POSTS, Exposure, exposures_of
from simulator.funnel import Funnel
from simulator.replication import Replication
from simulator.standing import Codes
from simulator.waves import Wave
from simulator.world import World, world_of

KINDS = ("customer", "account")
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


class Entry(NamedTuple):
    """One event; `time` is UTC."""

    time: str
    customer: int
    account: int | None
    event: str


def trace(loaded: Loaded, subject: str, number: int = 1) -> list[Entry]:
    """The events of `customer:N` or `account:N` (from 0) in replication `number`, in order of time.

    Raises InputError for another subject, or one that the scenario does not have.
    """
    world = world_of(loaded)
    kind, index = _subject(subject, world)
    found: list[tuple[float, int, int, str]] = []

    exposures = exposures_of(world)

    def watch(wave: Wave, _over: NDArray[np.bool_], happened: Funnel) -> None:
        rows = np.flatnonzero((wave.customer if kind == "customer" else wave.account) == index)
        if not len(rows):
            return
        for row in rows.tolist():
            what = _content(exposures.each[wave.exposure[row]])
            who, by = int(wave.customer[row]), int(wave.account[row])
            found.append((float(wave.due_s[row]), who, by, f"{what} sent"))
            arrived = bool(np.isin(row, happened.delivered.rows))
            if not arrived:
                found.append((float(wave.due_s[row]), who, by, f"{what} failed"))
            for name, words in EVENTS.items():
                event = getattr(happened, name)
                at_s = event.at_s[event.rows == row]
                found.extend((float(at), who, by, f"{what}: {words}") for at in at_s)

    def refused(wave: Wave, codes: Codes) -> None:
        rows = np.flatnonzero((wave.customer if kind == "customer" else wave.account) == index)
        for row in rows.tolist():
            why = f"{_content(exposures.each[wave.exposure[row]])} refused: {CODES[int(codes[row])].title}"
            found.append((float(wave.due_s[row]), int(wave.customer[row]), int(wave.account[row]), why))

    run = Replication(world, number, watch)
    if run.gate is not None:
        run.gate = run.gate._replace(tell=refused)
    run.run()
    entries = [
        Entry(_time(world, at_s), who, by, words)
        for at_s, who, by, words in sorted(found, key=itemgetter(0))
        if at_s < world.horizon_s
    ]
    own = _own(world, run, index) if kind == "customer" else []
    return sorted([*entries, *own], key=itemgetter(0))


def _subject(subject: str, world: World) -> tuple[str, int]:
    kind, _, index = subject.partition(":")
    accounts = world.scenario.accounts.count + (world.scenario.groups.accounts if world.posts else 0)
    sizes = {"customer": world.customers.size, "account": accounts}
    if kind not in KINDS or not index.isdigit():
        raise InputError(f"--trace: found {subject!r}; must be customer:N or account:N, N from 0")
    if int(index) >= sizes[kind]:
        raise InputError(f"--trace: found {subject!r}; the scenario's last is {kind}:{sizes[kind] - 1}")
    return kind, int(index)


def _content(exposure: Exposure) -> str:
    if exposure.kind == "post":
        return f"post {exposure.campaign - POSTS}"
    if exposure.kind == "follow_up":
        return "follow-up"
    name = f"push {exposure.campaign}" if exposure.is_push else f"campaign {exposure.campaign}"
    return f"{name}, try {exposure.attempt + 1}" if exposure.attempt else name


def _own(world: World, run: Replication, customer: int) -> list[Entry]:
    """Purchases that no message brought."""
    rows = np.flatnonzero(run.organic.customer == customer)
    return [
        Entry(_time(world, float(run.organic.at_s[row])), customer, None, "bought of their own accord")
        for row in rows.tolist()
    ]


def _time(world: World, at_s: float) -> str:
    return datetime.fromtimestamp(world.epoch_s + at_s, UTC).strftime("%Y-%m-%d %H:%M:%S")

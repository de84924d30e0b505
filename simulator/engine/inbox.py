"""What customers write back, the automatic replies of `server.dispatch.replies`, and the agents behind them.

A reply to a message begins a conversation along one of the scenario's scripts. Each of its turns is decided
by the server's own rulebook; from the first turn on that the rules leave to a person, it waits for an agent.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenarios.schema import Script, Turn
from scenarios.schema.agents import Agents
from server.dispatch.replies import Rulebook, decide, new_rules
from simulator.customers.funnel import Event
from simulator.engine.agents import (
    Handled,
    Inbound,
    Roster,
    figures,
    inbound_of,
    reading_of,
    roster_of,
    serve,
)
from simulator.engine.luck import Messages, keyed_words, unit
from simulator.sending.waves import Wave
from simulator.statistics.streams import Purpose
from simulator.world import World

HOUR_S = 3600.0
SECOND_BITS = 32  # of a moment in whole seconds, below a customer
NEVER = 127  # turn at which a conversation that the rules handle alone reaches a person

Times = NDArray[np.float64]
Floats = NDArray[np.float32]


class Paths(NamedTuple):
    """How conversations along one script go, by recent automatic answers and the two picks of wordings.

    turn (recent answers, picks): the first turn left to a person, or NEVER; answers: automatic ones before.
    """

    turn: NDArray[np.int8]
    answers: NDArray[np.int8]


class Conversations(NamedTuple):
    """In the order of the replies that began them, within the horizon: columns of equal length."""

    customer: NDArray[np.int32]
    account: NDArray[np.int32]
    at_s: Times
    complaint: NDArray[np.bool_]
    turn: NDArray[np.int8]  # the first left to a person, or NEVER
    answers: NDArray[np.int8]  # automatic ones before


NO_CONVERSATIONS = Conversations(
    np.empty(0, np.int32),
    np.empty(0, np.int32),
    np.empty(0),
    np.empty(0, np.bool_),
    np.empty(0, np.int8),
    np.empty(0, np.int8),
)


class Served(NamedTuple):
    """Conversations, and what became of those that reach agents: `rows`, in the order of `inbound`."""

    conversations: Conversations
    rows: NDArray[np.intp]
    inbound: Inbound
    roster: Roster
    handled: Handled


class Answers(NamedTuple):
    """What customers are answered within the horizon, a row a message: columns of equal length."""

    customer: NDArray[np.int32]
    account: NDArray[np.int32]
    at_s: Times


class Inbox:
    """Conversations of one replication; none is kept if the scenario has no agents."""

    def __init__(self, world: World, number: int) -> None:
        self._world, self._number = world, number
        self._is_open = bool(world.scenario.agents.shifts)
        self._parts: list[tuple[NDArray[np.int32], NDArray[np.int32], Times, Floats, Floats]] = []

    def receive(self, wave: Wave, numbers: NDArray[np.uint64], replied: Event) -> None:
        """Replies to these sends; `numbers` of their exposures."""
        if not self._is_open or not len(replied.rows):
            return
        what, customer, account, turn = (
            column.take(replied.rows) for column in (wave.exposure, wave.customer, wave.account, wave.turn)
        )
        seed = self._world.scenario.experiment.seed
        messages = Messages(numbers.take(what), customer, turn)
        words = keyed_words(seed, self._number, Purpose.TOPIC, messages)
        self._parts.append((customer, account, replied.at_s, unit(words[0]), unit(words[1])))

    def served(self) -> Served | None:
        """What became of the conversations; None without agents."""
        if not self._is_open:
            return None
        scenario, horizon_s = self._world.scenario, self._world.horizon_s
        agents, seed = scenario.agents, scenario.experiment.seed
        begun = self._conversations()
        human = np.flatnonzero(begun.turn != NEVER)
        arrival_s = begun.at_s[human] + begun.turn[human] * scenario.funnel.act_delay_median_s
        order = np.argsort(arrival_s, kind="stable")
        order = order[arrival_s[order] < horizon_s]
        rows = human[order]
        inbound = inbound_of(agents, arrival_s[order], begun.complaint[rows], seed, self._number)
        roster = roster_of(agents, scenario.experiment.start, horizon_s)
        reading = reading_of(agents, len(order), seed, self._number)
        handled = serve(agents.failover_s, roster, inbound, reading, horizon_s)
        return Served(begun, rows, inbound, roster, handled)

    def _conversations(self) -> Conversations:
        if not self._parts:
            return NO_CONVERSATIONS
        columns = [np.concatenate(column) for column in zip(*self._parts, strict=True)]
        inside = np.flatnonzero(columns[2] < self._world.horizon_s)
        customer, account, at_s, topic, wording = (column[inside] for column in columns)
        scenario = self._world.scenario
        scripts = [script for script in scenario.conversations.scripts if script.kind != "stop"]
        bounds = np.cumsum([script.share for script in scripts])
        script = np.searchsorted(bounds[:-1] / bounds[-1], topic, side="right")
        complaint = np.array([one.kind == "complaint" for one in scripts])[script]
        turn, answers = _turns(scripts, rulebook_of(self._world), customer, at_s, script, wording)
        return Conversations(customer, account, at_s, complaint, turn, answers)


def kpis_of(served: Served, agents: Agents, horizon_s: float) -> dict[str, float]:
    """KPIs by name."""
    turn = served.conversations.turn
    found = figures(agents, served.inbound, served.handled, horizon_s)
    return {
        "conversations_begun": float(len(turn)),
        "auto_handled_rate": 1 - float((turn != NEVER).mean()) if len(turn) else np.nan,
        **{KPI_OF.get(name, name): value for name, value in found.items()},
    }


def answers_of(served: Served, pause_s: float, horizon_s: float) -> Answers:
    """Every automatic answer, `pause_s` apart, and one by the agent who reads the conversation."""
    begun = served.conversations
    row = np.repeat(np.arange(len(begun.at_s)), begun.answers)
    place = np.arange(len(row)) - np.repeat(np.cumsum(begun.answers) - begun.answers, begun.answers)
    rows = np.concatenate([row, served.rows])
    at_s = np.concatenate([begun.at_s[row] + place * pause_s, served.handled.read_s])
    within = np.flatnonzero(at_s < horizon_s)
    return Answers(begun.customer[rows[within]], begun.account[rows[within]], at_s[within])


KPI_OF = {"wait_s_mean": "agent_wait_s_mean", "wait_s_p95": "agent_wait_s_p95"}


def rulebook_of(world: World) -> Rulebook:
    replies = world.scenario.replies
    return new_rules(
        replies.rules,
        fuzzy_score=replies.fuzzy_score,
        delay_min_s=replies.delay_min_s,
        delay_max_s=replies.delay_max_s,
        max_per_hour=replies.max_per_hour,
    )


def _turns(
    scripts: list[Script],
    rulebook: Rulebook,
    customer: NDArray[np.int32],
    at_s: Times,
    script: NDArray[np.intp],
    wording: NDArray[np.float32],
) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    """The turn at which each conversation reaches a person, and automatic answers before.

    The loop guard counts the conversation before, too.
    A customer's conversations are taken in order of time; answers of the latest earlier one count if it began
    less than an hour before.
    """
    longest = max(len(one.turns) for one in scripts)
    # From the first on the guard stops all, and nobody gets more answers than a script has turns.
    most = min(rulebook.max_per_hour, longest)
    paths = [paths_of(one, rulebook, most) for one in scripts]
    picks = np.array([path.turn.shape[1] for path in paths], np.int32)
    first = np.cumsum([0, *(path.turn.size for path in paths[:-1])])  # of each script in both tables
    turns, automatic = (
        np.concatenate([column.ravel() for column in each]) for each in zip(*paths, strict=True)
    )
    place = first[script] + (wording * picks[script].astype(np.float32)).astype(np.int64)
    turn, answers = turns[place], automatic[place]
    for rows, before in _close(customer, at_s):
        recent = np.minimum(answers[before], most)
        at = place[rows] + recent * picks[script[rows]]
        turn[rows], answers[rows] = turns[at], automatic[at]
    return turn, answers


def _close(customer: NDArray[np.int32], at_s: Times) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Conversations that begin within an hour of another of the customer, and the latest such for each.

    The second ones of all such chains, then the third ones, and so on.
    """
    rows = np.flatnonzero(np.isin(customer, _hasty(customer, at_s)))
    order = rows[np.lexsort((at_s[rows], customer[rows]))]
    close = np.zeros(len(order), np.bool_)
    close[1:] = (np.diff(customer[order]) == 0) & (np.diff(at_s[order]) < HOUR_S)
    place = np.arange(len(order))
    depth = place - np.maximum.accumulate(np.where(close, 0, place))
    for level in range(1, int(depth.max(initial=0)) + 1):
        at = np.flatnonzero(depth == level)
        yield order[at], order[at - 1]


def _hasty(customer: NDArray[np.int32], at_s: Times) -> NDArray[np.int64]:
    """Customers of whom two conversations may be close: few, told by whole seconds, in no order."""
    moment = np.sort(customer.astype(np.int64) << SECOND_BITS | at_s.astype(np.int64))
    return moment[1:][np.diff(moment) <= HOUR_S] >> SECOND_BITS


def paths_of(script: Script, rulebook: Rulebook, most: int) -> Paths:
    """Every choice of wordings of a script, decided turn by turn as the server decides it.

    `most`: recent answers at most; after so many the guard stops all, so no later turn is looked at.
    """
    turns = script.turns[: most + 1]
    sizes = [len(turn.says) for turn in turns]
    picks = np.stack(np.unravel_index(np.arange(int(np.prod(sizes))), sizes), axis=1)
    rows = [[_path(turns, rulebook, pick, recent) for pick in picks.tolist()] for recent in range(most + 1)]
    table = np.array(rows, np.int8)
    return Paths(table[:, :, 0], table[:, :, 1])


def _path(turns: list[Turn], rulebook: Rulebook, pick: list[int], recent: int) -> tuple[int, int]:
    for number, (turn, choice) in enumerate(zip(turns, pick, strict=True)):
        said = turn.says[choice]
        found = decide(rulebook, said, recent_answers=recent + number, with_human=False, key=0)
        if found.action != "answered":
            return number, number
    return NEVER, len(turns)

"""What customers write back, the automatic replies of `server.dispatch.replies`, and the agents behind them.

A reply to a message begins a conversation along one of the scenario's scripts. Each of its turns is decided
by the server's own rulebook; from the first turn on that the rules leave to a person, it waits for an agent.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenarios.schema import Script
from server.dispatch.replies import Rulebook, decide, new_rules
from simulator.agents import figures, inbound_of, reading_of, roster_of, serve
from simulator.funnel import Event
from simulator.luck import Messages, keyed_words, unit
from simulator.streams import Purpose
from simulator.waves import Wave
from simulator.world import World

HOUR_S = 3600.0
NEVER = 127  # turn at which a conversation that the rules handle alone reaches a person

Times = NDArray[np.float64]


class Paths(NamedTuple):
    """How conversations along one script go, by recent automatic answers and the two picks of wordings.

    turn (recent answers, picks): the first turn left to a person, or NEVER; answers: automatic ones before.
    """

    turn: NDArray[np.int8]
    answers: NDArray[np.int8]


class Inbox:
    """Conversations of one replication; none is kept if the scenario has no agents."""

    def __init__(self, world: World, number: int) -> None:
        self._world, self._number = world, number
        self._is_open = bool(world.scenario.agents.shifts)
        self._parts: list[tuple[NDArray[np.int32], Times, NDArray[np.float32], NDArray[np.float32]]] = []

    def receive(self, wave: Wave, numbers: NDArray[np.uint64], replied: Event) -> None:
        """Replies to these sends; `numbers` of their exposures."""
        if not self._is_open or not len(replied.rows):
            return
        what, customer, turn = (
            column.take(replied.rows) for column in (wave.exposure, wave.customer, wave.turn)
        )
        seed = self._world.scenario.experiment.seed
        messages = Messages(numbers.take(what), customer, turn)
        words = keyed_words(seed, self._number, Purpose.TOPIC, messages)
        self._parts.append((customer, replied.at_s, unit(words[0]), unit(words[1])))

    def figures(self) -> dict[str, float]:
        """What became of the conversations: KPIs by name; none without agents."""
        if not self._is_open:
            return {}
        scenario, horizon_s = self._world.scenario, self._world.horizon_s
        at_s, complaint, is_human = self._reach_people()
        agents, seed = scenario.agents, scenario.experiment.seed
        arrival_s = at_s[is_human]
        order = np.argsort(arrival_s, kind="stable")
        order = order[arrival_s[order] < horizon_s]
        inbound = inbound_of(agents, arrival_s[order], complaint[is_human][order], seed, self._number)
        roster = roster_of(agents, scenario.experiment.start, horizon_s)
        reading = reading_of(agents, len(order), seed, self._number)
        handled = serve(agents.failover_s, roster, inbound, reading, horizon_s)
        found = figures(agents, inbound, handled, horizon_s)
        return {
            "conversations_begun": float(len(at_s)),
            "auto_handled_rate": 1 - float(is_human.mean()) if len(at_s) else np.nan,
            **{KPI_OF.get(name, name): value for name, value in found.items()},
        }

    def _reach_people(self) -> tuple[Times, NDArray[np.bool_], NDArray[np.bool_]]:
        """Of each conversation when it reaches a person (s), whether it is a complaint, whether it does."""
        if not self._parts:
            return np.empty(0), np.empty(0, np.bool_), np.empty(0, np.bool_)
        columns = [np.concatenate(column) for column in zip(*self._parts, strict=True)]
        customer, at_s, topic, wording = columns
        inside = at_s < self._world.horizon_s
        customer, at_s, topic, wording = (column[inside] for column in (customer, at_s, topic, wording))
        scenario = self._world.scenario
        scripts = [script for script in scenario.conversations.scripts if script.kind != "stop"]
        bounds = np.cumsum([script.share for script in scripts])
        script = np.searchsorted(bounds[:-1] / bounds[-1], topic, side="right")
        turn = _turns(scripts, rulebook_of(self._world), customer, at_s, script, wording)
        is_human = turn != NEVER
        pause_s = scenario.funnel.act_delay_median_s
        complaint = np.array([one.kind == "complaint" for one in scripts])[script]
        return at_s + np.where(is_human, turn, 0) * pause_s, complaint, is_human


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
) -> NDArray[np.int8]:
    """The turn at which each conversation reaches a person; the loop guard counts the one before, too.

    A customer's conversations are taken in order of time; answers of the latest earlier one count if it began
    less than an hour before.
    """
    paths = [paths_of(one, rulebook) for one in scripts]
    turn = np.full(len(at_s), NEVER, np.int8)
    answers = np.zeros(len(at_s), np.int8)
    order = np.lexsort((at_s, customer))
    close = np.zeros(len(order), np.bool_)
    close[1:] = (np.diff(customer[order]) == 0) & (np.diff(at_s[order]) < HOUR_S)
    place = np.arange(len(order))
    depth = place - np.maximum.accumulate(np.where(close, 0, place))  # in a chain of close conversations
    for level in range(int(depth.max(initial=-1)) + 1):
        at = np.flatnonzero(depth == level)
        rows = order[at]
        recent = answers[order[at - 1]] if level else np.zeros(len(at), np.int8)
        recent = np.minimum(recent, rulebook.max_per_hour)
        for number, path in enumerate(paths):
            own = script[rows] == number
            pick = (wording[rows[own]] * path.turn.shape[1]).astype(np.int64)
            turn[rows[own]] = path.turn[recent[own], pick]
            answers[rows[own]] = path.answers[recent[own], pick]
    return turn


def paths_of(script: Script, rulebook: Rulebook) -> Paths:
    """Every choice of wordings of a script, decided turn by turn as the server decides it."""
    sizes = [len(turn.says) for turn in script.turns]
    picks = np.stack(np.unravel_index(np.arange(int(np.prod(sizes))), sizes), axis=1)
    rows = [
        [_path(script, rulebook, pick, recent) for pick in picks.tolist()]
        for recent in range(rulebook.max_per_hour + 1)
    ]
    table = np.array(rows, np.int8)
    return Paths(table[:, :, 0], table[:, :, 1])


def _path(script: Script, rulebook: Rulebook, pick: list[int], recent: int) -> tuple[int, int]:
    for number, (turn, choice) in enumerate(zip(script.turns, pick, strict=True)):
        said = turn.says[choice]
        found = decide(rulebook, said, recent_answers=recent + number, with_human=False, key=0)
        if found.action != "answered":
            return number, number
    return NEVER, len(script.turns)

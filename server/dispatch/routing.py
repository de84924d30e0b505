"""Who answers a conversation that needs a person: the team by its words, the agent by load, then in turn."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from server.dispatch.replies import Rulebook, decide, new_rules

UNREAD_S = 120.0  # C110: not read for so long, it goes to the next agent


class TeamLike(Protocol):
    """What a team must have; the scenario's Team does."""

    @property
    def name(self) -> str: ...
    @property
    def keywords(self) -> Sequence[str]: ...
    @property
    def agents(self) -> Sequence[str]: ...
    @property
    def accounts(self) -> Sequence[int]: ...


class _TeamRule(NamedTuple):
    """A team's keywords as a rule: found as the keywords of answers are, misspelt ones too."""

    intent: str
    keywords: Sequence[str]
    answer: str = ""
    escalate: bool = False


class Teams(NamedTuple):
    """Teams in order of precedence (ours: complaints first); the last takes what no keyword claims."""

    rulebook: Rulebook
    agents: Mapping[str, Sequence[str]]
    accounts: Mapping[str, Sequence[int]]  # that a team answers from; none: any
    last: str


class Turn(NamedTuple):
    """Who holds a conversation since when (Unix seconds), after how many have let it pass."""

    agent: str
    since_s: float
    passes: int


def new_teams(teams: Sequence[TeamLike], *, fuzzy_score: float) -> Teams:
    """Teams ready for `team_of`; where keywords of several match, the first team wins.

    ValueError for no team, a team without agents, or a keyword without a letter.
    """
    if not teams:
        raise ValueError("teams: name at least one")
    for team in teams:
        if not team.agents:
            raise ValueError(f"team {team.name}: name at least one agent")
    rules = [_TeamRule(team.name, team.keywords) for team in teams]
    book = new_rules(rules, fuzzy_score=fuzzy_score, delay_min_s=0, delay_max_s=0, max_per_hour=1)
    return Teams(
        rulebook=book,
        agents={team.name: tuple(team.agents) for team in teams},
        accounts={team.name: tuple(team.accounts) for team in teams},
        last=teams[-1].name,
    )


def team_of(teams: Teams, text: str) -> str:
    """The name of the team that a message is for."""
    found = decide(teams.rulebook, text, recent_answers=0, with_human=False, key=0).intent
    return teams.last if found is None else found


def least_loaded(agents: Sequence[str], open_conversations: Mapping[str, int]) -> str:
    """The agent with the fewest open conversations; among equals the first."""
    return min(agents, key=lambda agent: open_conversations.get(agent, 0))


def turn_at(agents: Sequence[str], turn: Turn, now_s: float, unread_s: float = UNREAD_S) -> Turn:
    """Who holds an unread conversation at `now_s`: every `unread_s` the next agent of the round (C110).

    The timer starts again at each (ours: the source stops at the second), so a server that stood still
    finds the same holder as one that ran. One agent alone gets it again and again.
    """
    passes = max(0, int((now_s - turn.since_s) // unread_s))
    if not passes:
        return turn
    at = agents.index(turn.agent) if turn.agent in agents else -1
    agent = agents[(at + passes) % len(agents)]
    return Turn(agent, turn.since_s + passes * unread_s, turn.passes + passes)


def whole_team_unread(agents: Sequence[str], passes: int) -> bool:
    """Whether everybody had it and nobody looked: an alarm (ours)."""
    return passes >= len(agents)

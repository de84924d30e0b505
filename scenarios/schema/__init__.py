"""The scenario as frozen structs: every parameter with its range, unit, default and source, a module a subject.

A source is a claim id of the project's claims files (C020, G058, ...), a published paper, or "assumed" with the reason.
The source of a default stands here; a scenario file may give its own beside the value
(`rate_per_min = { value = 12, source = "C020" }`).
"""

from typing import Annotated

from msgspec import field

from scenarios.parameters import Frozen, parameter
from scenarios.schema.accounts import Accounts, Pacing
from scenarios.schema.agents import Agents, nobody
from scenarios.schema.business import Business
from scenarios.schema.campaign import Campaign
from scenarios.schema.conversations import Conversations, Script, Turn
from scenarios.schema.costs import Costs
from scenarios.schema.experiment import Experiment, ServiceLevels
from scenarios.schema.funnel import Funnel
from scenarios.schema.network import Network
from scenarios.schema.population import Population, Purchases, Segment
from scenarios.schema.programme import Groups, Programme
from scenarios.schema.replies import Replies, ReplyRule, Team
from scenarios.schema.storage import Storage
from scenarios.schema.tagging import EventRule, Imports, StandingRule, Tagging

__all__ = [
    "Accounts",
    "Agents",
    "Business",
    "Campaign",
    "Conversations",
    "Costs",
    "EventRule",
    "Experiment",
    "Funnel",
    "Groups",
    "Imports",
    "Network",
    "Pacing",
    "Population",
    "Programme",
    "Purchases",
    "Replies",
    "ReplyRule",
    "Scenario",
    "Script",
    "Segment",
    "ServiceLevels",
    "StandingRule",
    "Storage",
    "Tagging",
    "Team",
    "Turn",
]


class Scenario(Frozen, frozen=True):
    """One file: the world, the strategy and the service levels."""

    name: Annotated[str, parameter("short name", source="scenario", pattern=r"^[a-z][a-z0-9_]*$")]
    title: Annotated[str, parameter("one line for people", source="scenario", min_length=1)]
    population: Population
    campaign: Campaign
    replies: Replies
    conversations: Conversations
    experiment: Experiment
    accounts: Accounts = field(default_factory=Accounts)
    business: Business = field(default_factory=Business)
    network: Network = field(default_factory=Network)
    pacing: Pacing = field(default_factory=Pacing)
    funnel: Funnel = field(default_factory=Funnel)
    service_levels: ServiceLevels = field(default_factory=ServiceLevels)
    costs: Costs = field(default_factory=Costs)
    groups: Groups = field(default_factory=Groups)
    programme: Programme = field(default_factory=Programme)
    agents: Agents = field(default_factory=nobody)
    purchases: Purchases = field(default_factory=Purchases)
    tagging: Tagging = field(default_factory=Tagging)
    imports: Imports = field(default_factory=Imports)
    storage: Storage = field(default_factory=Storage)

"""Automatic replies and the teams behind them, as parameters."""

from typing import Annotated

from msgspec import field

from scenarios.parameters import Frozen, parameter


class ReplyRule(Frozen, frozen=True):
    intent: Annotated[str, parameter("name of what the customer wants", min_length=1)]
    keywords: Annotated[list[str], parameter("words and phrases that show it (C044: 5-8)", min_length=1)]
    answer: Annotated[str, parameter("what is answered", min_length=1)]
    escalate: Annotated[bool, parameter("hand over to a person at once")] = False
    guide: Annotated[
        str,
        parameter("longer, illustrated answer after a short one unread for 30 s; empty: none", source="C055"),
    ] = ""


class Team(Frozen, frozen=True):
    name: Annotated[str, parameter("name of the team", pattern=r"^[a-z][a-z0-9_]*$")]
    agents: Annotated[list[str], parameter("the people of the team, in the order of failover", min_length=1)]
    keywords: Annotated[list[str], parameter("words and phrases that bring a conversation here")] = []
    accounts: Annotated[list[int], parameter("the accounts that the team answers from; empty: any")] = []


NEGATIVE_WORDS = (
    *("angry", "terrible", "awful", "useless", "worst", "scam", "fraud", "ridiculous", "unacceptable"),
    *("disappointed", "waste of time"),
    *("ärgerlich", "furchtbar", "schlecht", "enttäuscht", "betrug", "unverschämt"),
    *("horrible", "pésimo", "decepcionado", "estafa", "inaceptable"),
    *("ужасно", "плохо", "обман", "разочарован"),
    *("سيء", "فظيع", "احتيال"),
    *("太差", "垃圾", "骗子", "失望", "生气"),
)
TEAMS = (
    Team(
        name="service",
        agents=["service-1", "service-2", "service-3"],
        keywords=["complaint", "complain", "broken", "damaged", "refund", "return", "angry"],
    ),
    Team(
        name="sales",
        agents=["sales-1", "sales-2", "sales-3"],
        keywords=["price", "how much", "cost", "discount", "buy", "order"],
    ),
)


class Replies(Frozen, frozen=True):
    rules: Annotated[
        list[ReplyRule],
        parameter("keyword rules, first match wins", source="C044: 5-8 synonyms an intent", min_length=1),
    ]
    delay_min_s: Annotated[
        float,
        parameter("shortest wait before an automatic answer", unit="s", source="C049", ge=0, le=3600),
    ] = 5.0
    delay_max_s: Annotated[
        float,
        parameter("longest wait before an automatic answer", unit="s", source="C049", ge=0, le=3600),
    ] = 10.0
    fuzzy_score: Annotated[
        float,
        parameter(
            "least similarity of a misspelt keyword (0 none, 100 equal)",
            unit="score",
            source="assumed: one wrong letter in six still matches (C048)",
            ge=50,
            le=100,
        ),
    ] = 82.0
    max_per_hour: Annotated[
        int,
        parameter(
            "automatic answers to one customer in any hour; the next goes to a person",
            unit="answers/h",
            source="C053, C054",
            ge=1,
        ),
    ] = 3
    order_link: Annotated[
        str, parameter("line added for a customer who ordered in the last 7 days; empty: none", source="C058")
    ] = ""
    coupon: Annotated[
        str,
        parameter("line added for a customer unheard of for more than 30 days; empty: none", source="C059"),
    ] = ""
    negative_words: Annotated[
        list[str],
        parameter(
            "words of an impatient customer; more than three such messages in a row go to a person",
            source="C185; the words: assumed, the commonest in five languages",
        ),
    ] = field(default_factory=lambda: list(NEGATIVE_WORDS))
    teams: Annotated[
        list[Team],
        parameter(
            "who answers what needs a person; the first team with a keyword in the message, else the last",
            source="C099: price to sales, complaints to service; C108: six people",
            min_length=1,
        ),
    ] = field(default_factory=lambda: list(TEAMS))
    unread_timeout_s: Annotated[
        float,
        parameter("unread so long, a conversation goes to the next agent", unit="s", source="C110", ge=1),
    ] = 120.0

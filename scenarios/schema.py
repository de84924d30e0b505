"""The scenario as frozen structs: every parameter with its range, unit, default and source.

A source is a claim id of the project's claims files (C020, G058, ...), a published paper, or "assumed" with the reason.
The source of a default stands here; a scenario file may give its own beside the value
(`rate_per_min = { value = 12, source = "C020" }`).
"""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, field

from scenarios.business import Business
from scenarios.parameters import CLOCK, Frozen, parameter
from scenarios.programme import Groups, Programme
from scenarios.staff import Agents, nobody


class Segment(Frozen, frozen=True):
    """A part of the population with traits of its own; what it does not state is the population's."""

    name: Annotated[str, parameter("as in the contact file's column segment", min_length=1)]
    share: (
        Annotated[
            float,
            parameter(
                "share of the customers, drawn at random; state it for all segments, or for none if the "
                "contact file has a column segment",
                unit="fraction",
                gt=0,
                le=1,
            ),
        ]
        | None
    ) = None
    engagement_a: Annotated[float, parameter("as population.engagement_a", gt=0)] | None = None
    engagement_b: Annotated[float, parameter("as population.engagement_b", gt=0)] | None = None
    price_sensitivity_a: Annotated[float, parameter("as population.price_sensitivity_a", gt=0)] | None = None
    price_sensitivity_b: Annotated[float, parameter("as population.price_sensitivity_b", gt=0)] | None = None
    order_value_ratio: Annotated[
        float, parameter("value of its orders over the population's", unit="ratio", gt=0)
    ] = 1.0


class Population(Frozen, frozen=True):
    contacts: Annotated[
        str,
        parameter("CSV of contacts, relative to the scenario file", source="scenario", min_length=1),
    ]
    orders: Annotated[
        str,
        parameter(
            "CSV of their past orders, relative to the scenario file; empty: none. With it, [purchases] and "
            "the order values are fitted and every customer follows from the own history",
            source="scenario",
        ),
    ] = ""
    size: Annotated[
        int,
        parameter(
            "customers; fewer than the file has: its first rows; more: rows drawn again",
            unit="customers",
            source="assumed: the shipped contact file, whole",
            ge=1,
            le=50_000_000,
        ),
    ] = 10_000
    engagement_a: Annotated[
        float,
        parameter(
            "first shape of the Beta distribution of a customer's engagement (mean a/(a+b))",
            source="assumed: mean 1/2; engagement shifts log-odds around the mean customer",
            gt=0,
        ),
    ] = 2.0
    engagement_b: Annotated[
        float,
        parameter(
            "second shape of the Beta distribution of a customer's engagement",
            source="assumed: mean 1/2, as engagement_a",
            gt=0,
        ),
    ] = 2.0
    engagement_log_odds: Annotated[
        float,
        parameter(
            "how far engagement moves the log-odds of read, click, reply and order: from -x to +x",
            unit="log-odds",
            source="assumed: odds a factor e either way of the mean customer's; no source states a spread, and C181 must come out, not go in",
            ge=0,
            le=5,
        ),
    ] = 1.0
    order_value_median_usd: Annotated[
        float,
        parameter(
            "median of the lognormal order value",
            unit="USD",
            source="G017: 80-150 USD an order",
            gt=0,
        ),
    ] = 110.0
    order_value_log_sd: Annotated[
        float,
        parameter(
            "standard deviation of the log of the order value",
            source="assumed: 80-150 USD (G017) as the middle half of orders gives 0.47",
            ge=0,
            le=3,
        ),
    ] = 0.47
    order_value_between: Annotated[
        float,
        parameter(
            "share of the variance of the log order value that lies between customers; the rest is between "
            "the orders of one",
            unit="fraction",
            source="derived: variance components of log spend in the CDNOW sample (Fader, Hardie & Lee 2005), 0.192 of 0.533",
            ge=0,
            le=1,
        ),
    ] = 0.36
    price_sensitivity_a: Annotated[
        float,
        parameter(
            "first shape of the Beta distribution of a customer's price sensitivity (mean a/(a+b))",
            source="assumed: mean 1/2; a fifth lies above the 0.7 that R161 calls price-sensitive",
            gt=0,
        ),
    ] = 2.0
    price_sensitivity_b: Annotated[
        float,
        parameter(
            "second shape of the Beta distribution of a customer's price sensitivity",
            source="assumed: mean 1/2, as price_sensitivity_a",
            gt=0,
        ),
    ] = 2.0
    segments: Annotated[
        list[Segment],
        parameter(
            "parts of the population with traits of their own; none: all alike",
            source="scenario",
        ),
    ] = field(default_factory=list)


class Accounts(Frozen, frozen=True):
    kind: Annotated[
        Literal["app", "business"],
        parameter(
            "numbers of the app, held to the limits of [pacing] and the hazards of [network]; or numbers of a "
            "business on the platform, held to [business]",
            source="assumed: of the app, as all of claims C",
        ),
    ] = "app"
    count: Annotated[
        int,
        parameter(
            "sending accounts",
            unit="accounts",
            source="C116: 5-10 accounts is the first server tier",
            ge=1,
            le=500,
        ),
    ] = 10
    new_count: Annotated[
        int,
        parameter(
            "how many of them have never sent, and warm up",
            unit="accounts",
            source="assumed: a fifth, so that warm-up is seen at work",
            ge=0,
        ),
    ] = 2
    age_months: Annotated[
        float,
        parameter(
            "age of the accounts that are not new",
            unit="months",
            source="assumed: within the first 6 months, before open rates fall (C140)",
            ge=0,
            le=120,
        ),
    ] = 4.0
    replacement_delay_h: Annotated[
        float,
        parameter(
            "time from a ban to the new account's first possible send",
            unit="h",
            source="assumed: a working day to buy and register a number",
            ge=0,
        ),
    ] = 24.0


class Network(Frozen, frozen=True):
    delivery_rate: Annotated[
        float,
        parameter(
            "delivered at the first attempt, well-formed numbers, account within the hourly limit",
            unit="fraction",
            source="C158",
            gt=0,
            le=1,
        ),
    ] = 0.95
    delivery_rate_over_limit: Annotated[
        float,
        parameter(
            "the same for sends above the hourly limit",
            unit="fraction",
            source="C159, taken as a parameter: the sources name no mechanism behind the drop",
            gt=0,
            le=1,
        ),
    ] = 0.82
    hourly_limit: Annotated[
        int,
        parameter(
            "sends of one account in any 3600 s above which delivery drops",
            unit="messages/h",
            source="C157",
            ge=1,
        ),
    ] = 200
    unregistered_fraction: Annotated[
        float,
        parameter(
            "well-formed numbers that are not on WhatsApp: fail at every attempt",
            unit="fraction",
            source="assumed: half of the 5 % that C158 leaves undelivered, the rest is transient",
            ge=0,
            lt=1,
        ),
    ] = 0.025
    delivery_delay_median_s: Annotated[
        float,
        parameter(
            "median time from send to delivery (lognormal)",
            unit="s",
            source="assumed: phones online get a message within seconds",
            gt=0,
        ),
    ] = 2.0
    delivery_delay_log_sd: Annotated[
        float,
        parameter(
            "standard deviation of the log of the delivery delay",
            source="assumed: 5 % of phones are reached after more than a minute",
            ge=0,
            le=5,
        ),
    ] = 2.0
    handover_loss: Annotated[
        float,
        parameter(
            "sends to the network that are not confirmed within 10 s; they are sent again, three times at most",
            unit="fraction",
            source="assumed: none, as inside one machine; C134 implies 0.234 (four sends reach it with 0.997)",
            ge=0,
            lt=1,
        ),
    ] = 0.0
    ban_per_30_days: Annotated[
        float,
        parameter(
            "share of accounts banned in 30 sending days with every rule kept",
            unit="fraction",
            source="C106, taken as a parameter: the level that the rule effects multiply; a month assumed, C106 states no period",
            ge=0,
            lt=1,
        ),
    ] = 0.012
    risky_rate_per_min: Annotated[
        int,
        parameter(
            "sends of one account in any 60 s above which the ban hazard rises",
            unit="messages/min",
            source="C018",
            ge=1,
        ),
    ] = 20
    risky_rate_hazard_ratio: Annotated[
        float,
        parameter("ban hazard above risky_rate_per_min against below", unit="ratio", source="C019", ge=1),
    ] = 1.35
    broken_rule_hazard_ratio: Annotated[
        float,
        parameter(
            "ban hazard for each other pacing rule broken that day: hourly limit, equal content, warm-up",
            unit="ratio",
            source="derived: C107 over C106 as hazards is 26; less C019 leaves 19.3 for three rules, 2.68 each",
            ge=1,
        ),
    ] = 2.68
    equal_content_gap_s: Annotated[
        float,
        parameter(
            "equal content from two accounts closer than this counts as a broken rule",
            unit="s",
            source="C103",
            ge=0,
        ),
    ] = 15.0
    warm_up_per_day: Annotated[
        int,
        parameter(
            "a new account above this in any 24 h counts as a broken rule",
            unit="messages/day",
            source="C104",
            ge=1,
        ),
    ] = 50
    warm_up_days: Annotated[
        float,
        parameter("how long an account counts as new", unit="days", source="C105", ge=0),
    ] = 3.0
    daily_limit: Annotated[
        int,
        parameter(
            "sends of one account in any 24 h above which a rule counts as broken",
            unit="messages/day",
            source="derived: C101 through the 14 h between C030 and C031",
            ge=1,
        ),
    ] = 2800
    young_days: Annotated[
        float,
        parameter(
            "age below which an account is trusted less",
            unit="days",
            source="assumed: a month; C104 and C105 say only that new numbers need care",
            ge=0,
        ),
    ] = 30.0
    young_hazard_ratio: Annotated[
        float,
        parameter(
            "ban hazard of a young account against an older one",
            unit="ratio",
            source="assumed: half as much again; the sources give no figure",
            ge=1,
        ),
    ] = 1.5
    link_hazard_ratio: Annotated[
        float,
        parameter(
            "ban hazard of an account whose texts all hold a link against one whose texts hold none",
            unit="ratio",
            source="assumed: half as much again; ban_per_30_days is of texts with a link, as the shipped one",
            ge=1,
        ),
    ] = 1.5
    block_limit: Annotated[
        float,
        parameter(
            "share of an account's delivered messages of a day followed by a block, above which its ban "
            "hazard rises",
            unit="fraction",
            source="assumed: four times the complaint limit of T025; no platform publishes one",
            gt=0,
            le=1,
        ),
    ] = 0.02
    block_hazard_ratio: Annotated[
        float,
        parameter(
            "ban hazard above block_limit against below",
            unit="ratio",
            source="assumed: as strong as one broken rule (2.68)",
            ge=1,
        ),
    ] = 2.68
    complaint_limit: Annotated[
        float,
        parameter(
            "share of an account's delivered messages complained of, above which its ban hazard rises",
            unit="fraction",
            source="T025",
            gt=0,
            le=1,
        ),
    ] = 0.005
    complaint_hazard_ratio: Annotated[
        float,
        parameter(
            "ban hazard above complaint_limit against below",
            unit="ratio",
            source="assumed: as strong as one broken rule (2.68); T025 gives no figure",
            ge=1,
        ),
    ] = 2.68


class Pacing(Frozen, frozen=True):
    """An account's own limits as the strategy sets them; server.dispatch.pacing.Rules reads them."""

    rate_per_min: Annotated[
        int,
        parameter(
            "cap in any 60 s; the mean gap between messages is 60 s over this",
            unit="messages/min",
            source="C020: 10-15 a minute",
            ge=1,
            le=6000,
        ),
    ] = 12
    rate_per_hour: Annotated[
        int,
        parameter("cap in any 3600 s", unit="messages/h", source="C101", ge=1, le=360_000),
    ] = 200
    rate_per_day: Annotated[
        int,
        parameter(
            "cap in any 24 h",
            unit="messages/day",
            source="derived: C101 through the 14 h between C030 and C031",
            ge=1,
            le=8_640_000,
        ),
    ] = 2800
    spacing_jitter: Annotated[
        float,
        parameter(
            "gaps vary evenly by this fraction either way",
            unit="fraction",
            source="C017: 3-5 s is 4 s give or take a quarter",
            ge=0,
            lt=1,
        ),
    ] = 0.25
    warm_up_days: Annotated[
        float,
        parameter("a new account is held back this long", unit="days", source="C105", ge=0, le=365),
    ] = 3.0
    warm_up_per_day: Annotated[
        int,
        parameter("cap in any 24 h while warming up", unit="messages/day", source="C104", ge=1),
    ] = 50
    equal_content_gap_s: Annotated[
        float,
        parameter(
            "least time between equal content from different accounts",
            unit="s",
            source="C103",
            ge=0,
            le=86_400,
        ),
    ] = 15.0
    quiet_from: Annotated[
        str,
        parameter(
            "no send at or after this, customer's local time",
            unit="HH:MM",
            source="C031",
            pattern=CLOCK,
        ),
    ] = "22:00"
    quiet_until: Annotated[
        str,
        parameter(
            "no send before this, customer's local time; 00:00 to 00:00 means no quiet hours",
            unit="HH:MM",
            source="C030",
            pattern=CLOCK,
        ),
    ] = "08:00"
    customer_cap: Annotated[
        int,
        parameter(
            "campaign messages to one customer in any customer_cap_window_s",
            unit="messages",
            source="R155: at most 3 a week to an active customer",
            ge=1,
        ),
    ] = 3
    customer_cap_window_s: Annotated[
        float,
        parameter("window of customer_cap", unit="s", source="R155: a week", gt=0, le=31_536_000),
    ] = 604_800.0


class Campaign(Frozen, frozen=True):
    template: Annotated[
        str,
        parameter(
            "text; {name} and any other column of the contact file in braces",
            source="scenario",
            min_length=1,
        ),
    ]
    start: Annotated[
        datetime,
        parameter("first possible send, with its zone", source="scenario"),
    ]
    fallbacks: Annotated[
        dict[str, str],
        parameter(
            "what stands in for an empty variable; a variable without one holds the message back",
            source="scenario",
        ),
    ] = field(default_factory=dict)
    with_tags: Annotated[
        list[str],
        parameter("only contacts that carry all of these tags", source="scenario"),
    ] = field(default_factory=list)
    without_tags: Annotated[
        list[str],
        parameter("no contact that carries any of these tags", source="scenario"),
    ] = field(default_factory=list)
    validate_numbers: Annotated[
        bool,
        parameter(
            "leave malformed numbers out before sending; false pays for sends that must fail (C027)",
            source="assumed: a list is checked before it is paid for; the server refuses malformed numbers anyway",
        ),
    ] = True
    discount: Annotated[
        float,
        parameter(
            "price cut that the text offers",
            unit="fraction",
            source="assumed: that of the shipped text, 15 % (G001 names the same)",
            ge=0,
            lt=1,
        ),
    ] = 0.15
    opted_in_fraction: Annotated[
        float,
        parameter(
            "consenting contacts who asked for messages themselves; the others complain and block more",
            unit="fraction",
            source="assumed: all, the case for which funnel.block and funnel.complaint stand",
            ge=0,
            le=1,
        ),
    ] = 1.0
    retry_after_h: Annotated[
        float,
        parameter("failed numbers are tried again after this", unit="h", source="C028", gt=0, le=720),
    ] = 24.0
    retries: Annotated[
        int,
        parameter(
            "how often a failed number is tried again",
            unit="attempts",
            source="C028; the count is not stated, one assumed",
            ge=0,
            le=5,
        ),
    ] = 1


class Funnel(Frozen, frozen=True):
    """What the mean customer does with a delivered message. Effects multiply odds."""

    read: Annotated[
        float,
        parameter(
            "read, given delivered, account up to 6 months old",
            unit="fraction",
            source="C141",
            gt=0,
            lt=1,
        ),
    ] = 0.85
    read_old_account: Annotated[
        float,
        parameter(
            "the same for an account of 12 months or more; between, log-odds fall in a line",
            unit="fraction",
            source="C142, ages from C140",
            gt=0,
            lt=1,
        ),
    ] = 0.62
    click: Annotated[
        float,
        parameter(
            "click, given read",
            unit="fraction",
            source="derived: C189 over C188 is 0.08 a message, over delivered 0.95 (C158) and read 0.85 (C141)",
            gt=0,
            lt=1,
        ),
    ] = 0.099
    order: Annotated[
        float,
        parameter(
            "order, given click",
            unit="fraction",
            source="derived: C190 over C189 is 35/400",
            gt=0,
            lt=1,
        ),
    ] = 0.0875
    reply: Annotated[
        float,
        parameter(
            "reply, given read",
            unit="fraction",
            source="assumed: the benchmark of T089 as the level, 5 % of a send, over delivered 0.95 and read 0.85",
            gt=0,
            lt=1,
        ),
    ] = 0.062
    opt_out: Annotated[
        float,
        parameter(
            "opt-out (STOP), given read",
            unit="fraction",
            source="assumed: a few readers in a thousand; the sources state monthly leave rates only (R157), which must come out",
            gt=0,
            lt=1,
        ),
    ] = 0.004
    block: Annotated[
        float,
        parameter(
            "block of the account, given read",
            unit="fraction",
            source="assumed: half as many block as opt out where STOP is honoured",
            gt=0,
            lt=1,
        ),
    ] = 0.002
    complaint: Annotated[
        float,
        parameter(
            "complaint to the network, given read and STOP honoured",
            unit="fraction",
            source="assumed: a fifth of the 0.5 % at which numbers are lost (T025), since all consented",
            gt=0,
            lt=1,
        ),
    ] = 0.001
    read_delay_median_s: Annotated[
        float,
        parameter(
            "median time from delivery to read (lognormal)",
            unit="s",
            source="assumed: half read within 15 min; R154 gives 3.2 min at lunch for office staff",
            gt=0,
        ),
    ] = 900.0
    read_delay_log_sd: Annotated[
        float,
        parameter(
            "standard deviation of the log of the read delay",
            source="assumed: 5 % read after more than 5 h",
            ge=0,
            le=5,
        ),
    ] = 1.8
    act_delay_median_s: Annotated[
        float,
        parameter(
            "median time from read to click, reply, opt-out, block or complaint (lognormal)",
            unit="s",
            source="assumed: who acts does so within minutes of reading",
            gt=0,
        ),
    ] = 60.0
    attention: Annotated[
        tuple[float, ...],
        parameter(
            "odds of a read by the hour of the day, customer's time, against the mean of the hours 8 to 22",
            unit="ratio",
            source="derived: C163, C164 and G041, G042 name 10-12 and 19-21 as best, G176 gives the evening 60 % "
            "more opens than working hours, which at a read rate of 0.85 no odds can do: half of it taken",
            min_length=24,
            max_length=24,
        ),
    ] = (
        *(0.35, 0.25, 0.2, 0.2, 0.25, 0.4, 0.6, 0.75),
        *(0.85, 0.95, 1.15, 1.15, 1.0, 0.9, 0.85, 0.85, 0.85, 0.9, 1.0, 1.25, 1.3, 1.1),
        *(0.8, 0.5),
    )
    weekday_attention: Annotated[
        tuple[float, ...],
        parameter(
            "the same by the day of the week, from Monday",
            unit="ratio",
            source="assumed: level, and a fifth less on weekends; R150 must come out",
            min_length=7,
            max_length=7,
        ),
    ] = (1.0, 1.0, 1.0, 1.0, 1.0, 0.8, 0.8)
    generic_click_odds: Annotated[
        float,
        parameter(
            "odds of a click on a text without variables against a personalised one",
            unit="ratio",
            source="derived: C024, 53 % more clicks, at the odds of funnel.click; taken as a parameter, since no "
            "mechanism behind it is named",
            gt=0,
            le=1,
        ),
    ] = 0.63
    fatigue_days: Annotated[
        float,
        parameter(
            "time in which the memory of a message fades to 1/e",
            unit="days",
            source="assumed: a week, the span of every frequency rule (R155, G039)",
            gt=0,
            le=365,
        ),
    ] = 7.0
    tolerance_per_day: Annotated[
        float,
        parameter(
            "posts a day that tire nobody", unit="messages/day", source="G038: more than 3 may tire", gt=0
        ),
    ] = 3.0
    push_weight: Annotated[
        float,
        parameter(
            "posts that tire as much as one private message",
            unit="ratio",
            source="derived: 3 private messages a week (R155) are borne as 3 posts a day (G038)",
            ge=1,
        ),
    ] = 7.0
    fatigue_read_odds: Annotated[
        float,
        parameter(
            "odds of a read for each message a day above the tolerance",
            unit="ratio",
            source="assumed: a fifth less; R157 and R160 must come out",
            gt=0,
            le=1,
        ),
    ] = 0.8
    fatigue_leave_odds: Annotated[
        float,
        parameter(
            "odds of opt-out, leaving and block for each message a day above the tolerance",
            unit="ratio",
            source="assumed: a fifth more; G219 and R157 must come out",
            ge=1,
        ),
    ] = 1.2
    unasked_odds: Annotated[
        float,
        parameter(
            "odds of a block or complaint by who did not ask for messages against who did",
            unit="ratio",
            source="assumed: four times; no source compares the two",
            ge=1,
        ),
    ] = 4.0
    price_log_odds: Annotated[
        float,
        parameter(
            "log-odds of an order for 10 points of discount, at price sensitivity 1",
            unit="log-odds",
            source="assumed: odds 1.65 for the most sensitive; R163 and G073 must come out",
            ge=0,
            le=5,
        ),
    ] = 0.5
    lapsed_order_odds: Annotated[
        float,
        parameter(
            "odds of an order by a customer who no longer buys by themselves against one who does",
            unit="ratio",
            source="assumed: a fifth; C181 (a seventh for low activity) must come out",
            gt=0,
            le=1,
        ),
    ] = 0.2
    order_delay_median_s: Annotated[
        float,
        parameter(
            "median time from click to order (lognormal)",
            unit="s",
            source="assumed: half of the orders within 2 h, the delay after which carts are chased (R095)",
            gt=0,
        ),
    ] = 7200.0
    delay_log_sd: Annotated[
        float,
        parameter(
            "standard deviation of the log of the act and order delays",
            source="assumed: wide, as of human delays",
            ge=0,
            le=5,
        ),
    ] = 1.5


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


class Turn(Frozen, frozen=True):
    says: Annotated[list[str], parameter("wordings, one is picked; some misspelt", min_length=1)]
    expect: Annotated[
        str,
        parameter("intent that must answer it, or escalated, opted_out, unmatched", min_length=1),
    ]


class Script(Frozen, frozen=True):
    kind: Annotated[
        Literal["greeting", "question", "order", "complaint", "stop"],
        parameter("what the conversation is about"),
    ]
    share: Annotated[float, parameter("share of conversations", unit="fraction", gt=0, le=1)]
    turns: Annotated[list[Turn], parameter("what the customer writes, in order", min_length=1)]


class Conversations(Frozen, frozen=True):
    scripts: Annotated[
        list[Script],
        parameter(
            "how conversations go",
            source="assumed: the kinds that a shop hears most; no source states their shares",
            min_length=1,
        ),
    ]
    at_once: Annotated[
        int,
        parameter(
            "live conversations held at once in a load test",
            unit="conversations",
            source="C136",
            ge=1,
            le=100_000,
        ),
    ] = 1000
    think_time_mean_s: Annotated[
        float,
        parameter(
            "mean pause of a customer between an answer and the next message (exponential)",
            unit="s",
            source="assumed: compressed, so that a load test of half a minute sees several turns",
            gt=0,
            le=3600,
        ),
    ] = 5.0
    duration_s: Annotated[
        float,
        parameter(
            "length of a load test after all conversations have started",
            unit="s",
            source="assumed: enough for thousands of turns",
            gt=0,
            le=86_400,
        ),
    ] = 25.0
    clock_speed: Annotated[
        float,
        parameter(
            "how many times faster than the wall the clock of a server started for a load test runs",
            unit="ratio",
            source="assumed: an hour of the campaign in a second, so that its day fits the test",
            gt=0,
            le=1e6,
        ),
    ] = 3600.0


class ServiceLevels(Frozen, frozen=True):
    delivery_rate_min: Annotated[
        float, parameter("least share delivered", unit="fraction", source="C154", ge=0, le=1)
    ] = 0.92
    account_ban_rate_max: Annotated[
        float,
        parameter("most accounts banned per 30 sending days", unit="fraction", source="C090", ge=0, le=1),
    ] = 0.02
    opt_out_rate_max: Annotated[
        float,
        parameter(
            "most opt-outs a delivered message",
            unit="fraction",
            source="assumed: twice the assumed rate of a consenting list",
            ge=0,
            le=1,
        ),
    ] = 0.008
    send_duration_max_s: Annotated[
        float,
        parameter(
            "longest time from the first to the last first-attempt send",
            unit="s",
            source="C030, C031: one permitted day of 14 h",
            gt=0,
        ),
    ] = 50_400.0
    response_time_p95_max_s: Annotated[
        float,
        parameter(
            "95th percentile of the server's response time",
            unit="s",
            source="C098: message delay under 3 s",
            gt=0,
        ),
    ] = 3.0
    error_rate_max: Annotated[
        float,
        parameter(
            "most requests that fail or answer wrongly",
            unit="fraction",
            source="C134: 0.997 of messages arrive",
            ge=0,
            le=1,
        ),
    ] = 0.003


class Costs(Frozen, frozen=True):
    message_usd: Annotated[
        float, parameter("price of one message sent", unit="USD", source="G058: 0.005-0.01", ge=0)
    ] = 0.0075
    account_usd_per_month: Annotated[
        float, parameter("rent of one number", unit="USD/month", source="C093: 2-5", ge=0)
    ] = 3.5
    new_account_usd: Annotated[
        float,
        parameter("one-off price of a replacement number", unit="USD", source="C139: 3-8", ge=0),
    ] = 5.5
    server_usd_per_month: Annotated[
        float, parameter("rent of the server", unit="USD/month", source="C119: 15-20", ge=0)
    ] = 17.5
    gross_margin: Annotated[
        float, parameter("gross profit over revenue", unit="fraction", source="R109", ge=0, le=1)
    ] = 0.30
    post_usd: Annotated[
        float,
        parameter(
            "making one group post",
            unit="USD",
            source="assumed: a quarter of an hour at agent_usd_per_h",
            ge=0,
        ),
    ] = 1.4
    agent_usd_per_h: Annotated[
        float,
        parameter(
            "an hour of a human agent on duty",
            unit="USD/h",
            source="R106: 40 yuan an hour, at 7.1 yuan a USD",
            ge=0,
        ),
    ] = 5.6
    ltv_horizon_days: Annotated[
        float,
        parameter(
            "ltv_usd counts what a customer brings from the start until then",
            unit="days",
            source="assumed: a year",
            gt=0,
            le=36_600,
        ),
    ] = 365.0
    discount_per_year: Annotated[
        float,
        parameter(
            "how much less a USD is worth a year later, in ltv_usd",
            unit="fraction/year",
            source="assumed: 10 %, an ordinary cost of capital",
            ge=0,
            le=10,
        ),
    ] = 0.10
    currency: Annotated[
        str,
        parameter(
            "ISO 4217 code of your own currency; parameters named usd stay USD, results show both",
            source="assumed: none but USD",
            pattern=r"^[A-Z]{3}$",
        ),
    ] = "USD"
    usd_rate: Annotated[
        float,
        parameter(
            "units of `currency` for one USD",
            unit="currency/USD",
            source="assumed: 1, as for USD itself",
            gt=0,
        ),
    ] = 1.0


class Purchases(Frozen, frozen=True):
    """What customers buy without being written to: BG/NBD (Fader, Hardie & Lee 2005)."""

    enabled: Annotated[
        bool,
        parameter(
            "whether customers buy of their own accord too",
            source="assumed: they do; ROI and conversion do not count it",
        ),
    ] = True
    r: Annotated[
        float,
        parameter(
            "shape of the Gamma distribution of a customer's purchase rate",
            source="Fader, Hardie & Lee 2005: CDNOW",
            gt=0,
            le=1000,
        ),
    ] = 0.243
    alpha_weeks: Annotated[
        float,
        parameter(
            "rate of that Gamma distribution: the mean is r purchases in so many weeks",
            unit="weeks",
            source="Fader, Hardie & Lee 2005: CDNOW",
            gt=0,
        ),
    ] = 4.414
    a: Annotated[
        float,
        parameter(
            "first shape of the Beta distribution of the probability to leave for good after a purchase",
            source="Fader, Hardie & Lee 2005: CDNOW",
            gt=0,
            le=1000,
        ),
    ] = 0.793
    b: Annotated[
        float,
        parameter(
            "second shape of the Beta distribution of the probability to leave for good after a purchase",
            source="Fader, Hardie & Lee 2005: CDNOW",
            gt=0,
            le=1000,
        ),
    ] = 2.426
    first_within_days: Annotated[
        float,
        parameter(
            "every customer's first purchase lies evenly within so many days before the start; some have left since",
            unit="days",
            source="assumed: a year's customers",
            gt=0,
            le=3650,
        ),
    ] = 365.0
    look_back_days: Annotated[
        float,
        parameter(
            "recency, frequency and money are read off the purchases of so many days before the horizon",
            unit="days",
            source="assumed: a year",
            gt=0,
            le=3650,
        ),
    ] = 365.0


class Experiment(Frozen, frozen=True):
    start: Annotated[datetime, parameter("where the clock starts, with its zone", source="scenario")]
    seed: Annotated[
        int, parameter("key of all random numbers", source="assumed: any", ge=0, le=2**63 - 1)
    ] = 1
    replications: Annotated[
        int,
        parameter(
            "independent runs behind each interval; 0: as many as make 200,000 customers in all, 3 to 20",
            unit="runs",
            source="assumed: Student intervals from 20 runs are 5 % wider than from many; a large population "
            "averages within itself",
            ge=0,
            le=100_000,
        ),
    ] = 0
    horizon_days: Annotated[
        float,
        parameter(
            "simulated time",
            unit="days",
            source="assumed: a week holds the campaign, its retry and late orders",
            gt=0,
            le=3660,
        ),
    ] = 7.0
    warm_up_days: Annotated[
        Annotated[int, Meta(ge=0)] | Literal["auto"],
        parameter(
            "days from the start that figures of a lasting state leave out (docs/simulator.md names them); "
            "auto: as many as MSER-5 finds in the daily series",
            unit="days",
            source="assumed: none, a campaign begins and ends",
        ),
    ] = 0
    confidence: Annotated[
        float,
        parameter("level of the intervals", unit="fraction", source="convention", gt=0.5, lt=1),
    ] = 0.95


class EventRule(Frozen, frozen=True):
    on: Annotated[
        Literal[
            "sent", "delivered", "read", "clicked", "ordered", "replied", "blocked", "complained", "visited"
        ],
        parameter("the event that fires it"),
    ]
    add: Annotated[list[str], parameter("tags given; {date} and {product} are the event's")] = []
    remove: Annotated[list[str], parameter("tags taken")] = []


class StandingRule(Frozen, frozen=True):
    when: Annotated[str, parameter("a filter expression: see docs/contacts.md", min_length=1)]
    add: Annotated[list[str], parameter("tags that those who match carry")] = []
    remove: Annotated[list[str], parameter("tags that those who match do not carry")] = []


class Tagging(Frozen, frozen=True):
    """Tags that come and go by themselves, and tags that exclude each other."""

    event_rules: Annotated[
        list[EventRule],
        parameter("applied with the event", source="T110: an order removes cart_abandoned within 5 minutes"),
    ] = field(
        default_factory=lambda: [
            EventRule(on="ordered", add=["purchased-{date}", "product-{product}"], remove=["cart_abandoned"])
        ]
    )
    standing_rules: Annotated[
        list[StandingRule],
        parameter("kept true all the time; the earlier wins", source="T001, T112, T019, T107"),
    ] = field(
        default_factory=lambda: [
            StandingRule(when="orders > 3", add=["high_value"]),
            StandingRule(when="sent in 60 days AND no read in 60 days AND ever read", add=["pre_churn"]),
            StandingRule(when="no read in 14 days", remove=["high_activity"]),
            StandingRule(when="ever ordered AND no first_order in 60 days", remove=["new_customer"]),
        ]
    )
    conflicts: Annotated[
        list[tuple[str, str]],
        parameter("pairs of tags that one customer should not carry", source="C237"),
    ] = field(default_factory=lambda: [("high_value", "recent_complaint")])


class Imports(Frozen, frozen=True):
    """How often large files of tags may come."""

    large_contacts: Annotated[
        int,
        parameter(
            "a file of so many contacts is a large one",
            unit="contacts",
            source="assumed: the source does not say; its example of a list has 500, a file at most 5,000",
            ge=1,
        ),
    ] = 1000
    delay_h: Annotated[
        float,
        parameter(
            "after more than three large ones in an hour (T044) no file is taken for so long; 0: it is",
            unit="h",
            source="T045: 1 to 2 h; assumed: off, since the limit is another platform's and documented nowhere",
            ge=0,
            le=48,
        ),
    ] = 0.0


class Storage(Frozen, frozen=True):
    """How long the server keeps what it has no more use for. Contacts and their opt-outs it keeps for good."""

    keep_days: Annotated[
        float,
        parameter(
            "messages, what customers wrote, events and history are deleted so long after they are settled",
            unit="days",
            source="assumed: a year, to compare a season with the one before; the law may ask for less",
            ge=31,
        ),
    ] = 365.0
    key_life_h: Annotated[
        float,
        parameter(
            "an Idempotency-Key answers with the first answer for so long",
            unit="h",
            source="assumed: a day, as payment services do",
            gt=0,
        ),
    ] = 24.0


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

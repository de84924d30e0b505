"""What the network does with messages and with accounts, as parameters."""

from typing import Annotated

from scenarios.parameters import Frozen, parameter


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
            "sends to the network that are not confirmed within 10 s; they are sent again, three times at most; the "
            "server's network alone: the simulator's confirms all",
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

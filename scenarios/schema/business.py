"""What a business on the WhatsApp Business Platform is there: its limits, its messages' category and market.

"Platform facts" are those of docs/network.md, with their marks: [M] the platform's own page, [3P] a third
party. What the platform does not publish is assumed, as in `server/network/`.
"""

from typing import Annotated, Literal

from scenarios.parameters import Frozen, parameter

STANDARD_PER_S, UPGRADED_PER_S = 80, 1_000  # a number's throughput, and after the platform's upgrade of it
UNLIMITED = 4  # level without a messaging limit, which the upgrade asks for


class Business(Frozen, frozen=True):
    """Accounts of the kind "business": numbers of one portfolio. No other kind reads this."""

    messages_per_s: Annotated[
        int,
        parameter(
            "pace of a number, at most the platform's throughput: 80, 1,000 of numbers without a messaging "
            "limit (level 4), or 20 where the app is used beside it",
            unit="messages/s",
            source="platform facts [M]: 80 a second, in and out together; what comes in is not reserved for",
            ge=1,
            le=UPGRADED_PER_S,
        ),
    ] = 80
    limit_level: Annotated[
        int,
        parameter(
            "messaging limit at the start: 250, 2,000, 10,000, 100,000 unique users in 24 h, or none (4)",
            unit="level from 0",
            source="platform facts [M]: what a verified business has at first",
            ge=0,
            le=UNLIMITED,
        ),
    ] = 1
    verified: Annotated[
        bool,
        parameter(
            "whether the business is verified, which lifts the lowest limit by itself",
            source="assumed: who writes to thousands is",
        ),
    ] = True
    category: Annotated[
        Literal["marketing", "utility"],
        parameter(
            "category of the template of campaign, pushes and follow-ups",
            source="platform facts [M]: offers are marketing",
        ),
    ] = "marketing"
    market: Annotated[
        str,
        parameter(
            "region (ISO 3166) that all customers are taken to be of; empty: each number's own",
            source="assumed: the number tells",
            pattern=r"^([A-Z]{2})?$",
        ),
    ] = ""
    cap_least: Annotated[
        int,
        parameter(
            "marketing messages in 24 h to a user who reads nothing, from all businesses together",
            unit="messages/day",
            source="assumed: the cap is never a ban; the platform has one and publishes no number",
            ge=0,
            le=100,
        ),
    ] = 1
    cap_most: Annotated[
        int,
        parameter(
            "the same to a user who reads all",
            unit="messages/day",
            source="assumed: so that a user whom nobody knows gets two",
            ge=0,
            le=100,
        ),
    ] = 3
    others_per_day: Annotated[
        float,
        parameter(
            "marketing that a user gets from other businesses, and that counts in the cap",
            unit="messages/day",
            source="assumed: none",
            ge=0,
            le=100,
        ),
    ] = 0.0
    report_weight: Annotated[
        float,
        parameter(
            "blocks that count as much as one report",
            unit="ratio",
            source="assumed: so that reports alone tell at 0.5 % (T025)",
            ge=0,
            le=1000,
        ),
    ] = 4.0
    quality_yellow: Annotated[
        float,
        parameter(
            "share of seven days' deliveries blocked or (weighted) reported from which quality is medium",
            unit="fraction",
            source="assumed: half of quality_red; the platform publishes none",
            gt=0,
            le=1,
        ),
    ] = 0.01
    quality_red: Annotated[
        float,
        parameter(
            "the same from which it is low, and the template is paused: 3 h, 6 h, for good",
            unit="fraction",
            source="assumed: reports alone at 0.5 % (T025); the pauses: platform facts [M]",
            gt=0,
            le=1,
        ),
    ] = 0.02
    spam_share: Annotated[
        float,
        parameter(
            "the same of a day's deliveries above which a number may begin no conversation for a day, and "
            "the business takes a step on the ladder of restrictions",
            unit="fraction",
            source="assumed: as quality_red; the ladder: platform facts [3P]",
            gt=0,
            le=1,
        ),
    ] = 0.02


def pace_of(business: Business) -> dict[str, float]:
    """The limits of [pacing] that a number of the platform has instead of those of an app's: by name."""
    a_second = business.messages_per_s
    return {
        "rate_per_min": 60 * a_second,
        "rate_per_hour": 3600 * a_second,
        "rate_per_day": 86_400 * a_second,
        "spacing_jitter": 0.0,
        "warm_up_days": 0.0,
        "warm_up_per_day": 86_400 * a_second,
        "equal_content_gap_s": 0.0,
    }

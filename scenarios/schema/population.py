"""Customers, as parameters: who they are, what they are worth, what they buy of their own accord."""

from typing import Annotated

from msgspec import field

from scenarios.parameters import Frozen, parameter


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
        float, parameter("value of its orders over the population's", unit="ratio", gt=0, le=1000)
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
            source="assumed: odds a factor e either way of the mean customer's; no source states a spread; C181 comes out (docs/scenarios.md)",
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
            le=1_000_000,
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

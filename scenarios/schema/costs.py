"""Prices and money, as parameters."""

from typing import Annotated

from scenarios.parameters import Frozen, parameter


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
        float,
        parameter(
            "gross profit over revenue, at the shipped discount of 15 % and of organic purchases; a campaign.discount "
            "that is deeper leaves what the goods cost as it is, so less of the price",
            unit="fraction",
            source="R109",
            ge=0,
            le=1,
        ),
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

"""What customers do with a message, as parameters."""

from typing import Annotated

from msgspec import Meta

from scenarios.parameters import Frozen, parameter

OddsRatio = Annotated[float, Meta(gt=0, le=1000)]


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
            source="assumed: a few readers in a thousand; the sources state monthly leave rates only (R157), which come out (docs/scenarios.md)",
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
        tuple[OddsRatio, ...],
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
        tuple[OddsRatio, ...],
        parameter(
            "the same by the day of the week, from Monday",
            unit="ratio",
            source="assumed: level, and a fifth less on weekends; R150 says less than half, which no such odds give (docs/scenarios.md)",
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
            source="assumed: a fifth less; no source states it (R160 is of satisfaction, which is not modelled)",
            gt=0,
            le=1,
        ),
    ] = 0.8
    fatigue_leave_odds: Annotated[
        float,
        parameter(
            "odds of opt-out, leaving and block for each message a day above the tolerance",
            unit="ratio",
            source="assumed: a fifth more; G219 and R157 come out (docs/scenarios.md)",
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
            source="assumed: odds 1.65 for the most sensitive; R163 is of clicks and G073 of joining, which no price moves here",
            ge=0,
            le=5,
        ),
    ] = 0.5
    lapsed_order_odds: Annotated[
        float,
        parameter(
            "odds of an order by a customer who no longer buys by themselves against one who does",
            unit="ratio",
            source="assumed: a fifth; C181 (a seventh for low activity) comes out (docs/scenarios.md)",
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

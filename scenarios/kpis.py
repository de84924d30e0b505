"""The names, units and definitions of every KPI: one vocabulary for simulated and measured results."""

import sys

import msgspec


class Definition(msgspec.Struct, frozen=True):
    name: str
    unit: str
    text: str


DEFINITIONS: tuple[Definition, ...] = tuple(
    Definition(*row)
    for row in (
        ("messages_sent", "messages", "Messages handed to the network; a retry counts again."),
        (
            "messages_unsent",
            "messages",
            "Messages still to be sent at the horizon: planned, without an open account or room under the messaging "
            "limit, or due another try.",
        ),
        ("messages_delivered", "messages", "Messages that reached a phone."),
        ("messages_read", "messages", "Delivered messages that were read."),
        ("messages_clicked", "messages", "Read messages whose link was clicked."),
        ("messages_replied", "messages", "Read messages that the customer answered."),
        ("delivery_rate", "fraction", "messages_delivered / messages_sent."),
        ("read_rate", "fraction", "Messages read / messages_delivered."),
        ("click_rate", "fraction", "Messages whose link was clicked / messages_delivered."),
        ("reply_rate", "fraction", "Messages answered by the customer / messages_delivered."),
        ("conversion_rate", "fraction", "orders / messages_delivered."),
        ("click_to_order_rate", "fraction", "orders / messages clicked."),
        ("opt_out_rate", "fraction", "Opt-outs (STOP) / messages_delivered."),
        ("block_rate", "fraction", "Customers blocking the account / messages_delivered."),
        ("complaint_rate", "fraction", "Complaints to the network / messages_delivered."),
        ("orders", "orders", "Orders within the horizon that messages brought."),
        ("revenue_usd", "USD", "Value of these orders."),
        (
            "cost_usd",
            "USD",
            "Messages, accounts, replacements, server, group posts and agents within the horizon.",
        ),
        (
            "roi",
            "USD per USD",
            "Gross profit returned for each 1 spent: revenue_usd x the gross margin at the campaign's discount / cost_usd. Below 0 where goods are sold below cost.",
        ),
        ("cac_usd", "USD", "cost_usd / customers who ordered."),
        (
            "ltv_usd",
            "USD per customer",
            "Gross profit of a customer of the population from the start to costs.ltv_horizon_days, discounted: all "
            "orders within the horizon, organic ones too, and the purchases expected beyond it of those who are "
            "still active then.",
        ),
        (
            "payback_days",
            "days",
            "Days until the gross profit of orders has covered the costs so far and does so to the horizon; over the "
            "replications in which it does.",
        ),
        (
            "organic_orders",
            "orders",
            "Purchases within the horizon that no message brought; no other KPI but ltv_usd counts them.",
        ),
        ("organic_revenue_usd", "USD", "Value of these purchases."),
        (
            "account_ban_rate",
            "fraction per 30 days",
            "Share of accounts banned in 30 sending days: 1 - exp(-30 h), h the mean daily ban hazard over "
            "the account-days with a send. The hazard that acted is used instead of the few bans that it "
            "happened to cause: the same expectation with far less noise.",
        ),
        ("accounts_banned", "accounts", "Accounts banned within the horizon."),
        (
            "send_duration_s",
            "s",
            "From the first to the last first-attempt send of the campaign; to the horizon when some are still "
            "to come; undefined if none left. Pushes and follow-ups, which go on to the horizon, do not count.",
        ),
        (
            "contacts_rejected",
            "contacts",
            "Contacts left out before sending: malformed number, no consent, missing variable.",
        ),
        (
            "group_daily_active_rate",
            "fraction",
            "Members who read a post of the day / members who were sent the day's first post, over all days.",
        ),
        (
            "group_leave_rate",
            "fraction per 30 days",
            "Members who left their group / member-days x 30; opting out of everything is not leaving.",
        ),
        (
            "messages_refused",
            "messages",
            "Business accounts only: tries that the platform refused, for whatever reason; a message may be tried again.",
        ),
        (
            "marketing_cap_rate",
            "fraction",
            "Business accounts only: tries refused because the user got enough marketing, or may get none / all tries.",
        ),
        (
            "messaging_limit_level",
            "level",
            "Business accounts only: messaging limit at the horizon, from 0 (250 users a day) to 4 (none).",
        ),
        (
            "restricted_days",
            "days",
            "Business accounts only: time in which the platform let the business begin no conversation: "
            "restricted, or its template paused.",
        ),
        (
            "sends_per_day",
            "messages/day",
            "With experiment.warm_up_days only: messages sent on a day after the warm-up, the mean.",
        ),
        (
            "conversations_per_day",
            "conversations/day",
            "With experiment.warm_up_days only: conversations that customers began on a day after the warm-up, the mean.",
        ),
        ("conversations_begun", "conversations", "Conversations that customers began by a reply."),
        (
            "auto_handled_rate",
            "fraction",
            "Conversations that the reply rules handled without a person / conversations_begun.",
        ),
        (
            "agent_wait_s_mean",
            "s",
            "Mean time from when a conversation reaches the agents until one has read it, or its customer leaves.",
        ),
        ("agent_wait_s_p95", "s", "95th percentile of the same."),
        (
            "long_wait_rate",
            "fraction",
            "Conversations that wait longer than agents.long_wait_s / all that reach agents.",
        ),
        ("abandoned_rate", "fraction", "Conversations whose customer left unread / all that reach agents."),
        (
            "resolution_rate",
            "fraction",
            "Conversations dealt with and resolved by the horizon / all that reach agents.",
        ),
        ("agent_utilisation", "fraction", "Agent-hours of dealing with conversations / agent_hours."),
        ("agent_hours", "h", "Agent-hours on shift, and past its end with a conversation."),
        (
            "response_time_s_p50",
            "s",
            "Median time from a customer's message to the server's decision on it. Measured: the HTTP answer "
            "of POST /reply, from the moment it was due. Simulated: waiting plus service at the server.",
        ),
        ("response_time_s_p95", "s", "95th percentile of the same."),
        ("response_time_s_p99", "s", "99th percentile of the same."),
        (
            "conversations_completed",
            "conversations",
            "Conversations whose last turn was answered as expected.",
        ),
        (
            "conversations_concurrent_peak",
            "conversations",
            "Most conversations open at one moment.",
        ),
        (
            "requests_per_s",
            "requests/s",
            "Requests answered by the server for each second of the test.",
        ),
        (
            "error_rate",
            "fraction",
            "Requests that failed or whose answer meant the wrong thing / requests.",
        ),
        (
            "escalation_rate",
            "fraction",
            "Customer messages handed to a person / customer messages.",
        ),
        (
            "client_cpu",
            "fraction of one core",
            "Load test only: processor time of the load generator / time. Above 0.6 the response times are "
            "the generator's own as much as the server's.",
        ),
        (
            "client_lag_s_p99",
            "s",
            "Load test only: 99th percentile of the time from when a message was due to when the load "
            "generator sent it. It is part of response_time_s.",
        ),
    )
)
UNITS: dict[str, str] = {definition.name: definition.unit for definition in DEFINITIONS}


def markdown() -> str:
    """docs/kpis.md, whole."""
    table = "\n".join(f"| `{d.name}` | {d.unit} | {d.text} |" for d in DEFINITIONS)
    return f"# KPIs\n\nGenerated from `scenarios/kpis.py` by `make docs`.\n\n| name | unit | definition |\n|---|---|---|\n{table}\n"


if __name__ == "__main__":
    sys.stdout.write(markdown())

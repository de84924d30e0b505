"""From the counts of a replication to its KPIs and series."""

from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenarios.margins import order_margin
from simulator.customers.histories import purchases_of
from simulator.customers.organic import Bought, bought_before
from simulator.customers.rfm import looked_back_on, shares
from simulator.engine.exposures import CAMPAIGN
from simulator.engine.inbox import Served, answers_of, kpis_of
from simulator.engine.platform import Platform
from simulator.engine.replication import Replication
from simulator.results.ledger import (
    Amounts,
    Cause,
    Ledger,
    amounts_of,
    binned,
    by_day,
    cumulative,
    ledger_of,
    payback_days,
)
from simulator.results.lifetime import lifetime_value_usd
from simulator.results.steady import daily, steady_kpis
from simulator.results.survival import lives_of
from simulator.sending.markets import UNIT_USD
from simulator.sending.network import BIN_S, DAY_S, MONTH_DAYS
from simulator.world import World, capacity, permitted

TIERED = 5  # replications at most whose customers are sorted into tiers: shares of thousands vary little,
TIERED_CUSTOMERS = 1_000_000  # and so many customers in all are enough
RATES = {
    "delivery_rate": ("messages_delivered", "messages_sent"),
    "read_rate": ("messages_read", "messages_delivered"),
    "click_rate": ("messages_clicked", "messages_delivered"),
    "reply_rate": ("messages_replied", "messages_delivered"),
    "conversion_rate": ("orders", "messages_delivered"),
    "click_to_order_rate": ("orders", "messages_clicked"),
    "opt_out_rate": ("opt_outs", "messages_delivered"),
    "block_rate": ("blocks", "messages_delivered"),
    "complaint_rate": ("complaints", "messages_delivered"),
}
COUNTS = (
    "messages_sent",
    "messages_delivered",
    "messages_read",
    "messages_clicked",
    "messages_replied",
    "orders",
    "accounts_banned",
)
KPIS = (
    *COUNTS,
    "messages_unsent",
    *RATES,
    "revenue_usd",
    "cost_usd",
    "roi",
    "cac_usd",
    "ltv_usd",
    "payback_days",
    "organic_orders",
    "organic_revenue_usd",
    "account_ban_rate",
    "send_duration_s",
    "contacts_rejected",
)  # all that every replication reports, in its order
OF_GROUPS = ("group_daily_active_rate", "group_leave_rate")
OF_CONVERSATIONS = (
    "conversations_begun",
    "auto_handled_rate",
    *("agent_wait_s_mean", "agent_wait_s_p95", "long_wait_rate", "abandoned_rate", "resolution_rate"),
    *("agent_utilisation", "agent_hours"),
)
OF_PLATFORM = ("messages_refused", "marketing_cap_rate", "messaging_limit_level", "restricted_days")


@dataclass(frozen=True, slots=True)
class Summary:
    """What is left of a replication."""

    kpis: dict[str, float]  # nan: undefined
    series: dict[str, NDArray[np.float64]]  # by 15-minute bin
    histograms: dict[str, NDArray[np.int64]]
    tiers: dict[str, NDArray[np.float64]]  # rfm.Shares; empty after the first replications
    lives: dict[str, NDArray[Any]]  # survival.Lives of the accounts
    # With experiment.warm_up_days "auto", else empty:
    daily: dict[str, NDArray[np.float64]]  # series by day, in which a warm-up is looked for
    steady: dict[str, NDArray[np.float64]]  # KPIs by the number of days left out, from 0


def reported(world: World) -> tuple[str, ...]:
    """The KPIs that each replication of a world reports, whether or not they are defined in it."""
    scenario = world.scenario
    has_agents, days = bool(scenario.agents.shifts), scenario.experiment.warm_up_days
    return (
        *KPIS,
        *(OF_GROUPS if world.posts else ()),
        *(OF_CONVERSATIONS if has_agents else ()),
        *(OF_PLATFORM if world.markets is not None else ()),
        *(("sends_per_day",) if days and days != "auto" else ()),
        *(("conversations_per_day",) if days and days != "auto" and has_agents else ()),
    )


def simulate_once(world: World, number: int) -> Summary:
    """Run replication `number` (from 1) and sum it up."""
    run = Replication(world, number)
    run.run()
    return summary_of(run)


def summary_of(run: Replication) -> Summary:
    scenario = run.world.scenario
    served = run.inbox.served()
    people = {} if served is None else kpis_of(served, scenario.agents, run.world.horizon_s)
    ledger = money_of(run, served)
    kpis = {**_kpis(run, ledger), **_groups(run), **people, **_platform(run)}
    is_auto = scenario.experiment.warm_up_days == "auto"
    return Summary(
        kpis={**kpis, **_steady(run, served)},
        series=_series(run, ledger),
        histograms=run.tally.histograms,
        tiers=_tiers(run),
        lives=lives_of(run)._asdict(),
        daily=daily(run, served) if is_auto else {},
        steady=_by_days_left_out(run, served) if is_auto else {},
    )


def _steady(run: Replication, served: Served | None) -> dict[str, float]:
    """Where the scenario states how many days are left out."""
    days = run.world.scenario.experiment.warm_up_days
    return steady_kpis(run, served, days) if isinstance(days, int) and days else {}


def _by_days_left_out(run: Replication, served: Served | None) -> dict[str, NDArray[np.float64]]:
    """Up to half of all: no more is ever left out (`warm_up.length`)."""
    most = int(run.world.horizon_s // DAY_S) // 2
    rows = [steady_kpis(run, served, days) for days in range(most + 1)]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def money_of(run: Replication, served: Served | None) -> Ledger:
    """All money of a finished run. `served`: what became of its conversations."""
    hours = 0.0 if served is None else served.handled.paid_h
    return ledger_of(
        run.world.scenario.costs,
        run.tally.tables.sends.astype(np.int64),
        run.tally.revenue_cents,
        run.fleet.opened_s,
        run.fleet.closed_s,
        run.fleet.bought,
        run.world.horizon_s,
        organic_cents=binned(run.organic.at_s, run.organic.cents),
        posts=_posts(run.world),
        agent_hours=by_day(hours, run.world.horizon_s),
        charged_usd=None if run.platform is None else _charged(run.platform, run.world, served),
    )


def _charged(platform: Platform, world: World, served: Served | None) -> dict[Cause, Amounts]:
    """USD that the platform charges: templates delivered, and answers where conversations are followed."""
    charged = {Cause[world.scenario.business.category.upper()]: amounts_of(platform.charged, UNIT_USD)}
    if served is not None:
        answers = answers_of(served, world.scenario.funnel.act_delay_median_s, world.horizon_s)
        charged[Cause.SERVICE] = amounts_of(platform.answered(answers), UNIT_USD)
    return charged


def _platform(run: Replication) -> dict[str, float]:
    """What the platform adds; nothing for accounts of an app."""
    if run.platform is None:
        return {}
    total = run.tally.total
    tried = total["messages_sent"] + total["messages_refused"]
    return {
        "messages_refused": float(total["messages_refused"]),
        "marketing_cap_rate": _ratio(total["messages_capped"], tried),
        **run.platform.figures(),
    }


def _posts(world: World) -> Amounts:
    """Each content is made once, however many groups get it."""
    first_s: dict[int, float] = {}
    for post in world.posts:
        first_s.setdefault(post.number, post.at_s)
    at_s = np.array(list(first_s.values()))
    return binned(at_s, np.ones(len(at_s), np.int64))


def _groups(run: Replication) -> dict[str, float]:
    """What groups add; none without them."""
    if not run.world.posts:
        return {}
    left = int(np.count_nonzero(run.crowd.left_group_s < run.world.horizon_s))
    member_days = run.tally.total["members_days"]
    return {
        "group_daily_active_rate": _ratio(run.tally.total["active_days"], member_days),
        "group_leave_rate": _ratio(left * MONTH_DAYS, member_days),
    }


def _tiers(run: Replication) -> dict[str, NDArray[np.float64]]:
    """Shares of customers and revenue, from all purchases up to the horizon, whatever brought them."""
    if run.number > max(1, min(TIERED, TIERED_CUSTOMERS // run.world.customers.size)):
        return {}
    world, organic = run.world, run.organic
    before = (
        bought_before(organic.buyers, world.traits, run.hidden, world.scenario.experiment.seed, run.number)
        if world.known is None
        else [purchases_of(world.known, world.customers.row)]
    )
    since = Bought(organic.customer, organic.at_s, organic.cents)
    look_back_s = world.scenario.purchases.look_back_days * DAY_S
    bought = looked_back_on(chain(before, [since, run.bought]), world.horizon_s, look_back_s)
    return shares(bought, world.customers.size)._asdict()


def _kpis(run: Replication, ledger: Ledger) -> dict[str, float]:
    total = run.tally.total
    return {
        **{name: float(total[name]) for name in COUNTS},
        "messages_unsent": float(unsent(run)),
        **{name: _ratio(total[part], total[whole]) for name, (part, whole) in RATES.items()},
        **_money(run, ledger),
        "account_ban_rate": _ban_rate(run),
        "send_duration_s": _send_duration_s(run),
        "contacts_rejected": float(np.count_nonzero(run.world.rejected)),
    }


def unsent(run: Replication) -> int:
    """What the horizon cut off: planned, waiting for an account or for room, or for another try."""
    waiting = sum(len(one.customer) for one in run.waiting)
    return len(run.queue) + waiting + len(run.held) + run.pending.messages


def _send_duration_s(run: Replication) -> float:
    """From the campaign's first to its last first try; to the horizon if some are to come. nan: none left."""
    first_s, last_s = run.tally.tables.first_try_s.tolist()
    if first_s == np.inf:
        return np.nan
    is_first = run.exposures.number == CAMPAIGN
    waiting = [*run.waiting, *run.held.parts]
    left = [*(wave.exposure for wave in run.queue.waves), *(one.exposure for one in waiting)]
    cut_off = any(is_first.take(exposure).any() for exposure in left)
    return float((run.world.horizon_s if cut_off else last_s) - first_s)


def _money(run: Replication, ledger: Ledger) -> dict[str, float]:
    scenario = run.world.scenario
    costs = scenario.costs
    margin = order_margin(costs.gross_margin, scenario.campaign.discount)
    cost, revenue = ledger.costs.total_usd, ledger.orders.total_usd
    return {
        "revenue_usd": revenue,
        "cost_usd": cost,
        "roi": _ratio(revenue * margin, cost),
        "cac_usd": _ratio(cost, int(np.count_nonzero(run.crowd.ordered))),
        "ltv_usd": lifetime_value_usd(
            costs, margin, ledger, run.world.traits, run.hidden, run.organic, run.world.horizon_s
        ),
        "payback_days": payback_days(ledger, margin),
        "organic_orders": float(len(run.organic.at_s)),
        "organic_revenue_usd": ledger.organic.total_usd,
    }


def _ban_rate(run: Replication) -> float:
    """1 - exp(-30 h), h the mean hazard of an account-day with a send."""
    days = int(np.count_nonzero(run.risk.sending))
    return float(-np.expm1(-MONTH_DAYS * _ratio(float(run.risk.hazard[run.risk.sending].sum()), days)))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else np.nan


def _series(run: Replication, ledger: Ledger) -> dict[str, NDArray[np.float64]]:
    """Without the capacity of a business's numbers: its limit is of users, not of messages an hour."""
    per_h = 3600 / BIN_S
    return {
        "sends_per_h": run.tally.tables.sends.sum(axis=(1, 2)) * per_h,
        **({} if run.platform is not None else {"capacity_per_h": _capacity(run) * per_h}),
        "deliveries_per_h": run.tally.tables.deliveries * per_h,
        "revenue_usd_cum": cumulative(ledger.orders, run.tally.bins),
        "cost_usd_cum": cumulative(ledger.costs, run.tally.bins),
    }


def _capacity(run: Replication) -> NDArray[np.float64]:
    """Of the accounts that write to customers: those that post to groups do nothing else."""
    pacing, fleet, own = run.world.scenario.pacing, run.fleet, run.lines["message"].accounts
    warm_until_s = fleet.first_send_s[own] + pacing.warm_up_days * DAY_S
    return capacity(pacing, permitted(run.world), fleet.opened_s[own], fleet.closed_s[own], warm_until_s)

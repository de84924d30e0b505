"""What each field allows but the whole does not: strategies and worlds that cannot be run."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from scenarios.content import variables_of
from scenarios.schema import Scenario
from scenarios.schema.business import STANDARD_PER_S, UNLIMITED
from scenarios.zones import WANTED, is_zone

MOST_PURCHASES_A_WEEK = 50
EARLIEST_YEAR, LATEST_YEAR = 1970, 2200
LEAST_DAYS = 50  # ten batches of five: MSER-5 (docs/simulator.md)
PORTFOLIO_LIMITS_SINCE = date(2025, 10, 7)  # docs/network.md: before, each number had a limit of its own


def problem_of(scenario: Scenario) -> str | None:
    """The first contradiction in a scenario as `field: what is wrong; the mend`, or None."""
    return next((problem for check in CHECKS if (problem := check(scenario))), None)


def _clock_has_zone(scenario: Scenario) -> str | None:
    for name, moment in (
        ("experiment.start", scenario.experiment.start),
        ("campaign.start", scenario.campaign.start),
    ):
        if moment.tzinfo is None:
            return f"{name}: found {moment.isoformat()}; needs a zone, as in 2026-12-01T14:00:00Z"
    return None


def _the_start_is_of_our_time(scenario: Scenario) -> str | None:
    start = scenario.experiment.start
    if not EARLIEST_YEAR <= start.year < LATEST_YEAR:
        return (
            f"experiment.start: found {start.isoformat()}; must lie from {EARLIEST_YEAR} to "
            f"{LATEST_YEAR - 1}, whose time zones are known"
        )
    return None


def _campaign_is_not_in_the_past(scenario: Scenario) -> str | None:
    begin, start = scenario.experiment.start, scenario.campaign.start
    if start < begin:
        return (
            f"campaign.start: found {start.isoformat()}, in the past of experiment.start "
            f"({begin.isoformat()}); schedule it at or after that"
        )
    return None


def _horizon_holds_the_campaign(scenario: Scenario) -> str | None:
    end: datetime = scenario.experiment.start + timedelta(days=scenario.experiment.horizon_days)
    if scenario.campaign.start >= end:
        return (
            f"experiment.horizon_days: found {scenario.experiment.horizon_days:g}; the run ends before "
            f"campaign.start ({scenario.campaign.start.isoformat()}); lengthen it"
        )
    return None


def _quiet_hours_leave_a_window(scenario: Scenario) -> str | None:
    pacing = scenario.pacing
    if pacing.quiet_from == pacing.quiet_until != "00:00":
        return (
            f"pacing.quiet_from: quiet hours from {pacing.quiet_from} until {pacing.quiet_until} cover the "
            "whole day, nothing could be sent; make them shorter, or 00:00 to 00:00 for none"
        )
    return None


def _new_accounts_exist(scenario: Scenario) -> str | None:
    accounts = scenario.accounts
    if accounts.new_count > accounts.count:
        return (
            f"accounts.new_count: found {accounts.new_count}; must be at most "
            f"accounts.count ({accounts.count})"
        )
    return None


def _delivery_leaves_room_for_the_unregistered(scenario: Scenario) -> str | None:
    network = scenario.network
    for name in ("delivery_rate", "delivery_rate_over_limit"):
        most = 1 - network.unregistered_fraction
        if getattr(network, name) > most:
            return (
                f"network.{name}: found {getattr(network, name):g}; must be <= {most:g}, since "
                f"network.unregistered_fraction ({network.unregistered_fraction:g}) never arrive"
            )
    return None


def _reply_delays_are_in_order(scenario: Scenario) -> str | None:
    replies = scenario.replies
    if replies.delay_min_s > replies.delay_max_s:
        return (
            f"replies.delay_min_s: found {replies.delay_min_s:g}; must be <= "
            f"replies.delay_max_s ({replies.delay_max_s:g})"
        )
    return None


def _shares_add_up(scenario: Scenario) -> str | None:
    total = sum(script.share for script in scenario.conversations.scripts)
    if abs(total - 1) > 1e-6:
        return f"conversations.scripts: the shares add up to {total:g}; they must add up to 1"
    return None


def _expected_intents_exist(scenario: Scenario) -> str | None:
    known = {rule.intent for rule in scenario.replies.rules} | {
        "escalated",
        "opted_out",
        "unmatched",
    }
    for script in scenario.conversations.scripts:
        for turn in script.turns:
            if turn.expect not in known:
                return (
                    f"conversations.scripts: {script.kind} expects intent {turn.expect!r}, which no rule "
                    f"answers; allowed: {', '.join(sorted(known))}"
                )
    return None


def _agents_have_somebody_to_answer(scenario: Scenario) -> str | None:
    if scenario.agents.shifts and all(script.kind == "stop" for script in scenario.conversations.scripts):
        return (
            "conversations.scripts: all are of kind stop, but agents.shifts names people to answer "
            "conversations; add another kind, or leave the shifts out"
        )
    return None


def _template_is_one(scenario: Scenario) -> str | None:
    try:
        variables_of(scenario.campaign.template)
    except ValueError as error:
        return f"campaign.template: {error}; write variables as {{name}} and a brace as {{{{"
    return None


def _pacing_caps_fit_each_other(scenario: Scenario) -> str | None:
    pacing = scenario.pacing
    if pacing.warm_up_per_day > pacing.rate_per_day:
        return (
            f"pacing.warm_up_per_day: found {pacing.warm_up_per_day}; must be <= "
            f"pacing.rate_per_day ({pacing.rate_per_day})"
        )
    return None


def _segments_are_whole(scenario: Scenario) -> str | None:
    segments = scenario.population.segments
    names = [segment.name for segment in segments]
    shares = [segment.share for segment in segments if segment.share is not None]
    for segment in segments:
        if names.count(segment.name) > 1:
            return f"population.segments: {segment.name!r} is stated twice; give each a name of its own"
        if shares and segment.share is None:
            return (
                f"population.segments: {segment.name} has no share; state one for all segments, or for none "
                "if the contact file has a column segment"
            )
    if shares and abs(sum(shares) - 1) > 1e-6:
        return f"population.segments: the shares add up to {sum(shares):g}; they must add up to 1"
    return None


def _usd_is_one_usd(scenario: Scenario) -> str | None:
    costs = scenario.costs
    if costs.currency == "USD" and costs.usd_rate != 1:
        return (
            f"costs.usd_rate: found {costs.usd_rate:g}, but costs.currency is USD; state your currency, or 1"
        )
    return None


def _replications_make_an_interval(scenario: Scenario) -> str | None:
    if scenario.experiment.replications == 1:
        return (
            "experiment.replications: found 1; must be at least 2, since one run has no interval, or 0 for "
            "as many as the population needs"
        )
    return None


def _purchases_are_of_this_world(scenario: Scenario) -> str | None:
    purchases = scenario.purchases
    a_week = purchases.r / purchases.alpha_weeks
    if a_week > MOST_PURCHASES_A_WEEK:
        return (
            f"purchases.alpha_weeks: found {purchases.alpha_weeks:g}, so that the mean customer buys "
            f"{a_week:,.0f} times a week (r / alpha_weeks); must be at most {MOST_PURCHASES_A_WEEK}"
        )
    return None


def _posts_are_apart(scenario: Scenario) -> str | None:
    pacing = scenario.pacing
    for clock in scenario.groups.post_times:
        if scenario.groups.post_times.count(clock) > 1:
            return f"groups.post_times: {clock} stands twice; name each time once"
        if pacing.quiet_until < pacing.quiet_from and not pacing.quiet_until <= clock < pacing.quiet_from:
            return (
                f"groups.post_times: {clock} lies in the quiet hours ({pacing.quiet_from} to "
                f"{pacing.quiet_until}); choose another time"
            )
    return None


def _kinds_share_all_posts(scenario: Scenario) -> str | None:
    total = sum(kind.share for kind in scenario.groups.kinds)
    if abs(total - 1) > 1e-6:
        return f"groups.kinds: the shares add up to {total:g}; they must add up to 1"
    return None


def _agents_work_some_time_somewhere(scenario: Scenario) -> str | None:
    agents = scenario.agents
    if not is_zone(agents.zone):
        return f"agents.zone: found {agents.zone!r}; {WANTED}"
    for shift in agents.shifts:
        if shift.start == shift.end != "00:00":
            return (
                f"agents.shifts: {shift.start} to {shift.end} is no time; set them apart, or both to "
                "00:00 for round the clock"
            )
    return None


def _a_business_keeps_to_its_platform(scenario: Scenario) -> str | None:
    if scenario.accounts.kind != "business":
        return None
    if scenario.groups.post_times:
        return (
            "groups.post_times: accounts.kind is business, whose groups hold 8 people; "
            "leave the posts out, or make the accounts app"
        )
    if scenario.experiment.start.astimezone(UTC).date() < PORTFOLIO_LIMITS_SINCE:
        return (
            f"experiment.start: found {scenario.experiment.start.isoformat()}; business accounts are "
            f"simulated from {PORTFOLIO_LIMITS_SINCE.isoformat()} on, since when all numbers share one limit"
        )
    return None


def _the_business_limits_are_in_order(scenario: Scenario) -> str | None:
    business = scenario.business
    for low, high in (("cap_least", "cap_most"), ("quality_yellow", "quality_red")):
        if getattr(business, low) > getattr(business, high):
            return (
                f"business.{low}: found {getattr(business, low):g}; must be <= "
                f"business.{high} ({getattr(business, high):g})"
            )
    return None


def _the_pace_is_one_of_the_platforms(scenario: Scenario) -> str | None:
    business = scenario.business
    if business.messages_per_s > STANDARD_PER_S and business.limit_level < UNLIMITED:
        return (
            f"business.messages_per_s: found {business.messages_per_s}; above {STANDARD_PER_S} it needs "
            f"business.limit_level {UNLIMITED}: the platform upgrades numbers without a messaging limit"
        )
    return None


def _the_warm_up_leaves_something(scenario: Scenario) -> str | None:
    days, horizon = scenario.experiment.warm_up_days, scenario.experiment.horizon_days
    if days == "auto":
        if horizon < LEAST_DAYS:
            return (
                f"experiment.warm_up_days: auto needs {LEAST_DAYS} days to tell, experiment.horizon_days is "
                f"{horizon:g}; lengthen it, or state a number"
            )
    elif days and days >= int(horizon):
        return (
            f"experiment.warm_up_days: found {days}; must be less than the whole days of "
            f"experiment.horizon_days ({horizon:g})"
        )
    return None


CHECKS: tuple[Callable[[Scenario], str | None], ...] = (
    _clock_has_zone,
    _the_start_is_of_our_time,
    _campaign_is_not_in_the_past,
    _horizon_holds_the_campaign,
    _quiet_hours_leave_a_window,
    _template_is_one,
    _new_accounts_exist,
    _pacing_caps_fit_each_other,
    _replications_make_an_interval,
    _posts_are_apart,
    _kinds_share_all_posts,
    _agents_work_some_time_somewhere,
    _delivery_leaves_room_for_the_unregistered,
    _reply_delays_are_in_order,
    _shares_add_up,
    _expected_intents_exist,
    _agents_have_somebody_to_answer,
    _segments_are_whole,
    _usd_is_one_usd,
    _purchases_are_of_this_world,
    _the_warm_up_leaves_something,
    _a_business_keeps_to_its_platform,
    _the_business_limits_are_in_order,
    _the_pace_is_one_of_the_platforms,
)

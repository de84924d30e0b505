"""A run in five lines of plain words."""

from collections.abc import Sequence

from reports.numbers import duration, told_apart, with_interval
from reports.run import WORDS, Run, run_of
from reports.tables import label
from scenarios.result import Kpi, Result, Verdict


def lines(results: Sequence[Result]) -> list[str]:
    """Five lines: sent and delivered, money, account risk, what the server held, service levels.

    `results` are those of one run: a simulation, a load test or both. InputError as for `run_of`.
    """
    run = run_of(results)
    return [_messages(run), _money(run), _risk(run), _server(run), _levels(run)]


def _messages(run: Run) -> str:
    sent = run.kpi("messages_sent")
    if sent is None:
        return "Messages: none were counted in this run."
    took = _words(run, "send_duration_s", ", the campaign's first tries within {}")
    delivered = _words(run, "delivery_rate", "; {} delivered")
    read = _words(run, "read_rate", ", {} of these read")
    rejected = _words(run, "contacts_rejected", "; {} contacts left out before sending")
    return f"Messages: {with_interval(sent)} sent{took}{delivered}{read}{rejected}."


def _money(run: Run) -> str:
    revenue, cost = run.kpi("revenue_usd"), run.kpi("cost_usd")
    if revenue is None or cost is None:
        return "Money: not simulated in this run."
    orders = _words(run, "orders", " from {} orders")
    roi = _words(run, "roi", "; each USD spent returned {} USD of gross profit")
    return f"Money: {_usd(revenue)} earned{orders}, {_usd(cost)} spent{roi}."


def _usd(kpi: Kpi) -> str:
    value, bracket, interval = with_interval(kpi).partition(" (")
    return f"{value} USD{bracket}{interval}"


def _risk(run: Run) -> str:
    ban = run.kpi("account_ban_rate")
    if ban is None:
        return "Account risk: not simulated in this run."
    banned = _words(run, "accounts_banned", ", {} in a run on the mean")
    stops = _words(run, "opt_out_rate", "; {} of the messages delivered led to an opt-out")
    complaints = _words(run, "complaint_rate", ", {} to a complaint")
    risk = f"{with_interval(ban)} of the accounts banned in 30 sending days"
    return f"Account risk: {risk}{banned}{stops}{complaints}."


def _server(run: Run) -> str:
    if run.measured is None:
        return "Server: no load test in this run."
    measured = Run(None, run.measured)
    held = _words(measured, "conversations_concurrent_peak", " {} conversations held at once")
    rate = _words(measured, "requests_per_s", ", {} requests a second")
    p95 = measured.kpi("response_time_s_p95")
    expected = run.predicted.kpis.get("response_time_s_p95") if run.predicted else None
    answered = f", 95 % answered within {duration(p95.value)}" if p95 else ""
    predicted = f" (predicted {duration(expected.value)})" if p95 and expected else ""
    errors = _words(measured, "error_rate", ", {} errors")
    text = f"{held}{rate}{answered}{predicted}{errors}".strip(" ,")
    return f"Server: {text or 'the load test measured nothing'}."


def _levels(run: Run) -> str:
    verdicts = [(result, verdict) for result in run.results for verdict in result.verdicts]
    if not verdicts:
        return "Service levels: none were judged."
    missed = [_miss(result, verdict) for result, verdict in verdicts if not verdict.met]
    if not missed:
        return f"Service levels: all {len(verdicts)} checks met."
    met = f"{len(verdicts) - len(missed)} of {len(verdicts)} checks met"
    return f"Service levels: {met}; missed: {'; '.join(missed)}."


def _miss(result: Result, verdict: Verdict) -> str:
    kpi = result.kpis.get(verdict.kpi)
    value, bound = told_apart(verdict.value, verdict.bound, kpi.unit if kpi else "")
    wanted = f"{'at least' if verdict.least else 'at most'} {bound} wanted"
    return f"{label(verdict.kpi).lower()} {value} {WORDS[result.kind]}, {wanted}"


def _words(run: Run, name: str, template: str) -> str:
    """The template with the KPI in it, or nothing if the run lacks it."""
    kpi = run.kpi(name)
    if kpi is None:
        return ""
    return template.format(duration(kpi.value) if kpi.unit == "s" else with_interval(kpi))

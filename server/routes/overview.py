"""How the server is doing: figures now and by the hour, alarms, accounts, life."""

import time
from functools import partial
from typing import Annotated

import msgspec
from msgspec import Meta, Struct, field

from server.analytics import figures, health
from server.analytics.accounts import AccountReports, account_reports
from server.http.problems import Problem
from server.routes.endpoint import Answer, Call, Events, Route
from server.sending import reading
from server.service import Service
from server.wire import Health, Moment, seconds_of

METRICS = b"text/plain; version=0.0.4; charset=utf-8"
DAY_S = 86_400.0
LONGEST_DAYS = 366
FOLLOW_S = 2.0  # real seconds between events of all figures


async def stats(service: Service, _call: Call) -> Answer:
    """Figures of everything so far."""
    return 200, msgspec.json.encode(await read_stats(service))


async def read_stats(service: Service) -> figures.Stats:
    look = partial(
        figures.stats,
        limits=service.scenario.imports,
        now_s=service.clock.now(),
        speed=service.clock.speed,
        lag_s=service.dispatcher.lag_s,
        network_delay_s=service.dispatcher.handovers.delay_s(),
        process_cpu_s=time.process_time(),
        commits=service.writer.commits,
    )
    return await service.readers.run(look)


async def stats_events(service: Service, _call: Call) -> Events:
    """The same figures as they change (server-sent events); it has no end."""
    return service.watching.changes(
        partial(read_stats, service),
        key="stats",
        show=msgspec.json.encode,
        ended=lambda _found: False,
        period_s=FOLLOW_S,
    )


class HistoryQuery(Struct, forbid_unknown_fields=True, frozen=True):
    """`from` and `to` are ISO times with zone, of the server's clock; by default the last day."""

    by: figures.By = "hour"
    from_: Moment | None = field(name="from", default=None)
    to: Moment | None = None
    key: Annotated[str, Meta(min_length=1, max_length=64)] | None = None


async def history(service: Service, call: Call) -> Answer:
    """What was sent hour by hour: in all, by account, batch or tag."""
    query: HistoryQuery = call.query
    end_s = seconds_of(query.to, "to") if query.to else service.clock.now()
    start_s = seconds_of(query.from_, "from") if query.from_ else end_s - DAY_S
    if not 0 < end_s - start_s <= LONGEST_DAYS * DAY_S:
        raise Problem(422, f"must be before `to`, by {LONGEST_DAYS} days at most", "from")
    if query.key is not None and query.by == "hour":
        raise Problem(422, "give an account, batch or tag as by", "key")
    found = await service.readers.run(
        partial(figures.history, by=query.by, start_s=start_s, end_s=end_s, key=query.key)
    )
    return 200, msgspec.json.encode(found)


async def alarms(service: Service, _call: Call) -> Answer:
    """Every figure that is watched, with its limit and its claims."""
    return 200, msgspec.json.encode(await read_alarms(service))


async def read_alarms(service: Service) -> health.Alarms:
    look = partial(
        health.alarms,
        settings=health.settings_of(service.scenario),
        now_s=service.clock.now(),
        lag_s=service.dispatcher.lag_s,
        network_delay_s=service.dispatcher.handovers.delay_s(),
    )
    return await service.readers.run(look)


async def prometheus(service: Service, _call: Call) -> Answer:
    """All figures for Prometheus."""
    from server.analytics import metrics  # not before somebody asks: its library takes a megabyte

    found = await read_stats(service), await read_alarms(service)
    return 200, metrics.exposition(*found, service.seen, service.dispatcher.handovers.exhausted)


async def account_list(service: Service, _call: Call) -> Answer:
    """Each account with its health and age, and which numbers to replace."""
    look = partial(account_reports, rules=service.scenario.pacing, now_s=service.clock.now())
    return 200, msgspec.json.encode(await service.readers.run(look))


async def read_accounts(service: Service) -> list[reading.AccountState]:
    look = partial(reading.account_states, rules=service.scenario.pacing, now_s=service.clock.now())
    return await service.readers.run(look)


async def alive(service: Service, _call: Call) -> Answer:
    """Whether accepted messages go out."""
    if not service.is_alive:
        raise Problem(503, "the server no longer sends; see its log and start it again")
    return 200, b'{"status":"ok"}'


ROUTES = (
    Route("GET", "/stats", stats, "read", answer=figures.Stats),
    Route("GET", "/stats/events", stats_events, "read", answer=figures.Stats, streams=True),
    Route("GET", "/stats/history", history, "read", query=HistoryQuery, answer=figures.History),
    Route("GET", "/alarms", alarms, "read", answer=health.Alarms),
    Route("GET", "/metrics", prometheus, "read", gives=METRICS),
    Route("GET", "/accounts", account_list, "read", answer=AccountReports),
    Route("GET", "/healthz", alive, None, answer=Health),
)

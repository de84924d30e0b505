"""The page for a browser, and the stream that keeps it alive."""

from functools import partial

from server.analytics.figures import history
from server.page.rendering import HOURS, Overview, live, page
from server.routes.endpoint import Answer, Call, Events, Route
from server.routes.overview import FOLLOW_S, read_accounts, read_alarms, read_stats
from server.sending.reading import newest_batches
from server.service import Service

HTML = b"text/html; charset=utf-8"
BATCHES = 8  # on the page
HOUR_S = 3600.0


async def show(service: Service, _call: Call) -> Answer:
    """The server at a glance, for a browser."""
    return 200, page(await service.watching.latest("page", partial(_look, service)))


async def follow(service: Service, _call: Call) -> Events:
    """The part of the page that changes (server-sent events); it has no end."""
    return service.watching.changes(
        partial(_look, service), key="page", show=live, ended=lambda _found: False, period_s=FOLLOW_S
    )


async def _look(service: Service) -> Overview:
    now_s = service.clock.now()
    day = partial(history, by="hour", start_s=now_s - (HOURS - 1) * HOUR_S, end_s=now_s + 1, key=None)
    return Overview(
        stats=await read_stats(service),
        alarms=await read_alarms(service),
        hours=(await service.readers.run(day)).rows,
        batches=await service.readers.run(partial(newest_batches, now_s=now_s, limit=BATCHES)),
        accounts=await read_accounts(service),
        cap_per_hour=service.scenario.pacing.rate_per_hour,
    )


ROUTES = (
    Route("GET", "/", show, "read", gives=HTML, browser=True),
    Route("GET", "/live", follow, "read", streams=True, browser=True),
)

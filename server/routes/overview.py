"""How the server is doing: figures, accounts, life."""

from functools import partial

import msgspec

from server import reading
from server.endpoint import Answer, Call, Route
from server.problems import Problem
from server.service import Service
from server.wire import Health


async def stats(service: Service, _call: Call) -> Answer:
    """Figures of everything so far."""
    clock, lag_s = service.clock, service.dispatcher.lag_s
    found = await service.readers.run(
        partial(reading.stats, now_s=clock.now(), speed=clock.speed, lag_s=lag_s)
    )
    return 200, msgspec.json.encode(found)


async def account_list(service: Service, _call: Call) -> Answer:
    """Each account: open, sent, warming up."""
    found = await service.readers.run(
        partial(reading.account_states, rules=service.scenario.pacing, now_s=service.clock.now())
    )
    return 200, msgspec.json.encode(reading.AccountStates(found))


async def health(service: Service, _call: Call) -> Answer:
    """Whether accepted messages go out."""
    if not service.is_alive:
        raise Problem(503, "the server no longer sends; see its log and start it again")
    return 200, b'{"status":"ok"}'


ROUTES = (
    Route("GET", "/stats", stats, "read", answer=reading.Stats),
    Route("GET", "/accounts", account_list, "read", answer=reading.AccountStates),
    Route("GET", "/healthz", health, None, answer=Health),
)

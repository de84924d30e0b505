"""Batches: accepted, followed, held and let go."""

from functools import partial

import msgspec

from server.endpoint import Answer, Call, Events, Route
from server.holding import Cancel, Held, Pause, Resume
from server.reading import BatchProgress, batch_progress
from server.sending import read_send
from server.service import Service
from server.wire import SendBody


async def send(service: Service, call: Call) -> Answer:
    request = await read_send(call.body, call.header(b"idempotency-key"), service.numbers, service.readers)
    body: bytes = await service.writer.submit(request, weight=1 + len(request.candidates))
    service.dispatcher.wake()
    return 202, body


async def batch(service: Service, call: Call) -> Answer:
    return 200, msgspec.json.encode(await _progress(service, call.path["batch_id"]))


async def events(service: Service, call: Call) -> Events:
    look = partial(_progress, service, call.path["batch_id"])
    await look()  # a batch that does not exist is a problem, not a stream
    return service.watching.changes(
        look, key=call.path["batch_id"], show=msgspec.json.encode, ended=lambda progress: progress.ended
    )


async def _progress(service: Service, batch_id: str) -> BatchProgress:
    return await service.readers.run(partial(batch_progress, batch_id=batch_id, now_s=service.clock.now()))


async def pause(service: Service, call: Call) -> Answer:
    return await _hold(service, Pause(call.path["batch_id"]))


async def resume(service: Service, call: Call) -> Answer:
    return await _hold(service, Resume(call.path["batch_id"]))


async def cancel(service: Service, call: Call) -> Answer:
    return await _hold(service, Cancel(call.path["batch_id"]))


async def _hold(service: Service, request: Pause | Resume | Cancel) -> Answer:
    held: Held = await service.writer.submit(request)
    if held.changed:
        service.dispatcher.plan_anew()
    return 200, msgspec.json.encode(held)


ROUTES = (
    Route("POST", "/send", send, "send", SendBody),
    Route("GET", "/send/{batch_id}", batch, "read"),
    Route("GET", "/send/{batch_id}/events", events, "read", streams=True),
    Route("POST", "/send/{batch_id}/pause", pause, "send"),
    Route("POST", "/send/{batch_id}/resume", resume, "send"),
    Route("POST", "/send/{batch_id}/cancel", cancel, "send"),
)

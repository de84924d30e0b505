"""Batches: accepted, followed, held and let go."""

import asyncio
from functools import partial

import msgspec

from server.contacts.audiences import tags_named
from server.contacts.tagging import UseTags
from server.routes.endpoint import Answer, Call, Events, Route
from server.sending.accepting import read_send
from server.sending.holding import Cancel, Held, Pause, Resume
from server.sending.reading import BatchProgress, batch_progress
from server.service import Service
from server.wire import Accepted, SendBody


async def send(service: Service, call: Call) -> Answer:
    """Accept a batch of up to 10,000 recipients."""
    body: SendBody = call.body
    request = await read_send(body, call.header("Idempotency-Key"), service.numbers, service.audiences)
    sending = service.writer.submit(request, weight=1 + len(request.candidates.phones))
    if body.audience is None:
        answer: bytes = await sending
    else:
        used = service.writer.submit(UseTags(tags_named(body.audience)))
        answer, _ = await asyncio.gather(sending, used)
    service.dispatcher.wake()
    return 202, answer


async def batch(service: Service, call: Call) -> Answer:
    """What became of a batch so far."""
    return 200, msgspec.json.encode(await _progress(service, call.path["batch_id"]))


async def events(service: Service, call: Call) -> Events:
    """A batch as it changes, until it is done (server-sent events)."""
    look = partial(_progress, service, call.path["batch_id"])
    await look()  # a batch that does not exist is a problem, not a stream
    return service.watching.changes(
        look, key=call.path["batch_id"], show=msgspec.json.encode, ended=lambda progress: progress.ended
    )


async def _progress(service: Service, batch_id: str) -> BatchProgress:
    return await service.readers.run(partial(batch_progress, batch_id=batch_id, now_s=service.clock.now()))


async def pause(service: Service, call: Call) -> Answer:
    """Hold the messages of a batch that are not yet with the network."""
    return await _hold(service, Pause(call.path["batch_id"]))


async def resume(service: Service, call: Call) -> Answer:
    """Let a paused batch go on."""
    return await _hold(service, Resume(call.path["batch_id"]))


async def cancel(service: Service, call: Call) -> Answer:
    """Give up for good what is not yet with the network."""
    return await _hold(service, Cancel(call.path["batch_id"]))


async def _hold(service: Service, request: Pause | Resume | Cancel) -> Answer:
    held: Held = await service.writer.submit(request)
    if held.changed:
        service.dispatcher.plan_anew()
    return 200, msgspec.json.encode(held)


ROUTES = (
    Route(
        "POST",
        "/send",
        send,
        "send",
        SendBody,
        answer=Accepted,
        status=202,
        problems=(409,),
        headers=("Idempotency-Key",),
    ),
    Route("GET", "/send/{batch_id}", batch, "read", answer=BatchProgress, problems=(404,)),
    Route(
        "GET", "/send/{batch_id}/events", events, "read", answer=BatchProgress, problems=(404,), streams=True
    ),
    Route("POST", "/send/{batch_id}/pause", pause, "send", answer=Held, problems=(404, 409)),
    Route("POST", "/send/{batch_id}/resume", resume, "send", answer=Held, problems=(404, 409)),
    Route("POST", "/send/{batch_id}/cancel", cancel, "send", answer=Held, problems=(404,)),
)

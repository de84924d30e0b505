"""Batches: accepted, and what became of them."""

from functools import partial

import msgspec

from server import reading
from server.endpoint import Answer, Call, Route
from server.sending import read_send
from server.service import Service
from server.wire import SendBody


async def send(service: Service, call: Call) -> Answer:
    request = await read_send(call.body, call.header(b"idempotency-key"), service.numbers, service.readers)
    body: bytes = await service.writer.submit(request, weight=1 + len(request.candidates))
    service.dispatcher.wake()
    return 202, body


async def batch(service: Service, call: Call) -> Answer:
    found = await service.readers.run(partial(reading.batch_progress, batch_id=call.path["batch_id"]))
    return 200, msgspec.json.encode(found)


ROUTES = (
    Route("POST", "/send", send, "send", SendBody),
    Route("GET", "/send/{batch_id}", batch, "read"),
)

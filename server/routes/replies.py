"""What customers write, and conversations that people hold."""

import msgspec

from server.conversations.inbox import Close
from server.conversations.replying import heard
from server.http.problems import Problem
from server.routes.endpoint import Answer, Call, Route
from server.service import Service
from server.wire import Answered, CloseBody, Closed, ReplyBody


async def reply(service: Service, call: Call) -> Answer:
    """One customer message, and what it is answered."""
    body: ReplyBody = call.body
    request = heard(_sender(service, body.from_), body.text, body.message_id)
    return 200, await service.writer.submit(request, request.weight)


async def close(service: Service, call: Call) -> Answer:
    """The person is done: the conversation is automatic again."""
    had_one = await service.writer.submit(Close(_sender(service, call.body.from_)))
    return 200, msgspec.json.encode(Closed("automatic", had_one))


def _sender(service: Service, text: str) -> str:
    phone = service.numbers.normal(text)
    if phone is None:
        raise Problem(422, "not a phone number with its country code, as +14155550100", "from")
    return phone


ROUTES = (
    Route("POST", "/reply", reply, "reply", ReplyBody, answer=Answered),
    Route("POST", "/reply/close", close, "reply", CloseBody, answer=Closed),
)

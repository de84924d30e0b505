"""Conversations that people hold: what waits for agents, what they do, and what was ever said."""

from functools import partial

import msgspec

from server.conversations.inbox import Act, Handle
from server.conversations.reading import History, InboxPage, history, inbox
from server.conversations.searching import IndexTexts, SearchResult, search
from server.http.problems import Problem
from server.routes.endpoint import Answer, Call, Route
from server.service import Service
from server.wire import AgentAnswerBody, AgentBody, Done, InboxQuery, SearchQuery


async def waiting(service: Service, call: Call) -> Answer:
    """Open conversations, urgent ones first, then those unread for longest."""
    query: InboxQuery = call.query
    read = partial(inbox, teams=service.teams, agent=query.agent, team=query.team, limit=query.limit)
    return 200, msgspec.json.encode(await service.readers.run(read))


async def read(service: Service, call: Call) -> Answer:
    """An agent has read a conversation: its time to the next agent stops."""
    return await _handle(service, call, "read")


async def claim(service: Service, call: Call) -> Answer:
    """An agent answers a conversation: nobody else may."""
    return await _handle(service, call, "claim")


async def release(service: Service, call: Call) -> Answer:
    """An agent gives a conversation back to the team, as unread."""
    return await _handle(service, call, "release")


async def answer(service: Service, call: Call) -> Answer:
    """An agent answers, and claims the conversation with it."""
    return await _handle(service, call, "answer", call.body.text)


async def finish(service: Service, call: Call) -> Answer:
    """An agent is done: the conversation is automatic again."""
    return await _handle(service, call, "close")


async def _handle(service: Service, call: Call, act: Act, text: str = "") -> Answer:
    await service.writer.submit(Handle(call.path["id"], call.body.agent, act, text))
    return 200, msgspec.json.encode(Done(call.path["id"], act))


async def conversations(service: Service, call: Call) -> Answer:
    """Search what customers and agents wrote, across all accounts."""
    query: SearchQuery = call.query
    while await service.writer.submit(IndexTexts()):
        pass
    found = await service.readers.run(partial(search, q=query.q, limit=query.limit))
    return 200, msgspec.json.encode(found)


async def conversation(service: Service, call: Call) -> Answer:
    """All that was said to and by one customer."""
    phone = service.numbers.normal(call.path["phone"])
    if phone is None:
        raise Problem(422, "not a phone number with its country code, as +14155550100", "phone")
    found = await service.readers.run(partial(history, teams=service.teams, phone=phone))
    return 200, msgspec.json.encode(found)


_ACTS = (404, 409)
ROUTES = (
    Route("GET", "/inbox", waiting, "reply", query=InboxQuery, answer=InboxPage),
    Route("POST", "/inbox/{id:int}/read", read, "reply", AgentBody, answer=Done, problems=_ACTS),
    Route("POST", "/inbox/{id:int}/claim", claim, "reply", AgentBody, answer=Done, problems=_ACTS),
    Route("POST", "/inbox/{id:int}/release", release, "reply", AgentBody, answer=Done, problems=_ACTS),
    Route("POST", "/inbox/{id:int}/answer", answer, "reply", AgentAnswerBody, answer=Done, problems=_ACTS),
    Route("POST", "/inbox/{id:int}/close", finish, "reply", AgentBody, answer=Done, problems=_ACTS),
    Route("GET", "/conversations", conversations, "reply", query=SearchQuery, answer=SearchResult),
    Route("GET", "/conversations/{phone}", conversation, "reply", answer=History, problems=(404,)),
)

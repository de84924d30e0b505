"""Contacts by filter, as pages and as CSV; what they did."""

from functools import partial

import msgspec

from server.contacts.events import Happening, read_events
from server.contacts.reading import ContactPage, as_csv, contacts_shown
from server.dispatch.contact_index import size_of
from server.routes.endpoint import Answer, Call, Route
from server.service import Service
from server.wire import ContactsQuery, EventsBody, ExportQuery, Happened


async def contacts(service: Service, call: Call) -> Answer:
    """Contacts that match a filter expression, and how many."""
    query: ContactsQuery = call.query
    index, bits = await service.audiences.matching(query.filter, "filter")
    ids = index.ids(bits, query.cursor, query.limit + 1).tolist()
    page, more = ids[: query.limit], len(ids) > query.limit > 0
    shown = await service.readers.run(partial(contacts_shown, index=index, ids=page))
    return 200, msgspec.json.encode(ContactPage(size_of(bits), shown, page[-1] if more else None))


async def export(service: Service, call: Call) -> Answer:
    """Contacts that match a filter expression, as CSV."""
    query: ExportQuery = call.query
    index, bits = await service.audiences.matching(query.filter, "filter")
    ids = index.ids(bits, query.cursor, query.limit).tolist()
    return 200, await service.readers.run(lambda connection: as_csv(contacts_shown(connection, index, ids)))


async def happened(service: Service, call: Call) -> Answer:
    """Take note of what contacts did: clicks, orders, reads, blocks, and apply the rules for them."""
    body: EventsBody = call.body
    now_s = service.clock.now()
    noted, rejected = await read_events(body.events, service.numbers, now_s)
    answer: Happened = await service.writer.submit(Happening(noted, rejected), weight=1 + 2 * len(noted))
    await service.indexing.fresh()  # so that answers by what a customer did know of it
    return 200, msgspec.json.encode(answer)


ROUTES = (
    Route("GET", "/contacts", contacts, "read", query=ContactsQuery, answer=ContactPage),
    Route("GET", "/contacts/export", export, "read", query=ExportQuery, gives=b"text/csv"),
    Route("POST", "/events", happened, "tag", EventsBody, answer=Happened),
)

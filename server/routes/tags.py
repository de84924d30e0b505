"""Tags: given, taken, imported; the taxonomy, its log and its health."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import msgspec

from server.contacts.importing import Report, first_rows, read_rows, report_of
from server.contacts.numbers import Numbers
from server.contacts.reading_tags import TagLog, Tags, all_tags, tag_log, tag_times
from server.contacts.tagging import ChangeTaxonomy, Import, Tag
from server.http.problems import Problem
from server.routes.endpoint import Answer, Call, Route
from server.service import Service
from server.wire import ImportQuery, LogQuery, Rejected, TagBody, Tagged, TaxonomyBody

CHUNK = 10_000  # contacts in one transaction: bounds how long others wait


async def tag(service: Service, call: Call) -> Answer:
    """Give and take tags of listed contacts or an audience."""
    body: TagBody = call.body
    if (body.contacts is None) == (body.audience is None):
        raise Problem(422, "give either contacts or audience", "contacts")
    if not body.add and not body.remove:
        raise Problem(422, "name at least one tag to add or remove", "add")
    if both := set(body.add) & set(body.remove):
        raise Problem(422, f"cannot be added and removed at once: {min(both)}", "remove")
    made = Tag(None, (), (), body.add, body.remove, may_make_tags="admin" in call.scopes)
    if body.audience is not None:
        changed = await _tag_audience(service, body, made)
        return 200, msgspec.json.encode(Tagged(changed, []))
    phones, rejected = await _checked(body.contacts or [], service.numbers)
    request = replace(made, phones=phones, rejected=rejected)
    return 200, msgspec.json.encode(await service.writer.submit(request, weight=1 + len(phones)))


async def _tag_audience(service: Service, body: TagBody, made: Tag) -> int:
    """How many changed. So many at a time; each contact gets all or nothing."""
    assert body.audience is not None
    ids = (await service.audiences.ids(body.audience)).tolist()
    chunks = [ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK)] or [[]]
    requests = [replace(made, ids=chunk) for chunk in chunks]
    first: Tagged = await service.writer.submit(requests[0], weight=1 + len(chunks[0]))
    rest: list[Tagged] = await asyncio.gather(
        *(service.writer.submit(request, weight=1 + len(request.ids)) for request in requests[1:])
    )
    return first.changed + sum(one.changed for one in rest)


async def _checked(texts: Sequence[str], numbers: Numbers) -> tuple[list[str], list[Rejected]]:
    """Valid numbers, and the others with their places."""
    phones = await numbers.all_normal(texts)
    pairs = list(zip(texts, phones, strict=True))
    rejected = [
        Rejected(index, text, f"contacts[{index}]", "invalid_number")
        for index, (text, phone) in enumerate(pairs)
        if phone is None
    ]
    return [phone for _, phone in pairs if phone is not None], rejected


async def tag_import(service: Service, call: Call) -> Answer:
    """Add tags by a CSV of numbers and tags, up to 5,000 rows."""
    query: ImportQuery = call.query
    ignore = query.unknown == "ignore"
    file = await read_rows(call.body, service.numbers)
    first = first_rows(file.rows)
    request = Import({phone: row.tags for phone, row in first.items()}, ignore)
    unknown_tags = await service.writer.submit(request, weight=1 + len(first))
    return 200, msgspec.json.encode(report_of(file, first, unknown_tags, ignore_unknown=ignore))


async def taxonomy(service: Service, call: Call) -> Answer:
    """Make and drop tags, with the reason that the log keeps."""
    body: TaxonomyBody = call.body
    if not body.make and not body.drop:
        raise Problem(422, "name at least one tag to make or drop", "make")
    await service.writer.submit(ChangeTaxonomy(body.make, body.drop, body.reason))
    return await tags(service, call)


async def tags(service: Service, _call: Call) -> Answer:
    """Contacts by tag, and the health of the tags."""
    times = await service.readers.run(tag_times)
    index = await service.indexing.fresh()
    found = all_tags(
        index, times, service.standing_rules, service.scenario.tagging.conflicts, service.clock.now()
    )
    return 200, msgspec.json.encode(found)


async def log(service: Service, call: Call) -> Answer:
    """What happened to tags, latest first."""
    query: LogQuery = call.query
    found = await service.readers.run(partial(tag_log, tag=query.tag, before=query.before, limit=query.limit))
    return 200, msgspec.json.encode(found)


ROUTES = (
    Route("POST", "/tag", tag, "tag", TagBody, answer=Tagged),
    Route("GET", "/tag", tags, "read", answer=Tags),
    Route(
        "POST",
        "/tag/import",
        tag_import,
        "tag",
        query=ImportQuery,
        answer=Report,
        problems=(429,),
        takes="text/csv",
    ),
    Route("POST", "/tag/taxonomy", taxonomy, "admin", TaxonomyBody, answer=Tags),
    Route("GET", "/tag/log", log, "read", query=LogQuery, answer=TagLog),
)

"""Tags: added, removed, imported, counted."""

from collections.abc import Sequence

import msgspec

from server import reading
from server.endpoint import Answer, Call, Route
from server.importing import Report, first_rows, read_rows, report_of
from server.numbers import Numbers
from server.problems import Problem
from server.service import Service
from server.tagging import Import, Tag
from server.wire import Rejected, TagBody, TagCounts, Tagged


async def tag(service: Service, call: Call) -> Answer:
    """Add and remove tags of contacts."""
    body: TagBody = call.body
    if (body.contacts is None) == (body.audience is None):
        raise Problem(422, "give either contacts or audience", "contacts")
    if not body.add and not body.remove:
        raise Problem(422, "name at least one tag to add or remove", "add")
    if both := set(body.add) & set(body.remove):
        raise Problem(422, f"cannot be added and removed at once: {min(both)}", "remove")
    phones, rejected = await _checked(body.contacts or [], service.numbers)
    request = Tag(
        phones if body.audience is None else None,
        rejected,
        body.audience,
        body.add,
        body.remove,
        may_make_tags="admin" in call.scopes,
    )
    return 200, msgspec.json.encode(await service.writer.submit(request, weight=1 + len(phones)))


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
    rows = await read_rows(call.body, service.numbers)
    first = first_rows(rows)
    request = Import({phone: row.tags for phone, row in first.items()})
    unknown_tags = await service.writer.submit(request, weight=1 + len(first))
    return 200, msgspec.json.encode(report_of(rows, first, unknown_tags))


async def tag_counts(service: Service, _call: Call) -> Answer:
    """Contacts by tag."""
    return 200, msgspec.json.encode(TagCounts(await service.readers.run(reading.tag_counts)))


ROUTES = (
    Route("POST", "/tag", tag, "tag", TagBody, answer=Tagged),
    Route("GET", "/tag", tag_counts, "read", answer=TagCounts),
    Route("POST", "/tag/import", tag_import, "tag", answer=Report, takes="text/csv"),
)

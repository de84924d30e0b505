"""`POST /send`: from a request body to a Send that the writer accepts."""

import hashlib
from collections.abc import Mapping, Sequence, Set
from typing import NamedTuple, cast

import msgspec

from scenarios.content import texts_of
from server.contacts.audiences import Audiences
from server.contacts.numbers import Numbers
from server.dispatch.content import content_key
from server.http.problems import Problem
from server.sending.attaching import check_media, reference_of
from server.sending.planning import ZONE_INDEX
from server.sending.scheduling import Candidates, Send
from server.wire import LONGEST_KEY, MAX_CAPTION, MAX_TEXT, Rejected, SendBody, seconds_of


class Addressees(NamedTuple):
    """Recipients from a list or an audience, by column: an object for each costs more than the rest."""

    to: Sequence[str]
    phones: Sequence[str | None]  # E.164; None: malformed
    zones: Sequence[str | None]
    variables: Sequence[Mapping[str, str]]


async def read_send(body: SendBody, key: str | None, numbers: Numbers, audiences: Audiences) -> Send:
    """Check and render; a bad recipient is rejected alone.

    Problem 422 for what makes the whole request senseless.
    """
    content = _content(body)
    _check(body, key)
    given = await _addressees(body, numbers, audiences)
    candidates, rejected = _sorted_out(given, _texts(content, body, given.variables), content)
    return Send(
        template=content.template,
        media=msgspec.json.encode(body.media).decode() if body.media is not None else None,
        candidates=candidates,
        rejected=rejected,
        schedule_s=seconds_of(body.schedule, "schedule") if body.schedule else None,
        key=key,
        body_digest=hashlib.sha256(msgspec.json.encode(body, order="deterministic")).digest()
        if key
        else None,
    )


class Content(NamedTuple):
    """What is sent: its text for each recipient, and the media above it."""

    template: str
    most: int  # characters of the text
    field: str  # of the body that holds the template
    reference: str  # of the media; empty: a text only


def _content(body: SendBody) -> Content:
    if (body.template is None) == (body.media is None):
        raise Problem(422, "give either template, or media with its text as media.caption", "template")
    if body.media is None:
        return Content(body.template or "", MAX_TEXT, "template", "")
    check_media(body.media)
    return Content(body.media.caption or "", MAX_CAPTION, "media.caption", reference_of(body.media))


def _texts(content: Content, body: SendBody, variables: Sequence[Mapping[str, str]]) -> Sequence[str | None]:
    """For each recipient; None: a variable is missing."""
    try:
        return texts_of(content.template, body.fallbacks, variables)
    except ValueError as error:
        mend = "a variable is a name in braces, as {name}; a brace itself is doubled"
        raise Problem(422, f"not a template: {error} ({mend})", content.field) from None


def _check(body: SendBody, key: str | None) -> None:
    if (body.recipients is None) == (body.audience is None):
        raise Problem(422, "give either recipients or audience", "recipients")
    if key is not None and not (1 <= len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        raise Problem(422, f"must have 1 to {LONGEST_KEY} printable ASCII characters", "Idempotency-Key")


def _sorted_out(
    given: Addressees, texts: Sequence[str | None], content: Content
) -> tuple[Candidates, list[Rejected]]:
    if _are_good(given, texts, content.most):
        return _candidates(range(len(texts)), given, texts, content.reference), []
    kept: list[int] = []
    rejected: list[Rejected] = []
    seen: set[str] = set()
    for place, (phone, zone, text) in enumerate(zip(given.phones, given.zones, texts, strict=True)):
        if phone is None or phone in seen or text is None or len(text) > content.most or not _is_known(zone):
            rejected.append(Rejected(place, given.to[place], *_wrong(phone, zone, text, seen)))
        else:
            seen.add(phone)
            kept.append(place)
    good = Addressees(
        to=[given.to[at] for at in kept],
        phones=[given.phones[at] for at in kept],
        zones=[given.zones[at] for at in kept],
        variables=[given.variables[at] for at in kept],
    )
    return _candidates(kept, good, [texts[at] for at in kept], content.reference), rejected


def _are_good(given: Addressees, texts: Sequence[str | None], most: int) -> bool:
    """Whether nobody is to be rejected."""
    return (
        None not in given.phones
        and len(set(given.phones)) == len(given.phones)
        and None not in texts
        and max(map(len, filter(None, texts)), default=0) <= most
        and all(map(_is_known, set(given.zones)))
    )


def _candidates(
    places: Sequence[int], good: Addressees, texts: Sequence[str | None], reference: str
) -> Candidates:
    """Of those who all have a number and a text."""
    said = cast(Sequence[str], texts)
    keys = list(map(content_key, [reference + text for text in said] if reference else said))
    return Candidates(places, good.to, cast(Sequence[str], good.phones), good.zones, said, keys)


def _is_known(zone: str | None) -> bool:
    return zone is None or zone in ZONE_INDEX


def _wrong(phone: str | None, zone: str | None, text: str | None, seen: Set[str]) -> tuple[str, str]:
    """(field, reason) for which a recipient is rejected."""
    if phone is None:
        return "to", "invalid_number"
    if phone in seen:
        return "to", "duplicate"
    if not _is_known(zone):
        return "timezone", "unknown_timezone"
    return "variables", "missing_variable" if text is None else "text_too_long"


async def _addressees(body: SendBody, numbers: Numbers, audiences: Audiences) -> Addressees:
    if body.recipients is not None:
        listed = [one.to for one in body.recipients]
        return Addressees(
            listed,
            await numbers.all_normal(listed),
            [one.timezone for one in body.recipients],
            [one.variables for one in body.recipients],
        )
    assert body.audience is not None  # _check has seen to it
    found = await audiences.recipients(body.audience)
    phones = [one.phone for one, _ in found]
    return Addressees(phones, phones, [one.zone for one, _ in found], [variables for _, variables in found])

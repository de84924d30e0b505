"""`POST /send`: from a request body to a Send that the writer accepts."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from scenarios.content import renderer
from server.audiences import Audiences
from server.dispatch.content import content_key
from server.numbers import Numbers
from server.planning import ZONE_INDEX
from server.problems import Problem
from server.scheduling import Candidate, Send
from server.wire import LONGEST_KEY, MAX_TEXT, Recipient, Rejected, SendBody


class Addressee(NamedTuple):
    """A recipient from a list or an audience, number checked; `phone` None: malformed."""

    to: str
    phone: str | None
    zone: str | None
    variables: Mapping[str, str]


async def read_send(body: SendBody, key: str | None, numbers: Numbers, audiences: Audiences) -> Send:
    """Check and render; a bad recipient is rejected alone.

    Problem 422 for what makes the whole request senseless.
    """
    _check(body, key)
    render = _renderer(body)
    addressees = await _addressees(body, numbers, audiences)
    rejected: list[Rejected] = []
    candidates: list[Candidate] = []
    first_of: dict[str, int] = {}
    for index, one in enumerate(addressees):
        text = render(one.variables)
        wrong = _wrong(one, text, first_of)
        if wrong is not None:
            rejected.append(Rejected(index, one.to, *wrong))
        elif one.phone is not None and text is not None:
            first_of[one.phone] = index
            candidates.append(Candidate(index, one.to, one.phone, one.zone, text, content_key(text)))
    return Send(
        template=body.template,
        candidates=candidates,
        rejected=rejected,
        schedule_s=body.schedule.timestamp() if body.schedule else None,
        key=key,
        body_digest=hashlib.sha256(msgspec.json.encode(body, order="deterministic")).digest()
        if key
        else None,
    )


def _renderer(body: SendBody) -> Callable[[Mapping[str, str]], str | None]:
    try:
        return renderer(body.template, body.fallbacks)
    except ValueError as error:
        raise Problem(422, f"not a template: {error}", "template") from None


def _check(body: SendBody, key: str | None) -> None:
    if (body.recipients is None) == (body.audience is None):
        raise Problem(422, "give either recipients or audience", "recipients")
    if key is not None and not (1 <= len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        raise Problem(422, f"must have 1 to {LONGEST_KEY} printable ASCII characters", "Idempotency-Key")


def _wrong(one: Addressee, text: str | None, first_of: Mapping[str, int]) -> tuple[str, str] | None:
    """(field, reason) for which a recipient is rejected."""
    if one.phone is None:
        return "to", "invalid_number"
    if one.phone in first_of:
        return "to", "duplicate"
    if one.zone is not None and one.zone not in ZONE_INDEX:
        return "timezone", "unknown_timezone"
    if text is None:
        return "variables", "missing_variable"
    return ("variables", "text_too_long") if len(text) > MAX_TEXT else None


async def _addressees(body: SendBody, numbers: Numbers, audiences: Audiences) -> Iterable[Addressee]:
    if body.recipients is not None:
        return await _listed(body.recipients, numbers)
    assert body.audience is not None  # _check has seen to it
    found = await audiences.recipients(body.audience)
    return [Addressee(one.phone, one.phone, one.zone, variables) for one, variables in found]


async def _listed(recipients: Sequence[Recipient], numbers: Numbers) -> Iterable[Addressee]:
    phones = await numbers.all_normal([one.to for one in recipients])
    return [
        Addressee(one.to, phone, one.timezone, one.variables)
        for one, phone in zip(recipients, phones, strict=True)
    ]

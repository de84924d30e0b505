import json
from typing import Any

import msgspec
import pytest

from server.http.problems import Problem, of_decoding
from server.network.graph.faults import Fault
from server.wire import ABOUT_TAGS, EventsBody, ImportQuery, SendBody, TagBody, TokenBody


def test_a_problem_is_a_document_of_rfc_9457() -> None:
    assert json.loads(Problem(404, "no such batch", "batch_id").document()) == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "no such batch",
        "field": "batch_id",
    }


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b"", 400, None),
        (b'{"template": "x"', 400, None),
        (b"5", 422, None),
        (b'{"media": {}}', 422, "media.type"),
        (b'{"template": 5}', 422, "template"),
        (b'{"template": "x", "recipients": [{"to": "1"}, {"too": "1"}]}', 422, "recipients[1].too"),
        (b'{"template": "x", "recipients": [{"to": "1"}, {}]}', 422, "recipients[1].to"),
        (b'{"template": "x", "audience": {"all": [""]}}', 422, "audience.all[0]"),
        (
            b'{"template": "x", "recipients": [{"to": "1", "variables": {"a": 1}}]}',
            422,
            "recipients[0].variables.a",
        ),
    ],
)
def test_what_is_wrong_with_a_body_is_named_by_its_path(body: bytes, status: int, field: str | None) -> None:
    with pytest.raises(msgspec.DecodeError) as caught:
        msgspec.json.decode(body, type=SendBody)
    problem = of_decoding(caught.value, SendBody, body)
    assert (problem.status, problem.field) == (status, field)


ZONED = "a time has a zone, as 2026-11-28T09:30:00Z or 2026-11-28T09:30:00+01:00"


@pytest.mark.parametrize(
    ("body", "kind", "field", "says"),
    [
        (
            b'{"media": {"type": "gif", "mime_type": "image/gif", "size_bytes": 1}}',
            SendBody,
            "media.type",
            "Invalid enum value 'gif'; must be one of image, video, audio, document, sticker",
        ),
        (
            b'{"events": [{"contact": "1", "kind": "click"}]}',
            EventsBody,
            "events[0].kind",
            "Invalid enum value 'click'; must be one of read, clicked, ordered, blocked, complained, visited",
        ),
        (
            b'{"scopes": ["sned"]}',
            TokenBody,
            "scopes[0]",
            "Invalid enum value 'sned'; must be one of send, tag, reply, read, admin",
        ),
        (b'{"kind": "latncy"}', Fault, "kind", "must be one of latency, error"),
        (b'{"contacts": ["1"], "add": ["a,b"]}', TagBody, "add[0]", ABOUT_TAGS),
        (b'{"contacts": ["1"], "add": [""]}', TagBody, "add[0]", f"length >= 1; {ABOUT_TAGS}"),
        (b'{"audience": {"any": ["a;b"]}}', TagBody, "audience.any[0]", ABOUT_TAGS),
        (b'{"audience": {"an": ["a"]}}', TagBody, "audience.an", "unknown field an; did you mean 'any'?"),
        (
            b'{"audience": {"zzz": ["a"]}}',
            TagBody,
            "audience.zzz",
            "unknown field zzz; there are all, any, none",
        ),
        (
            b'{"recipients": [{"too": "1"}]}',
            SendBody,
            "recipients[0].too",
            "unknown field too; did you mean 'to'?",
        ),
        (b'{"recipients": [{}]}', SendBody, "recipients[0].to", "the field to is missing"),
        (b'{"schedule": "tomorrow"}', SendBody, "schedule", f"Invalid RFC3339 encoded datetime; {ZONED}"),
        (b'{"schedule": "2026-11-28T09:30:00"}', SendBody, "schedule", ZONED),
        (
            b'{"recipients": [{"to": "1", "variables": {"a.b": "x", "1": 5, "c": 6}}]}',
            SendBody,
            "recipients[0].variables.1",
            "Expected `str`, got `int`",
        ),
        (
            b'{"recipients": [{"to": "1", "variables": {"a": 5, "a": "x"}}]}',  # the last of a key counts
            SendBody,
            "recipients[0].variables[...]",
            "Expected `str`, got `int`",
        ),
        (
            b'{"recipients": [{"to": "1", "variables": {"a": 5}}], "recipients": 5}',
            SendBody,
            "recipients[0].variables[...]",
            "Expected `str`, got `int`",
        ),
        (
            b'{"recipients": [{"to": "1", "variables": {"a": 5}}], "x": ' + b"[" * 5000,
            SendBody,
            "recipients[0].variables[...]",
            "Expected `str`, got `int`",
        ),
        (b'{"media": {"id": "x1"}}', SendBody, "media.id", "an id has 1 to 64 digits"),
        (b"[]", SendBody, None, "Expected `object`, got `array`"),
    ],
)
def test_what_is_allowed_instead_is_told(body: bytes, kind: Any, field: str | None, says: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(body, type=kind)
    problem = of_decoding(caught.value, kind, body)
    assert (problem.status, problem.field) == (422, field)
    assert says in problem.detail
    assert "regex" not in problem.detail


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "the body is empty; it must be JSON"),
        (b" \n", "the body is empty; it must be JSON"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (b"\x1f\x8b\x08\x00", "compressed"),
        (b"template=Hi", "not valid JSON"),
    ],
)
def test_what_is_no_json_is_told_why(body: bytes, says: str) -> None:
    with pytest.raises(msgspec.DecodeError) as caught:
        msgspec.json.decode(body, type=SendBody)
    assert says in of_decoding(caught.value, SendBody, body).detail


def test_parameters_of_a_query_are_explained_too() -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert({"unknown": "maybe"}, ImportQuery, strict=False)
    problem = of_decoding(caught.value, ImportQuery)
    assert (problem.field, problem.detail) == (
        "unknown",
        "Invalid enum value 'maybe'; must be one of reject, ignore",
    )

import json

import msgspec
import pytest

from server.problems import Problem, of_decoding
from server.wire import SendBody


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
            "recipients[0].variables[...]",
        ),
    ],
)
def test_what_is_wrong_with_a_body_is_named_by_its_path(body: bytes, status: int, field: str | None) -> None:
    with pytest.raises(msgspec.DecodeError) as caught:
        msgspec.json.decode(body, type=SendBody)
    problem = of_decoding(caught.value)
    assert (problem.status, problem.field) == (status, field)

"""The server against its own description: generated requests, good and bad, of a fixed number and seed."""

import json
from collections.abc import Iterator

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from running_server import HEADER, Running, running, write_scenario
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from server.app import ROUTES
from server.openapi import document

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
BUDGET = 15  # requests for each operation


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("openapi")
    with running(write_scenario(folder), folder / "wavetank.db") as server:
        yield server


ENDLESS = [route.path for route in ROUTES if route.streams and "{" not in route.path]
schema = schemathesis.openapi.from_dict(json.loads(document(ROUTES))).exclude(path=ENDLESS)


@schema.parametrize()
@settings(
    max_examples=BUDGET,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_as_described(case: schemathesis.Case, server: Running) -> None:
    case.call_and_validate(base_url=server.url, headers=HEADER, checks=CHECKS)


def test_the_description_needs_no_token_and_names_the_scopes(server: Running) -> None:
    described = httpx.get(f"{server.url}/openapi.json")
    assert described.status_code == 200
    found = described.json()
    assert found == json.loads(document(ROUTES))
    assert found["openapi"].startswith("3.1")
    assert found["paths"]["/send"]["post"]["security"] == [{"bearer": ["send"]}]
    assert "security" not in found["paths"]["/healthz"]["get"]

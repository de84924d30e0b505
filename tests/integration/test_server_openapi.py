"""The server against its own description: generated requests, good and bad, of a fixed number and seed."""

import json
import re
from collections.abc import Callable, Container, Iterator
from itertools import count, cycle
from types import FunctionType
from typing import Any

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
from server.routes.openapi import document

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
BUDGET = 15  # requests for each operation


AGENT = "ann"
LATER = "2099-01-01T00:00:00Z"
TEAMS = f'[replies]\nteams = [{{ name = "service", agents = ["{AGENT}"], keywords = ["damaged"] }}]\n'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("openapi")
    with running(write_scenario(folder, extra=TEAMS), folder / "wavetank.db") as server:
        yield server


def of_each_operation(
    test: Callable[..., None], schema: schemathesis.BaseSchema, paths: Container[str], budget: int
) -> dict[str, Callable[..., Any]]:
    """The test for each operation under a name of its own: pytest-xdist runs tests of one name only once."""
    found = {}
    for operation in (one.ok() for one in schema.get_all_operations()):
        if operation.path not in paths:
            continue
        alone = schema.include(path=operation.path, method=operation.method.upper())
        bounded = settings(
            max_examples=budget,
            derandomize=True,
            deadline=None,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        name = f"test_{test.__name__}_{operation.method}_{re.sub(r'[^a-z]+', '_', operation.path).strip('_')}"
        copy = FunctionType(test.__code__, test.__globals__, name)
        found[name] = alone.parametrize()(bounded(copy))
    return found


def every_answer_is_as_described(case: schemathesis.Case, server: Running) -> None:
    case.call_and_validate(base_url=server.url, headers=HEADER, checks=CHECKS)


DESCRIPTION = json.loads(document(ROUTES))
ENDLESS = {route.path for route in ROUTES if route.streams and "{" not in route.path}
everything = schemathesis.openapi.from_dict(DESCRIPTION)
globals().update(
    of_each_operation(every_answer_is_as_described, everything, DESCRIPTION["paths"].keys() - ENDLESS, BUDGET)
)


class Existing:
    """Things of every kind that a path names, made when they are asked for."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self._phones = (f"+1212555{line:04}" for line in count(2000))
        self._acts = cycle([(), ("pause",), ("cancel",), ("pause", "resume")])

    def named(self, name: str, path: str) -> str | int:
        """The value of this parameter of a path."""
        if name == "batch_id":
            return self._batch(("cancel",) if path.endswith("/events") else next(self._acts))
        made: dict[str, Callable[[], str | int]] = {
            "id": self._conversation,
            "phone": lambda: self._asked("price"),
            "index": lambda: 1,
            "token_id": self._token,
        }
        return made[name]()

    def _batch(self, acts: tuple[str, ...]) -> str:
        """One that waits for its schedule, after these acts; a stream of events needs one that has ended."""
        body = {"template": "Hi", "recipients": [{"to": next(self._phones)}], "schedule": LATER}
        batch = str(self._client.post("/send", json=body).raise_for_status().json()["batch_id"])
        for act in acts:
            self._client.post(f"/send/{batch}/{act}").raise_for_status()
        return batch

    def _asked(self, text: str) -> str:
        phone = next(self._phones)
        self._client.post("/reply", json={"from": phone, "text": text}).raise_for_status()
        return phone

    def _token(self) -> str:
        return str(self._client.post("/tokens", json={"scopes": ["read"]}).raise_for_status().json()["id"])

    def _conversation(self) -> int:
        self._asked("it came damaged")
        waiting = self._client.get("/inbox", params={"limit": 1000}).raise_for_status().json()
        return int(waiting["conversations"][-1]["id"])


@pytest.fixture(scope="module")
def existing(server: Running) -> Iterator[Existing]:
    with server.client() as client:
        yield Existing(client)


@pytest.fixture
def met(request: pytest.FixtureRequest) -> Iterator[set[int]]:
    """The statuses that one operation answered with: it must meet what exists, and not only miss it."""
    seen: set[int] = set()
    yield seen
    assert 200 in seen
    assert 409 in seen or not request.node.name.split("[")[0].endswith("_pause")


def answers_about_what_exists(
    case: schemathesis.Case, server: Running, existing: Existing, met: set[int]
) -> None:
    case.path_parameters = {name: existing.named(name, case.path) for name in case.path_parameters}
    if isinstance(case.body, dict) and "agent" in case.body:
        case.body = {**case.body, "agent": AGENT}
    answer: Any = case.call_and_validate(base_url=server.url, headers=HEADER, checks=CHECKS)
    met.add(answer.status_code)


WELL_MEANT = schemathesis.Config.from_dict({"generation": {"mode": "positive"}})
NAMING = {path for path in DESCRIPTION["paths"] if "{" in path}
well_meant = schemathesis.openapi.from_dict(DESCRIPTION, config=WELL_MEANT)
globals().update(of_each_operation(answers_about_what_exists, well_meant, NAMING, BUDGET // 2))


def test_every_operation_that_names_something_is_asked_about_what_exists() -> None:
    asked = [name for name in globals() if name.startswith("test_answers_about_what_exists_")]
    assert len(asked) == sum("{" in route.path for route in ROUTES)


def test_the_description_needs_no_token_and_names_the_scopes(server: Running) -> None:
    described = httpx.get(f"{server.url}/openapi.json")
    assert described.status_code == 200
    found = described.json()
    assert found == json.loads(document(ROUTES))
    assert found["openapi"].startswith("3.1")
    assert found["paths"]["/send"]["post"]["security"] == [{"bearer": ["send"]}]
    assert "security" not in found["paths"]["/healthz"]["get"]

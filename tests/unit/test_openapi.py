import json
from typing import Any

import pytest
from msgspec import Struct

from server.app import ROUTES
from server.routes.endpoint import JSON, Answer, Call, Route
from server.routes.openapi import document, statuses, summary
from server.service import Service


class Query(Struct, forbid_unknown_fields=True):
    by: str
    limit: int = 10


async def things(_service: Service, _call: Call) -> Answer:
    """Things, by kind.

    More that is not a summary.
    """
    return 200, b"{}"


def described(route: Route) -> dict[str, Any]:
    (operations,) = json.loads(document([route]))["paths"].values()
    return dict(operations[route.method.lower()])


def test_a_route_is_described_by_its_own_parts() -> None:
    found = described(Route("GET", "/things/{kind}/{index:int}", things, "read", query=Query))
    assert found["summary"] == "Things, by kind."
    assert found["security"] == [{"bearer": ["read"]}]
    assert [(one["name"], one["in"], one["required"]) for one in found["parameters"]] == [
        ("kind", "path", True),
        ("index", "path", True),
        ("by", "query", True),
        ("limit", "query", False),
    ]
    assert set(found["responses"]) == {"200", "401", "403", "422", "503"}


def test_statuses_follow_from_what_a_route_takes() -> None:
    assert statuses(Route("GET", "/x", things, None)) == {503}
    assert statuses(Route("GET", "/x", things, "read")) == {401, 403, 503}
    assert statuses(Route("POST", "/x", things, None, Query)) == {400, 413, 422, 503}
    assert statuses(Route("POST", "/x", things, None, takes="text/csv", problems=(409,))) == {
        400,
        409,
        413,
        422,
        503,
    }


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_is_described_whole(route: Route) -> None:
    assert summary(route).endswith(".")
    if route.gives == JSON and not route.streams:
        assert route.answer is not None
    assert described(route)["responses"][str(route.status)]["content"]


def test_operations_have_names_of_their_own() -> None:
    names = [
        operation["operationId"]
        for path in json.loads(document(ROUTES))["paths"].values()
        for operation in path.values()
    ]
    assert len(set(names)) == len(names)

"""The ASGI application: the route tables of all areas, and what Starlette itself refuses."""

from functools import cache
from typing import Any

from starlette import routing
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from server.endpoint import Answer, Call, Route, endpoint
from server.network.graph.app import control_routes, graph_routes
from server.network.graph.emulator import Emulator
from server.openapi import document
from server.problems import MEDIA_TYPE, Problem
from server.routes import administration, contacts, overview, page, replies, sending, tags
from server.service import Service


async def openapi(_service: Service, _call: Call) -> Answer:
    """This description."""
    return 200, _description()


ROUTES = (
    *sending.ROUTES,
    *replies.ROUTES,
    *tags.ROUTES,
    *contacts.ROUTES,
    *overview.ROUTES,
    *administration.ROUTES,
    *page.ROUTES,
    Route("GET", "/openapi.json", openapi, None, answer=dict[str, Any]),
)


@cache
def _description() -> bytes:
    return document(ROUTES)


def make_app(service: Service, emulator: Emulator | None) -> Starlette:
    """The ASGI application of an open service, and of the Cloud API beside it, if there is one."""
    routes: list[routing.BaseRoute] = [
        routing.Route(route.path, endpoint(service, route), methods=[route.method]) for route in ROUTES
    ]
    if emulator is not None:
        routes += [*control_routes(emulator, service.tokens), *graph_routes(emulator, service.tokens)]
    return Starlette(routes=routes, exception_handlers={HTTPException: _http_problem, Exception: _failure})


async def _http_problem(_request: Request, error: Exception) -> Response:
    """No such route, or not with this method."""
    assert isinstance(error, HTTPException)
    problem = Problem(error.status_code, "see docs/server.md for the routes")
    return Response(problem.document(), error.status_code, error.headers, MEDIA_TYPE.decode())


async def _failure(_request: Request, _error: Exception) -> Response:
    """A fault of ours; Starlette raises it on, so that it is logged with its traceback."""
    problem = Problem(500, "the server failed; its log says why")
    return Response(problem.document(), 500, media_type=MEDIA_TYPE.decode())

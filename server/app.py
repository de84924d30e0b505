"""The ASGI application: the route tables of all areas, and what Starlette itself refuses."""

from functools import cache, partial
from typing import Any

from starlette import routing
from starlette.applications import Starlette
from starlette.convertors import register_url_convertor
from starlette.exceptions import HTTPException
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from server.http.absent import no_route
from server.http.direct import Direct
from server.http.paths import NumberConvertor
from server.http.problems import MEDIA_TYPE, Problem
from server.network.errors import PROFILES, Profile
from server.network.graph.app import (
    DirectMessages,
    absent_routes,
    control_routes,
    fixed_controls,
    graph_routes,
    is_of_graph,
    no_node,
)
from server.network.graph.emulator import Emulator
from server.routes import administration, contacts, inbox, overview, page, replies, sending, tags
from server.routes.endpoint import Answer, Call, Route, endpoint
from server.routes.openapi import document
from server.service import Service

register_url_convertor("int", NumberConvertor())


async def openapi(_service: Service, _call: Call) -> Answer:
    """This description."""
    return 200, _description()


ROUTES = (
    *sending.ROUTES,
    *replies.ROUTES,
    *inbox.ROUTES,
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


def make_app(service: Service, emulator: Emulator | None) -> ASGIApp:
    """The ASGI application of an open service, with the Cloud API beside it, or its refusal."""
    endpoints: dict[tuple[str, str], ASGIApp] = {
        (route.method, route.path): endpoint(service, route) for route in ROUTES
    }
    routes: list[routing.BaseRoute] = [
        routing.Route(path, app, methods=[method]) for (method, path), app in endpoints.items()
    ]
    if emulator is not None:
        routes += [*control_routes(emulator, service.tokens), *graph_routes(emulator, service.tokens)]
    else:
        routes += absent_routes()
    profile = emulator.settings.profile if emulator is not None else PROFILES["modern"]
    refuse = partial(_no_route, profile)
    others: ASGIApp = Starlette(
        routes=routes, exception_handlers={HTTPException: refuse, Exception: _failure}
    )
    if emulator is not None:
        endpoints |= fixed_controls(emulator, service.tokens)
        others = DirectMessages(emulator, service.tokens, others)
    return ServerErrorMiddleware(Direct(endpoints, others), handler=_failure)


async def _no_route(profile: Profile, request: Request, error: Exception) -> Response:
    """No such route, or not with this method; a client of the Cloud API is told so in its own shape."""
    assert isinstance(error, HTTPException)
    if is_of_graph(request.url.path):
        return no_node(request.url.path, profile)
    return no_route(request, error.status_code, "docs/server.md and GET /openapi.json list")


async def _failure(_request: Request, _error: Exception) -> Response:
    """A fault of ours; Starlette raises it on, so that it is logged with its traceback."""
    problem = Problem(500, "the server failed; its log says why")
    return Response(problem.document(), 500, media_type=MEDIA_TYPE.decode())

"""The emulator's routes as an ASGI application of its own, or to be mounted into the server's."""

import re
from collections.abc import Sequence
from functools import partial

from starlette.applications import Starlette
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from server.http.absent import no_route
from server.http.auth import Tokens, digest
from server.http.direct import Direct
from server.http.paths import NumberConvertor
from server.http.problems import MEDIA_TYPE, Problem
from server.network.errors import PROFILES, Profile
from server.network.graph import api, api_absent, controls
from server.network.graph.batch import Batch
from server.network.graph.emulator import Emulator
from server.network.graph.http import ControlEndpoint, GraphEndpoint, Line, refusal
from server.network.graph.refusal import ApiError, unknown_object


class VersionConvertor(Convertor[str]):
    """A version of the API: v26.0."""

    regex = r"v[0-9]{1,3}(?:\.[0-9]{1,2})?"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


class NodeConvertor(VersionConvertor):
    """The id of an object: digits."""

    regex = r"[0-9]{1,32}"


class UploadConvertor(VersionConvertor):
    """The id of a resumable upload."""

    regex = r"upload:[A-Za-z0-9_\-]{1,64}"


class AbsentConvertor(VersionConvertor):
    """An edge that the platform has and the emulator has not."""

    regex = "|".join(api_absent.WHAT)


class EndConvertor(VersionConvertor):
    """The end of a path: with a slash or without."""

    regex = r"/?"


register_url_convertor("int", NumberConvertor())
register_url_convertor("version", VersionConvertor())
register_url_convertor("node", NodeConvertor())
register_url_convertor("upload", UploadConvertor())
register_url_convertor("absent", AbsentConvertor())
register_url_convertor("end", EndConvertor())
# The path of a message, as `graph_routes` has it.
MESSAGES = re.compile(f"(?:/graph)?(?:/{VersionConvertor.regex})?/({NodeConvertor.regex})/messages", re.ASCII)
# What a client of the Cloud API asks for, where other routes stand beside it.
SURFACE = re.compile(
    f"/(?:graph|oauth|{VersionConvertor.regex}|{NodeConvertor.regex}|{UploadConvertor.regex})(?:/.*)?",
    re.ASCII | re.DOTALL,
)


BATCHES = (
    "/",
    "/me",
    "/{version:version}{end:end}",
    "/{version:version}/me",
)  # any path may take one: assumed


def graph_routes(emulator: Emulator, tokens: Tokens) -> list[BaseRoute]:
    """The Cloud API under any version and under none; at the root, and under /graph.

    `tokens` gets the app's own token, which may do what clients do.
    """
    tokens.add(digest(emulator.app_token), ("send",))
    here: list[BaseRoute] = [
        Route(prefix + line.path + "{end:end}", GraphEndpoint(emulator, tokens, line), methods=[line.method])
        for lines in (api.ROUTES, api.UNKNOWN)
        for line in lines
        for prefix in ("/{version:version}", "")
    ]
    several = Line("POST", "/", Batch(_alone(here, emulator.settings.profile)))
    here += [Route(path, GraphEndpoint(emulator, tokens, several), methods=["POST"]) for path in BATCHES]
    return [*here, Mount("/graph", routes=here)]


def _alone(routes: Sequence[BaseRoute], profile: Profile) -> ASGIApp:
    """The routes without what Starlette puts around them; what is not there is refused as elsewhere."""

    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        await no_node(scope["path"], profile)(scope, receive, send)

    return Router(routes=list(routes), default=refuse, redirect_slashes=False)


def control_routes(emulator: Emulator, tokens: Tokens) -> list[BaseRoute]:
    """The controls under /emulator."""
    return [
        Route(line.path, ControlEndpoint(emulator, tokens, line), methods=[line.method])
        for line in controls.ROUTES
    ]


def fixed_controls(emulator: Emulator, tokens: Tokens) -> dict[tuple[str, str], ASGIApp]:
    """The controls without a name in their path, by method and path."""
    return {
        (line.method, line.path): ControlEndpoint(emulator, tokens, line)
        for line in controls.ROUTES
        if "{" not in line.path
    }


class DirectMessages:
    """Takes a message straight to its endpoint, whatever its number and version; the rest goes to `others`.

    A walk through all routes, and Starlette's layers, cost more than taking a message does.
    """

    def __init__(self, emulator: Emulator, tokens: Tokens, others: ASGIApp) -> None:
        (line,) = (one for one in api.ROUTES if one.handler is api.messages)
        self._messages = GraphEndpoint(emulator, tokens, line)
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app: ASGIApp = self._others
        is_post = scope["type"] == "http" and scope["method"] == "POST"
        if is_post and (found := MESSAGES.fullmatch(scope["path"])) is not None:
            scope["path_params"] = {"node": found[1]}
            app = self._messages
        await app(scope, receive, send)


def make_app(emulator: Emulator, tokens: Tokens) -> ASGIApp:
    """The emulator alone."""
    routes = [*graph_routes(emulator, tokens), *control_routes(emulator, tokens)]
    refuse = partial(_no_route, emulator.settings.profile)
    others = Starlette(routes=routes, exception_handlers={HTTPException: refuse})
    return Direct(fixed_controls(emulator, tokens), DirectMessages(emulator, tokens, others))


ABSENT = (
    "the Cloud API lives in the memory of one process and is not served by several workers: "
    "start the server with --workers 1, or wavetank emulator beside it"
)


def absent_routes() -> list[BaseRoute]:
    """In place of the others, where several workers serve: each request is told why there is no Cloud API."""
    methods = ["GET", "POST", "PUT", "DELETE"]
    paths = ("/graph/{rest:path}", "/{version:version}/{rest:path}", "/{node:node}/{rest:path}")
    return [
        *(Route(path, _absent, methods=methods) for path in paths),
        Route("/emulator/{rest:path}", _absent_control, methods=methods),
    ]


async def _absent(_request: Request) -> Response:
    refused, _ = refusal(ApiError(3, ABSENT, http=501), PROFILES["modern"])
    return Response(refused.body, refused.status, media_type="application/json")


async def _absent_control(_request: Request) -> Response:
    return Response(Problem(501, ABSENT).document(), 501, media_type=MEDIA_TYPE.decode())


def is_of_graph(path: str) -> bool:
    """Whether a path, on a server with routes of its own too, is one of the Cloud API's surface."""
    return SURFACE.fullmatch(path) is not None


def no_node(path: str, profile: Profile) -> Response:
    """No such path in the Cloud API, or not with this method: the platform has one answer for both."""
    refused, _ = refusal(unknown_object(path), profile)
    return Response(refused.body, refused.status, media_type="application/json")


async def _no_route(profile: Profile, request: Request, error: Exception) -> Response:
    """In the shape of the surface that was asked."""
    assert isinstance(error, HTTPException)
    if request.url.path.startswith("/emulator"):
        return no_route(request, error.status_code, "docs/emulator.md lists")
    return no_node(request.url.path, profile)

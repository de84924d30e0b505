"""The emulator's routes as an ASGI application of its own, or to be mounted into the server's."""

from starlette.applications import Starlette
from starlette.convertors import Convertor, register_url_convertor
from starlette.routing import BaseRoute, Mount, Route

from server.auth import Tokens
from server.network.graph import api, controls
from server.network.graph.emulator import Emulator
from server.network.graph.http import ControlEndpoint, GraphEndpoint


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


register_url_convertor("upload", UploadConvertor())
register_url_convertor("version", VersionConvertor())
register_url_convertor("node", NodeConvertor())


def graph_routes(emulator: Emulator, tokens: Tokens) -> list[BaseRoute]:
    """The Cloud API under any version and under none; at the root, and under /graph."""
    here: list[BaseRoute] = [
        Route(prefix + line.path, GraphEndpoint(emulator, tokens, line), methods=[line.method])
        for lines in (api.ROUTES, api.UNKNOWN)
        for line in lines
        for prefix in ("/{version:version}", "")
    ]
    return [*here, Mount("/graph", routes=here)]


def control_routes(emulator: Emulator, tokens: Tokens) -> list[BaseRoute]:
    """The controls under /emulator."""
    return [
        Route(line.path, ControlEndpoint(emulator, tokens, line), methods=[line.method])
        for line in controls.ROUTES
    ]


def make_app(emulator: Emulator, tokens: Tokens) -> Starlette:
    """The emulator alone."""
    return Starlette(routes=[*graph_routes(emulator, tokens), *control_routes(emulator, tokens)])

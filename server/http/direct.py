"""A short way to what is asked most: a look-up in place of a walk through the routes."""

from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send


class Direct:
    """Takes a request whose method and path are in a table, letter by letter, straight to its endpoint.

    It spares two layers of Starlette too: a sixth of a bare request. All others go the usual way.
    """

    def __init__(self, endpoints: Mapping[tuple[str, str], ASGIApp], others: ASGIApp) -> None:
        self._endpoints = endpoints
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._others
        if scope["type"] == "http":
            app = self._endpoints.get((scope["method"], scope["path"]), app)
        await app(scope, receive, send)

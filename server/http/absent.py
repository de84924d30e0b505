"""What is told of a route that does not exist, or not with the method that was used."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route

from server.http.problems import MEDIA_TYPE, Problem


def no_route(request: Request, status: int, where: str) -> Response:
    """A problem document; `status`: 404 or 405. `where` the routes are listed."""
    path, headers = request.url.path, {}
    if status == 405:
        allowed = ", ".join(sorted(_methods(request)))
        problem, headers["allow"] = Problem(status, f"{path} takes {allowed}"), allowed
    else:
        problem = Problem(status, f"there is no route {path}; {where} them")
    return Response(problem.document(), status, headers, MEDIA_TYPE.decode())


def _methods(request: Request) -> set[str]:
    """Of all routes with this path."""
    routes = [one for one in request.app.routes if isinstance(one, Route)]
    there = [one for one in routes if one.matches(request.scope)[0] is not Match.NONE]
    return {method for route in there for method in route.methods or ()}

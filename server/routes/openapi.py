"""The server's OpenAPI 3.1 description, made of the route tables and the structs of bodies and answers."""

import inspect
import re
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

import msgspec

from server.http.auth import SCOPES
from server.http.problems import MEDIA_TYPE, ProblemDocument
from server.routes.endpoint import EVENTS, JSON, LARGEST, Route
from server.wire import LONGEST_KEY

REFERENCE = "#/components/schemas/{name}"
PARAMETER = re.compile(r"\{(\w+)(?::(\w+))?\}")  # of a path: name and Starlette's convertor
KINDS: dict[str, dict[str, Any]] = {
    "": {"type": "string"},
    "int": {"type": "integer", "minimum": 0, "maximum": LARGEST},
    "path": {"type": "string"},
}
HEADERS: dict[str, dict[str, Any]] = {
    "Idempotency-Key": {
        "type": "string",
        "minLength": 1,
        "maxLength": LONGEST_KEY,
        "pattern": "^[!-~]([ -~]*[!-~])?$",
    }
}
OF_A_BODY = (400, 413, 422)
OF_A_TOKEN = (401, 403)
OF_EVERYTHING = (503,)


def document(routes: Sequence[Route]) -> bytes:
    """The description of these routes, as JSON."""
    schemas, components = _schemas(routes)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        where = PARAMETER.sub(r"{\1}", route.path)
        paths.setdefault(where, {})[route.method.lower()] = _operation(route, schemas, components)
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Wavetank reference server",
                "version": version("wavetank"),
                "description": "Messaging campaigns on an emulated network. It never connects to WhatsApp.",
                "license": {"name": "MIT", "identifier": "MIT"},
            },
            "servers": [{"url": "/"}],
            "paths": paths,
            "components": {
                "schemas": components,
                "securitySchemes": {
                    "bearer": {"type": "http", "scheme": "bearer", "description": _about_scopes()},
                    "login": {"type": "http", "scheme": "basic", "description": "The token as password."},
                },
            },
        }
    )


def summary(route: Route) -> str:
    """The first line of the handler's docstring."""
    return (inspect.getdoc(route.handler) or "").partition("\n")[0]


def _about_scopes() -> str:
    return (
        f"A token with some of the scopes {', '.join(SCOPES)}; each operation names the one that it asks for."
    )


def _schemas(routes: Iterable[Route]) -> tuple[dict[Any, Any], dict[str, Any]]:
    """The schema of each type that a route names, and those that these refer to."""
    kinds: list[Any] = [ProblemDocument]
    for route in routes:
        kinds += [kind for kind in (route.body, route.query, route.answer) if kind is not None]
    unique = list(dict.fromkeys(kinds))
    found, components = msgspec.json.schema_components(unique, ref_template=REFERENCE)
    for schema in components.values():
        if "description" in schema:
            schema["description"] = inspect.cleandoc(schema["description"])
    return dict(zip(unique, found, strict=True)), components


def _operation(route: Route, schemas: dict[Any, Any], components: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": getattr(route.handler, "__name__", route.path),
        "summary": summary(route),
        "parameters": [*_in_path(route), *_in_query(route, components), *_in_header(route)],
        "responses": _responses(route, schemas),
    }
    if route.scope is not None:
        kinds = ("bearer", "login") if route.browser else ("bearer",)
        operation["security"] = [{kind: [route.scope]} for kind in kinds]
    if route.body is not None:
        operation["requestBody"] = _content(JSON.decode(), schemas[route.body]) | {"required": True}
    elif route.takes:
        operation["requestBody"] = _content(route.takes, {"type": "string"}) | {"required": True}
    return operation


def _content(media_type: str, schema: Any) -> dict[str, Any]:
    return {"content": {media_type: {"schema": schema}}}


def _in_path(route: Route) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": KINDS[kind or ""]}
        for name, kind in PARAMETER.findall(route.path)
    ]


def _in_query(route: Route, components: dict[str, Any]) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    schema = components[route.query.__name__]
    return [
        {"name": name, "in": "query", "required": name in schema["required"], "schema": of_name}
        for name, of_name in schema["properties"].items()
    ]


def _in_header(route: Route) -> list[dict[str, Any]]:
    return [{"name": name, "in": "header", "schema": HEADERS[name]} for name in route.headers]


def _responses(route: Route, schemas: dict[Any, Any]) -> dict[str, Any]:
    media_type = (EVENTS if route.streams else route.gives).decode()
    schema = schemas[route.answer] if route.answer is not None else {"type": "string"}
    if route.streams:
        schema = _event(schema if route.answer is not None else {})
    good = {"description": HTTPStatus(route.status).phrase, **_content(media_type, schema)}
    problem = _content(MEDIA_TYPE.decode(), schemas[ProblemDocument])
    return {
        str(route.status): good,
        **{
            str(status): {"description": HTTPStatus(status).phrase, **problem}
            for status in sorted(statuses(route))
        },
    }


def _event(data: Any) -> dict[str, Any]:
    """One server-sent event, whose data is JSON of this schema."""
    text = {"type": "string", "contentMediaType": JSON.decode(), "contentSchema": data}
    return {
        "type": "object",
        "properties": {"event": {"enum": ["progress", "done"]}, "data": text, "retry": {"type": "integer"}},
    }


def statuses(route: Route) -> frozenset[int]:
    """Every status of a problem that the route may answer with."""
    found = {*route.problems, *OF_EVERYTHING}
    if route.scope is not None:
        found.update(OF_A_TOKEN)
    if route.body is not None or route.takes:
        found.update(OF_A_BODY)
    if route.query is not None or PARAMETER.search(route.path):
        found.add(422)
    return frozenset(found)

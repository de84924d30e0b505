"""Forms in parts that hold a file."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request

from server.network.graph.http import Call
from server.network.graph.refusal import ApiError


@asynccontextmanager
async def form_of(call: Call) -> AsyncIterator[FormData]:
    """The form in a request's body; its file is gone when the block ends. ApiError 100 for another body."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": call.body, "more_body": False}

    scope = {"type": "http", "method": "POST", "headers": list(call.headers)}
    try:
        async with Request(scope, receive).form(max_files=1, max_fields=8) as form:
            yield form
    except HTTPException as error:
        raise ApiError(100, f"The form cannot be read: {error.detail}") from None
    except MultiPartException as error:
        raise ApiError(100, f"The form cannot be read: {error.message}") from None


def file_in(form: FormData) -> UploadFile:
    """The file of a form; ApiError 131008 without one."""
    given = form.get("file")
    if not isinstance(given, UploadFile):
        raise ApiError(131008, "Parameter is missing: file")
    return given

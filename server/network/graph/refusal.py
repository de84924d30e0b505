"""What the API refuses."""


class ApiError(Exception):
    """A request that is refused with one of the platform's codes (`server.network.errors`)."""

    def __init__(
        self,
        code: int,
        details: str,
        *,
        subcode: int | None = None,
        message: str = "",
        http: int | None = None,
    ) -> None:
        """`details` explains this case; `message` replaces the code's own; `http` the profile's status."""
        super().__init__(details)
        self.code = code
        self.details = details
        self.subcode = subcode
        self.message = message
        self.http = http


def unknown_object(node: str) -> ApiError:
    """No object has this id, or not of the kind asked for: 400, code 100, subcode 33 (platform 1.1)."""
    return ApiError(
        100,
        "Unsupported request",
        subcode=33,
        message=f"Unsupported request. Object with ID '{node}' does not exist, cannot be loaded due to "
        "missing permissions, or does not support this operation.",
    )

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
        user: tuple[str, str] | None = None,
    ) -> None:
        """`details` explains this case; `message` replaces the code's own; `http` the profile's status;
        `user` is a title and a text to show to people, where the platform gives them.
        """
        super().__init__(details)
        self.code = code
        self.details = details
        self.subcode = subcode
        self.message = message
        self.http = http
        self.user = user


def invalid_parameter(name: str, must_be: str) -> ApiError:
    """A parameter of this name that is not what it must be: code 100."""
    return ApiError(100, f"{name}: {must_be}", message=f"(#100) Invalid parameter {name}: {must_be}")


def unknown_object(node: str) -> ApiError:
    """No object has this id, or not of the kind asked for: 400, code 100, subcode 33 (platform 1.1)."""
    return ApiError(
        100,
        "Unsupported request",
        subcode=33,
        message=f"Unsupported request. Object with ID '{node}' does not exist, cannot be loaded due to "
        "missing permissions, or does not support this operation.",
    )


def not_emulated(what: str) -> ApiError:
    """A part of the platform that is not here, in the shape of an object that does not support a request."""
    why = f"Unsupported request: the emulator has no {what} (docs/emulator.md says what it has)"
    return ApiError(100, why, subcode=33, message=why)


_MANY = "Message failed to send because there were too many messages sent from this phone number"
_EXPLAINED = {
    130429: f"{_MANY} in a short period of time",
    131047: "Message failed to send because more than 24 hours have passed since the customer last replied "
    "to this number.",
    131048: "Message failed to send because there are restrictions on how many messages can be sent from "
    "this phone number.",
    131050: "The recipient has stopped marketing messages from this business.",
    131056: f"{_MANY} to the same phone number in a short period of time",
}


def explained(code: int) -> str:
    """The details that the platform gives with a code, where we know them; else nothing."""
    return _EXPLAINED.get(code, "")

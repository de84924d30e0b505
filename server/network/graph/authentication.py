"""The text of authentication templates, which is the platform's own: a place for the code in body and button.

Words, the button that becomes a URL, and 1 to 90 minutes: the platform's pages on authentication templates,
and templates as users of the platform were shown them. Assumed: the words are English in every language.
"""

from collections.abc import Sequence
from typing import Any

from server.network.graph.refusal import invalid_parameter

BODY = "*{{1}}* is your verification code."
ADVICE = "For your security, do not share this code."
EXPIRES = "This code expires in {} minutes."
LABELS = {"COPY_CODE": "Copy code", "ONE_TAP": "Autofill", "ZERO_TAP": "Autofill"}
URL = "https://www.whatsapp.com/otp/code/?otp_type={}&code=otp{{{{1}}}}"
CODE = "123456"  # of the examples
MOST_MINUTES = 90


def with_preset_text(components: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sound components as they were asked for, with what the platform writes into them.

    ApiError 100 for a button of no known kind, or a code that expires never or too late.
    """
    return [whole for one in components if (whole := _written(one)) is not None]


def _written(one: dict[str, Any]) -> dict[str, Any] | None:
    """A footer that says nothing is none."""
    kind = str(one.get("type", "")).upper()
    if kind == "BODY":
        text = f"{BODY} {ADVICE}" if one.get("add_security_recommendation") else BODY
        return {**one, "type": kind, "text": text, "example": {"body_text": [[CODE]]}}
    if kind == "FOOTER":
        minutes = one.get("code_expiration_minutes")
        if minutes is None:
            return one if one.get("text") else None
        return {**one, "type": kind, "text": EXPIRES.format(_checked(minutes))}
    if kind == "BUTTONS":
        return {**one, "type": kind, "buttons": [_button(button) for button in one.get("buttons", [])]}
    return one


def _button(button: dict[str, Any]) -> dict[str, Any]:
    if str(button.get("type", "")).upper() != "OTP":
        return button
    kind = str(button.get("otp_type", "")).upper()
    if kind not in LABELS:
        raise invalid_parameter("otp_type", f"one of {', '.join(LABELS)}")
    url = URL.format(kind)
    example = [url.replace("{{1}}", CODE)]
    return {"type": "URL", "text": button.get("text") or LABELS[kind], "url": url, "example": example}


def _checked(minutes: Any) -> int:
    if not isinstance(minutes, int) or not 1 <= minutes <= MOST_MINUTES:
        raise invalid_parameter("code_expiration_minutes", f"1 to {MOST_MINUTES}")
    return minutes

"""The business account and its phone numbers, as the API shows them."""

from dataclasses import dataclass, field
from typing import Any

PROFILE_FIELDS = ("about", "address", "description", "email", "profile_picture_url", "vertical", "websites")


@dataclass(slots=True)
class Callback:
    """Where webhooks go."""

    url: str
    verify_token: str


@dataclass(slots=True)
class Number:
    """A phone number of the business. `display` has digits only; `pin` None: never registered with one."""

    id: str
    display: str
    verified_name: str
    is_registered: bool = True
    pin: str | None = None
    profile: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    blocked: dict[str, None] = field(default_factory=dict)  # wa_ids that the business blocked, in order
    callback: Callback | None = None
    registrations_s: list[float] = field(default_factory=list)  # when it was registered or deregistered
    closed_s: float | None = None  # since when it has been closed for good

    def shown(self, quality: str, throughput: str, tier: str) -> dict[str, Any]:
        """As the API answers; `quality` GREEN, YELLOW, RED or UNKNOWN."""
        return {
            "id": self.id,
            "display_phone_number": f"+{self.display}",
            "verified_name": self.verified_name,
            "quality_rating": quality,
            "status": "CONNECTED" if self.is_registered else "DISCONNECTED",
            "code_verification_status": "VERIFIED",
            "name_status": "APPROVED",
            "platform_type": "CLOUD_API" if self.is_registered else "NOT_APPLICABLE",
            "account_mode": "LIVE",
            "is_official_business_account": False,
            "is_pin_enabled": self.pin is not None,
            "throughput": {"level": throughput},
            "messaging_limit_tier": tier,
            "webhook_configuration": (
                {"phone_number": self.callback.url} if self.callback is not None else {}
            ),
        }


@dataclass(slots=True)
class Account:
    """The WhatsApp Business Account that owns all numbers, and the app that uses it."""

    waba_id: str
    app_id: str
    name: str
    callback: Callback | None = None  # of this account, before the app's
    app_callback: Callback | None = None
    is_subscribed: bool = True

    def shown(self) -> dict[str, Any]:
        return {
            "id": self.waba_id,
            "name": self.name,
            "timezone_id": "1",
            "currency": "USD",
            "message_template_namespace": f"{self.waba_id}_namespace",
            "account_review_status": "APPROVED",
            "business_verification_status": "verified",
            "country": "US",
            "ownership_type": "SELF",
        }

    def app_shown(self) -> dict[str, Any]:
        """The app as a subscriber."""
        app = {
            "id": self.app_id,
            "name": "Wavetank",
            "link": f"https://www.facebook.com/games/?app_id={self.app_id}",
        }
        entry: dict[str, Any] = {"whatsapp_business_api_data": app}
        if self.callback is not None:
            entry["override_callback_uri"] = self.callback.url
        return entry


def callback_of(account: Account, number: Number | None) -> Callback | None:
    """Where a number's webhooks go: its own address, else its account's, else the app's; None: nowhere."""
    if not account.is_subscribed:
        return None
    own = number.callback if number is not None else None
    return own or account.callback or account.app_callback

"""The business account and its phone numbers, as the API shows them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from server.network.graph.fields import FIELDS, OVERRIDDEN
from server.network.graph.links import Links
from server.network.graph.refusal import ApiError
from server.network.limits import Number as LimitedNumber
from server.network.pricing import MonthlyCount
from server.network.quality import Ratings, limit_name
from server.network.rules import Throughput

APP_NAME = "Wavetank"
MAX_REGISTRATIONS = 10  # of one number in REGISTRATIONS_S: the platform's page on registration
REGISTRATIONS_S = 72 * 3600.0
THROUGHPUT_SHOWN: Mapping[Throughput, str] = {
    "standard": "STANDARD",
    "upgraded": "HIGH",
    "coexistence": "STANDARD",
}


@dataclass(slots=True)
class Callback:
    """Where webhooks go."""

    url: str
    verify_token: str


@dataclass(slots=True)
class Commerce:
    """Whether customers see a number's cart and catalogue. Assumed: the cart at first, and no catalogue."""

    is_cart_enabled: bool = True
    is_catalog_visible: bool = False


@dataclass(slots=True)
class Number:
    """A phone number of the business. `display` has digits only; `pin` None: never registered with one."""

    id: str
    display: str
    verified_name: str
    limited: LimitedNumber
    ratings: Ratings
    is_registered: bool = True
    new_display_name: str | None = None  # that was asked for, and is in review for good (assumed)
    pin: str | None = None
    profile: dict[str, Any] = field(default_factory=lambda: {"vertical": "OTHER"})
    settings: dict[str, Any] = field(default_factory=dict)
    blocked: dict[str, None] = field(default_factory=dict)  # wa_ids that the business blocked, in order
    blocked_by: set[str] = field(default_factory=set)  # wa_ids that blocked this number
    callback: Callback | None = None
    registrations_s: list[float] = field(default_factory=list)  # when it was registered or deregistered
    links: Links = field(default_factory=Links)
    automation: dict[str, Any] = field(default_factory=dict)  # as it was set; empty: never
    commerce: Commerce = field(default_factory=Commerce)
    public_key: str | None = None  # of the business, for flows
    service_sent: MonthlyCount = field(default_factory=MonthlyCount)

    def note_registration(self, now_s: float) -> None:
        """ApiError 133016 when it has been registered or deregistered too often lately."""
        self.registrations_s = [at_s for at_s in self.registrations_s if at_s > now_s - REGISTRATIONS_S]
        if len(self.registrations_s) >= MAX_REGISTRATIONS:
            raise ApiError(133016, "Too many registrations of this number; try again later")
        self.registrations_s.append(now_s)

    def shown(self) -> dict[str, Any]:
        """As the API answers."""
        review = {"new_display_name": self.new_display_name, "new_name_status": "PENDING_REVIEW"}
        limit = limit_name(self.limited.tier.limit)
        automation = {"conversational_automation": {"id": self.id, **self.automation}}
        return {
            "id": self.id,
            "display_phone_number": f"+{self.display}",
            "verified_name": self.verified_name,
            "quality_rating": self.ratings.rating,
            "status": "CONNECTED" if self.is_registered else "DISCONNECTED",
            "code_verification_status": "VERIFIED",
            "name_status": "APPROVED",
            "platform_type": "CLOUD_API" if self.is_registered else "NOT_APPLICABLE",
            "account_mode": "LIVE",
            "is_official_business_account": False,
            "is_pin_enabled": self.pin is not None,
            "throughput": {"level": THROUGHPUT_SHOWN[self.limited.meter.kind]},
            "messaging_limit_tier": limit,  # until v23 [M]; clients ask for it still
            "whatsapp_business_manager_messaging_limit": limit,  # since v24 [M]
            **(review if self.new_display_name else {}),
            **(automation if self.automation else {}),
        }


@dataclass(slots=True)
class Account:
    """The WhatsApp Business Account that owns all numbers, its owner, and the app that uses it."""

    waba_id: str
    app_id: str
    business_id: str
    name: str
    callback: Callback | None = None  # of this account, before the app's
    app_callback: Callback | None = None
    app_fields: Sequence[str] = FIELDS  # of webhooks, that the app subscribed to
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

    def business_shown(self) -> dict[str, Any]:
        """The business that owns it."""
        return {"id": self.business_id, "name": self.name}

    def apps_shown(self) -> list[dict[str, Any]]:
        """The apps that are told what happens."""
        return [self.app_shown()] if self.is_subscribed else []

    def app_shown(self) -> dict[str, Any]:
        """The app as a subscriber."""
        link = f"https://www.facebook.com/games/?app_id={self.app_id}"
        app = {"id": self.app_id, "name": APP_NAME, "link": link}
        entry: dict[str, Any] = {"whatsapp_business_api_data": app}
        if self.callback is not None:
            entry["override_callback_uri"] = self.callback.url
        return entry

    def callbacks_shown(self, number: Number) -> dict[str, str]:
        """The addresses that a number's webhooks may go to; those that there are."""
        addresses = {
            "phone_number": number.callback,
            "whatsapp_business_account": self.callback,
            "application": self.app_callback,
        }
        return {name: one.url for name, one in addresses.items() if one is not None}

    def callback_of(self, field: str, number: Number | None) -> Callback | None:
        """Where webhooks of a field go: to the number's own address, else this account's, else the app's.

        Nowhere without a subscription; to the app's address alone unless the field is `OVERRIDDEN`.
        """
        if not self.is_subscribed or field not in self.app_fields:
            return None
        if field not in OVERRIDDEN:
            return self.app_callback
        own = number.callback if number is not None else None
        return own or self.callback or self.app_callback

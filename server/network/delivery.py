"""What becomes of one message on the emulated network: pure, and the same for the same seed.

A number is on WhatsApp or is not, for good. An attempt to a registered number is lost with a probability that
makes the whole come out at the scenario's delivery rate, else it arrives after a lognormal delay (the rate at
C158; above the hourly limit C159; what share is unregistered, and the delay, are assumed).
"""

import hashlib
import math
from statistics import NormalDist
from typing import NamedTuple, Protocol

from server.dispatch.retries import TRANSIENT, UNREGISTERED

_NORMAL = NormalDist()


class Settings(Protocol):
    """The network's parameters; the scenario's `network` has them."""

    @property
    def delivery_rate(self) -> float: ...
    @property
    def delivery_rate_over_limit(self) -> float: ...
    @property
    def hourly_limit(self) -> int: ...
    @property
    def unregistered_fraction(self) -> float: ...
    @property
    def delivery_delay_median_s(self) -> float: ...
    @property
    def delivery_delay_log_sd(self) -> float: ...
    @property
    def handover_loss(self) -> float: ...


class Fate(NamedTuple):
    """`reason` None: delivered; `delay_s` from the send to the status that tells it."""

    reason: str | None
    delay_s: float


def fate(
    settings: Settings, seed: int, phone: str, message_id: int, attempt: int, *, over_limit: bool
) -> Fate:
    """The fate of one attempt (from 1) to a phone (E.164).

    `over_limit`: its account is above the hourly limit.
    """
    lost, delay = _uniform(seed, f"{phone}/{message_id}/{attempt}")
    registered, _ = _uniform(seed, phone)
    delay_s = settings.delivery_delay_median_s * math.exp(
        settings.delivery_delay_log_sd * _NORMAL.inv_cdf(delay)
    )
    if registered < settings.unregistered_fraction:
        return Fate(UNREGISTERED, delay_s)
    return Fate(TRANSIENT if lost < loss_rate(settings, over_limit=over_limit) else None, delay_s)


def fate_of_answer(settings: Settings, seed: int, phone: str, answer_id: int) -> Fate:
    """The fate of an answer to a customer who wrote: the number is registered, so it can only be lost.

    The hourly limit is one of campaigns (assumed): answers go on above it.
    """
    lost, delay = _uniform(seed, f"{phone}/answer/{answer_id}")
    delay_s = settings.delivery_delay_median_s * math.exp(
        settings.delivery_delay_log_sd * _NORMAL.inv_cdf(delay)
    )
    return Fate(TRANSIENT if lost < loss_rate(settings, over_limit=False) else None, delay_s)


class Handover(NamedTuple):
    """Whether a message arrives at the network, and whether its sender is told so."""

    arrives: bool
    is_confirmed: bool


def handover(settings: Settings, seed: int, key: str) -> Handover:
    """What becomes of one send on its way to the network; half of the lost ones arrive all the same (assumed:
    a request and its confirmation take the same way). `key`: which send it is."""
    lost, arrived = _uniform(seed, f"handover/{key}")
    is_confirmed = lost >= settings.handover_loss
    return Handover(is_confirmed or arrived < 0.5, is_confirmed)


def loss_rate(settings: Settings, *, over_limit: bool) -> float:
    """Probability that a registered number's attempt is lost.

    From (1 - unregistered) (1 - loss) = delivery rate.
    """
    rate = settings.delivery_rate_over_limit if over_limit else settings.delivery_rate
    return max(0.0, 1.0 - rate / (1.0 - settings.unregistered_fraction))


def _uniform(seed: int, key: str) -> tuple[float, float]:
    """Two numbers in (0, 1) that depend on seed and key alone."""
    digest = hashlib.blake2b(key.encode(), digest_size=16, key=seed.to_bytes(8, "big")).digest()
    return (
        ((int.from_bytes(digest[:8], "big") >> 11) + 0.5) / 2**53,
        ((int.from_bytes(digest[8:], "big") >> 11) + 0.5) / 2**53,
    )

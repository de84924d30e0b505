"""What becomes of messages on the emulated network: pure, by columns, and the same for the same seed.

A number is on WhatsApp or is not, for good. An attempt to a registered number is lost with a probability that
makes the whole come out at the scenario's delivery rate, else it arrives after a lognormal delay (the rate at
C158; above the hourly limit C159; what share is unregistered, and the delay, are assumed).
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from server.dispatch.retries import TRANSIENT, UNREGISTERED

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Words = NDArray[np.uint64]

REASONS = np.array([None, TRANSIENT, UNREGISTERED], object)
# What a number is drawn for.
REGISTERED, LOST, RADIUS, ANGLE, CONFIRMED, ARRIVED, ANSWER = range(7)


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


class Fates(NamedTuple):
    """Columns. `reason` None: delivered; `delay_s` from the send to the status that tells it."""

    reason: list[str | None]
    delay_s: Floats


def fates(
    settings: Settings,
    seed: int,
    phones: Sequence[str],
    message_ids: Sequence[int],
    attempts: Sequence[int],
    over_limit: ArrayLike,
) -> Fates:
    """The fates of attempts (from 1) to phones (E.164); columns of equal length.

    `over_limit`: whether the attempt's account is above the hourly limit.
    """
    numbers = _numbers(phones)
    each = _key(seed, numbers, _words(message_ids), _words(attempts))
    loss = np.where(over_limit, loss_rate(settings, over_limit=True), loss_rate(settings, over_limit=False))
    is_unregistered = _uniform(_key(seed, numbers), REGISTERED) < settings.unregistered_fraction
    which = np.where(is_unregistered, 2, _uniform(each, LOST) < loss)
    return Fates(REASONS[which].tolist(), _delay_s(settings, each))


def fates_of_answers(
    settings: Settings, seed: int, phones: Sequence[str], answer_ids: Sequence[int]
) -> Fates:
    """The fates of answers to customers who wrote: their numbers are registered, so they can only be lost.

    The hourly limit is one of campaigns (assumed): answers go on above it.
    """
    each = _key(seed, _numbers(phones), _words(answer_ids), np.uint64(ANSWER))
    is_lost = _uniform(each, LOST) < loss_rate(settings, over_limit=False)
    return Fates(REASONS[is_lost.astype(int)].tolist(), _delay_s(settings, each))


class Ways(NamedTuple):
    """Whether messages arrive at the network, and whether their sender is told so; columns."""

    arrives: Bools
    is_confirmed: Bools


def ways(
    settings: Settings,
    seed: int,
    message_ids: Sequence[int],
    attempts: Sequence[int],
    sent_s: Sequence[float],
    resends: int,
) -> Ways:
    """What becomes of sends on their way to the network; half of the lost ones arrive all the same (assumed:
    a request and its confirmation take the same way). Columns of equal length.

    A send's instant counts too: one that never arrived is planned anew, and must meet another fate then.
    """
    instants = np.array(sent_s, np.float64).view(np.uint64)
    each = _key(seed, _words(message_ids), _words(attempts), instants, np.uint64(resends))
    is_confirmed = _uniform(each, CONFIRMED) >= settings.handover_loss
    return Ways(is_confirmed | (_uniform(each, ARRIVED) < 0.5), is_confirmed)


def loss_rate(settings: Settings, *, over_limit: bool) -> float:
    """Probability that a registered number's attempt is lost.

    From (1 - unregistered) (1 - loss) = delivery rate.
    """
    rate = settings.delivery_rate_over_limit if over_limit else settings.delivery_rate
    return max(0.0, 1.0 - rate / (1.0 - settings.unregistered_fraction))


def _delay_s(settings: Settings, each: Words) -> Floats:
    """Lognormal, by the transform of Box and Muller."""
    normal = np.sqrt(-2 * np.log(_uniform(each, RADIUS))) * np.cos(2 * np.pi * _uniform(each, ANGLE))
    delay_s: Floats = settings.delivery_delay_median_s * np.exp(settings.delivery_delay_log_sd * normal)
    return delay_s


def _numbers(phones: Sequence[str]) -> Words:
    return np.fromiter(map(int, phones), np.uint64, len(phones))


def _words(values: Sequence[int]) -> Words:
    return np.array(values, np.uint64)


def _uniform(each: Words, purpose: int) -> Floats:
    """Numbers in (0, 1), one for each key."""
    uniform: Floats = ((_mixed(each + np.uint64(purpose)) >> np.uint64(11)) + 0.5) / 2**53
    return uniform


def _key(seed: int, *columns: Words | np.uint64) -> Words:
    """A word for each row, that depends on the seed and the row's values alone."""
    key = _mixed(np.full(1, seed, np.uint64))
    for column in columns:
        key = _mixed(key ^ column)
    return key


def _mixed(words: Words) -> Words:
    """The step of SplitMix64 (Steele, Lea & Flood 2014, Fast splittable pseudorandom number generators)."""
    words = words + np.uint64(0x9E3779B97F4A7C15)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))

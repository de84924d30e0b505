import math
import statistics
from typing import NamedTuple

import pytest

from server.dispatch.retries import TRANSIENT, UNREGISTERED
from server.network import delivery
from server.network.delivery import loss_rate


class Settings(NamedTuple):
    delivery_rate: float = 0.9
    delivery_rate_over_limit: float = 0.6
    hourly_limit: int = 200
    unregistered_fraction: float = 0.05
    delivery_delay_median_s: float = 2.0
    delivery_delay_log_sd: float = 1.5
    handover_loss: float = 0.0


class Fate(NamedTuple):
    reason: str | None
    delay_s: float


def fates(settings: Settings, *, attempt: int = 1, over_limit: bool = False, seed: int = 3) -> list[Fate]:
    numbers = range(20_000)
    phones = [f"+1212{number:07d}" for number in numbers]
    found = delivery.fates(settings, seed, phones, numbers, [attempt] * len(numbers), over_limit)
    return list(map(Fate, found.reason, found.delay_s.tolist()))


def share(outcomes: list[Fate], reason: str | None) -> float:
    return statistics.fmean(outcome.reason == reason for outcome in outcomes)


def test_the_delivery_rate_is_that_of_the_settings() -> None:
    outcomes = fates(Settings())
    assert share(outcomes, None) == pytest.approx(0.9, abs=0.008)  # four standard errors
    assert share(outcomes, UNREGISTERED) == pytest.approx(0.05, abs=0.0062)


def test_fewer_arrive_above_the_hourly_limit() -> None:
    assert share(fates(Settings(), over_limit=True), None) == pytest.approx(0.6, abs=0.014)


def test_losses_and_the_unregistered_make_up_the_delivery_rate() -> None:
    assert (1 - 0.05) * (1 - loss_rate(Settings(), over_limit=False)) == pytest.approx(0.9)
    assert loss_rate(Settings(delivery_rate=0.99), over_limit=False) == 0


def test_who_is_unregistered_stays_so_and_what_is_lost_may_arrive_next_time() -> None:
    first, second = fates(Settings()), fates(Settings(), attempt=2)
    for one, two in zip(first, second, strict=True):
        assert (one.reason == UNREGISTERED) == (two.reason == UNREGISTERED)
    lost = [two.reason for one, two in zip(first, second, strict=True) if one.reason == TRANSIENT]
    assert statistics.fmean(reason is None for reason in lost) > 0.8


def test_delays_are_lognormal() -> None:
    logs = [math.log(outcome.delay_s) for outcome in fates(Settings())]
    assert math.exp(statistics.fmean(logs)) == pytest.approx(2.0, rel=0.05)
    assert statistics.stdev(logs) == pytest.approx(1.5, rel=0.03)


def test_the_same_seed_gives_the_same_fates_and_another_one_others() -> None:
    assert fates(Settings())[:500] == fates(Settings())[:500]
    assert fates(Settings())[:500] != fates(Settings(), seed=4)[:500]

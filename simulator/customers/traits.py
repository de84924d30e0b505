"""What nobody can see about customers: drawn in each replication from what is known of them.

Each trait is drawn by inversion (`simulator.statistics.quantiles`) from a keyed stream of its own: a change
of one shape keeps every customer's rank in it and leaves the other traits as they were.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenarios.schema import Population, Scenario, Segment
from simulator.statistics import quantiles
from simulator.statistics.quantiles import Floats
from simulator.statistics.streams import Purpose, blocks, stream, uniforms


class OrderValue(NamedTuple):
    """An order is worth `typical_usd` x value_scale of its customer x exp(`within_log_sd` x normal)."""

    typical_usd: float
    between_log_sd: float
    within_log_sd: float


class Past(NamedTuple):
    """What each customer's orders before the start say, (customers,); times in weeks."""

    repeats: Floats  # orders after the first; -1: never ordered
    recency_weeks: Floats  # from the first order to the last
    age_weeks: Floats  # from the first order to the start
    value_log_mean: Floats  # mean and sd of the log of value_scale, given the own orders
    value_log_sd: Floats


class Traits(NamedTuple):
    """What replications share: a row of each table a segment, a column a node of `quantiles.SCORES`."""

    segment: NDArray[np.int8]  # of each customer
    engagement: Floats
    price_sensitivity: Floats
    value_log_mean: Floats  # (segments,)
    order_value: OrderValue
    past: Past | None = None

    @property
    def size(self) -> int:
        return len(self.segment)


class Hidden(NamedTuple):
    """What the sender cannot see, (customers,); 13 bytes each."""

    engagement: Floats  # in [0, 1]
    registered: NDArray[np.bool_]  # the number is on WhatsApp
    price_sensitivity: Floats  # in [0, 1]
    value_scale: Floats  # > 0, mean 1 (of the segment: its order_value_ratio)


def order_value_of(people: Population) -> OrderValue:
    """Split the spread of order values between and within customers.

    The variance of the log is order_value_log_sd**2 in all, a share order_value_between of it between
    customers; `typical_usd` is such that the median of all orders is order_value_median_usd.
    """
    total = people.order_value_log_sd
    between = total * people.order_value_between**0.5
    return OrderValue(
        typical_usd=people.order_value_median_usd * float(np.exp(between**2 / 2)),
        between_log_sd=between,
        within_log_sd=total * (1 - people.order_value_between) ** 0.5,
    )


def traits_of(
    scenario: Scenario, segments: tuple[str, ...], segment: NDArray[np.int8], past: Past | None = None
) -> Traits:
    """Tables for each of `segments`; `segment` is each customer's index. With `past`, values follow it."""
    people = scenario.population
    stated = {segment.name: segment for segment in people.segments}
    parts = [stated.get(name, Segment(name=name)) for name in segments]
    value = order_value_of(people)
    ratio = np.array([part.order_value_ratio for part in parts])
    return Traits(
        segment=segment,
        engagement=np.array([quantiles.beta(*engagement_shape(people, part)) for part in parts]),
        price_sensitivity=np.array([quantiles.beta(*_price_shape(people, part)) for part in parts]),
        value_log_mean=(np.log(ratio) - value.between_log_sd**2 / 2).astype(np.float32),
        order_value=value,
        past=past,
    )


def engagement_shape(people: Population, segment: Segment) -> tuple[float, float]:
    """Both shapes of a segment's Beta: its own, else the population's."""
    return segment.engagement_a or people.engagement_a, segment.engagement_b or people.engagement_b


def _price_shape(people: Population, segment: Segment) -> tuple[float, float]:
    return (
        segment.price_sensitivity_a or people.price_sensitivity_a,
        segment.price_sensitivity_b or people.price_sensitivity_b,
    )


def engagement_cells(traits: Traits) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The whole population's engagement as values and their weights (sum 1), for means over customers."""
    share = np.bincount(traits.segment, minlength=len(traits.engagement)) / traits.size
    values = (traits.engagement[:, 1:] + traits.engagement[:, :-1]).astype(np.float64) / 2
    return values.ravel(), (share[:, None] * quantiles.WEIGHTS).ravel()


def hidden_of(traits: Traits, seed: int, number: int, unregistered: float) -> Hidden:
    """All hidden traits of replication `number`; `unregistered`: share of numbers not on WhatsApp."""
    size = traits.size
    hidden = Hidden(
        engagement=np.empty(size, np.float32),
        registered=uniforms(seed, number, Purpose.REGISTERED, size) >= unregistered,
        price_sensitivity=np.empty(size, np.float32),
        value_scale=np.empty(size, np.float32),
    )
    for block, rows in blocks(size):
        row = traits.segment[rows] if len(traits.engagement) > 1 else 0
        key = seed, number, block, rows.stop - rows.start
        hidden.engagement[rows] = quantiles.at(traits.engagement, scores(Purpose.ENGAGEMENT, *key), row)
        hidden.price_sensitivity[rows] = quantiles.at(
            traits.price_sensitivity, scores(Purpose.PRICE_SENSITIVITY, *key), row
        )
        hidden.value_scale[rows] = np.exp(_value_log(traits, rows, scores(Purpose.VALUE_SCALE, *key), row))
    return hidden


def scores(purpose: Purpose, seed: int, number: int, block: int, size: int) -> Floats:
    """Standard normal numbers of a block's first `size` customers."""
    return stream(seed, number, purpose, block).standard_normal(size, dtype=np.float32)


def _value_log(traits: Traits, rows: slice, score: Floats, row: NDArray[np.int8] | int) -> Floats:
    if traits.past is not None:
        return traits.past.value_log_mean[rows] + traits.past.value_log_sd[rows] * score
    mean = traits.value_log_mean[row]
    return np.float32(traits.order_value.between_log_sd) * score + mean

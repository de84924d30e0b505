"""What is sent in a run: every content with its tries, numbered before the first message leaves."""

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.world import PUSHES, World

MOST_TRIES = 8  # an exposure's luck is keyed by campaign x MOST_TRIES + attempt
CAMPAIGN = 0  # number of the exposure that is the campaign's first try
OWN = -1  # of Exposure.content: read as the account's age says
POSTS, FOLLOW_UPS = 1_000_000, 100_000_000  # where their campaigns' numbers begin; pushes' at PUSHES
LAST = -1  # of Exposures.next_try: a message that fails is not sent again


class Exposure(NamedTuple):
    """One content, once; a customer gets it at most once, a follow-up at most once a turn.

    `number` keys the customers' luck; `content` is an index into the kinds of group content, or OWN. Odds are
    against the campaign's first try.
    """

    campaign: int
    attempt: int = 0
    kind: Literal["message", "post", "follow_up"] = "message"
    content: int = OWN
    order_odds: float = 1.0
    is_first: bool = False  # of a day's posts

    @property
    def number(self) -> int:
        return self.campaign * MOST_TRIES + self.attempt

    @property
    def is_push(self) -> bool:
        return PUSHES <= self.campaign < POSTS


class Exposures(NamedTuple):
    """All exposures of a run, and columns by their index here."""

    each: tuple[Exposure, ...]
    number: NDArray[np.uint64]
    is_post: NDArray[np.bool_]
    is_push: NDArray[np.bool_]
    is_message: NDArray[np.bool_]  # neither a post nor a follow-up
    is_retry: NDArray[np.int8]
    is_first: NDArray[np.bool_]
    next_try: NDArray[np.int32]  # the exposure of the next try of a message that fails, or LAST
    first_try: dict[int, int]  # the exposure of each campaign's first try, by the campaign's number


def exposures_of(world: World) -> Exposures:
    """Campaigns and pushes with their tries, posts, and a follow-up a rule."""
    each = (*_tries(world), *_posts(world), *_follow_ups(world))
    place = {one: row for row, one in enumerate(each)}

    def flags(values: Iterable[bool]) -> NDArray[np.bool_]:
        return np.fromiter(values, np.bool_, len(each))

    return Exposures(
        each,
        np.array([one.number for one in each], np.uint64),
        flags(one.kind == "post" for one in each),
        flags(one.is_push for one in each),
        flags(one.kind == "message" for one in each),
        np.array([min(one.attempt, 1) for one in each], np.int8),
        flags(one.is_first for one in each),
        np.array([place.get(one._replace(attempt=one.attempt + 1), LAST) for one in each], np.int32),
        {one.campaign: row for one, row in place.items() if one.attempt == 0},
    )


def _tries(world: World) -> Iterator[Exposure]:
    for campaign in world.campaigns:
        for attempt in range(campaign.retries + 1):
            yield Exposure(campaign.number, attempt)


def _posts(world: World) -> Iterator[Exposure]:
    """Zones get the same post at times of their own."""
    content = {post.number: (post.content, post.is_first) for post in world.posts}
    for number, (kind, is_first) in sorted(content.items()):
        yield Exposure(POSTS + number, kind="post", content=kind, is_first=is_first)


def _follow_ups(world: World) -> Iterator[Exposure]:
    for number, rule in enumerate(world.scenario.programme.follow_ups):
        yield Exposure(FOLLOW_UPS + number, kind="follow_up", order_odds=rule.order_odds)

"""What an automatic answer says to this customer: in stages, and by what they lately did."""

from typing import NamedTuple

DAY_S = 86_400.0
GUIDE_AFTER_S = 30.0  # C055: the illustrated guide follows a short answer unread so long
ORDER_LOOKBACK_S = 7 * DAY_S  # C058: an order in this time adds a link to its status
INACTIVE_S = 30 * DAY_S  # C059: a customer unheard of for longer than this gets a coupon


class Extras(NamedTuple):
    """Lines to add to an answer; empty: none."""

    order_link: str = ""
    coupon: str = ""


class Known(NamedTuple):
    """What is known of a customer before their message: Unix seconds, 0 for never."""

    ordered_s: float = 0.0
    interacted_s: float = 0.0  # read, clicked, ordered or wrote
    added_s: float = 0.0


class Staged(NamedTuple):
    """`text` goes first; `then`, unless the customer has read it, `GUIDE_AFTER_S` later."""

    text: str
    then: str | None


def staged(short: str, guide: str | None, *, asked_before: bool) -> Staged:
    """The short answer with its guide to follow; asked again, the guide at once (C055)."""
    if guide is None:
        return Staged(short, None)
    return Staged(guide, None) if asked_before else Staged(short, guide)


def with_extras(text: str, known: Known, extras: Extras, now_s: float) -> str:
    """An answer with a line for a recent order (C058), or for one long unheard of (C059).

    Somebody new, of whom nothing is known yet, is not long unheard of.
    """
    if extras.order_link and known.ordered_s > 0 and now_s - known.ordered_s <= ORDER_LOOKBACK_S:
        return f"{text}\n{extras.order_link}"
    last_s = max(known.interacted_s, known.added_s)
    if extras.coupon and last_s > 0 and now_s - last_s > INACTIVE_S:
        return f"{text}\n{extras.coupon}"
    return text

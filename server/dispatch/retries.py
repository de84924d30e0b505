"""Failed messages: why they failed, and when the next attempt is due (C028); hand-overs that went astray."""

INVALID_NUMBER = "invalid_number"  # no number at all: C026
UNREGISTERED = "unregistered"  # a number, but not on WhatsApp
TRANSIENT = "transient"  # the network lost it
ACCOUNT_LIMIT = "account_limit"  # the network refused the account, not the number
ACCOUNT_BANNED = "account_banned"

REASONS = frozenset((INVALID_NUMBER, UNREGISTERED, TRANSIENT, ACCOUNT_LIMIT, ACCOUNT_BANNED))
# Only a malformed number is known to be hopeless; the network does not tell a sender who is unregistered
# from who could not be reached, so C028's "failed numbers are tried again" holds for both.
FINAL = frozenset((INVALID_NUMBER,))

ARRIVAL_TIMEOUT_S = 10.0  # C132: what has not reached the network by then is sent again
RESENDS = 3  # C133, the original send not counted


def retry_at(
    reason: str, failed_s: float, attempt: int, *, retry_after_s: float, retries: int
) -> float | None:
    """When to try again a message whose `attempt`-th attempt (from 1) failed at `failed_s`; None: never.

    `retries` is how often a message is tried again after its first attempt; `retry_after_s` the wait before
    each (C028: 24 h). The retry passes every gate of pacing and consent anew.
    ValueError for an unknown reason.
    """
    if reason not in REASONS:
        raise ValueError(f"unknown failure reason {reason!r}; must be one of {', '.join(sorted(REASONS))}")
    if reason in FINAL or attempt > retries:
        return None
    return failed_s + retry_after_s


def may_resend(resends: int) -> bool:
    """Whether a message that was sent again `resends` times without reaching the network is sent once more.

    With an independent loss of 0.234 each, four sends reach it with probability 0.997 (C134).
    """
    return resends < RESENDS
